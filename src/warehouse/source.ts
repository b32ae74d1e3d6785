import { type Auth, Bearer } from "../client/bearer.ts";
import { PullFirst, TransportError } from "../client/errors.ts";
import type { Received } from "../client/ndjson.ts";
import { problemOf, QUIET, Transport } from "../client/transport.ts";
import { Watch } from "../client/watch.ts";
import type { Revision } from "../model/record.ts";
import { backoff } from "../util/backoff.ts";
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import type { HeadResponse } from "../wire/head.ts";
import type { JournalResponse } from "../wire/journal.ts";
import { Problem } from "../wire/problem.ts";
import type { PullRequest } from "../wire/pull.ts";
import { WarehouseError } from "./sink.ts";

export interface SourceOptions {
  /** The server's address, for instance "https://example.org". */
  readonly url: string;
  readonly space: string;
  /** A bearer token, or a function that gives the present one. */
  readonly auth?: Auth | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** So often in a row an answer may fail that brought nothing. */
const ATTEMPTS = 6;
const RETRY = { first: 500, most: 30_000 };
/** Entries of one answer of the journal: as many as a server gives (H12). */
const ENTRIES = 1_000;

/** The space that a warehouse follows, asked as any replica asks it. */
export class Source {
  readonly #options: SourceOptions;
  readonly #transport: Transport;
  readonly #bearer: Bearer;
  #failures = 0;

  constructor(options: SourceOptions) {
    const { url, space, fetch, clock } = options;
    this.#options = options;
    this.#bearer = new Bearer(options.auth);
    this.#transport = new Transport({ url, space, bearer: this.#bearer, fetch, clock });
  }

  get space(): string {
    return this.#options.space;
  }

  pull(request: PullRequest): AsyncGenerator<Received> {
    return this.#transport.pull(request, this.#options.signal);
  }

  async head(): Promise<HeadResponse> {
    return (await this.#get("")) as HeadResponse;
  }

  async journal(since: Revision): Promise<JournalResponse["entries"]> {
    return ((await this.#get(`/journal?since=${since}&limit=${ENTRIES}`)) as JournalResponse).entries;
  }

  /** Something has come: what fails next is a new failure. */
  progressed(): void {
    this.#failures = 0;
  }

  /** Waits until it may be asked again; throws what cannot be helped by that. */
  async again(error: unknown): Promise<void> {
    const { clock, random, signal } = this.#options;
    if (signal.aborted || !isPassing(error)) throw explained(error);
    if (++this.#failures >= ATTEMPTS)
      throw new WarehouseError("unreachable", `it failed ${ATTEMPTS} times: ${(error as Error).message}`, {
        cause: error,
      });
    if (error instanceof PullFirst) return;
    const pause = error instanceof Problem ? (error.extras.retryAfter ?? 0) * 1_000 : 0;
    await clock.sleep(Math.max(pause, backoff(this.#failures, RETRY, random)), signal);
  }

  async #get(path: string): Promise<unknown> {
    const { fetch, clock, signal } = this.#options;
    const watch = new Watch(clock, QUIET, signal);
    try {
      const token = await this.#bearer.present(watch);
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await watch.within(fetch(`${this.#transport.base}${path}`, { headers, signal: watch.signal }));
      const body: unknown = await watch.within(response.json());
      if (response.ok) return body;
      throw (
        problemOf(body) ??
        new TransportError("foreign", `the answer (${response.status}) is not that of a Tidemark server`)
      );
    } catch (error) {
      if (error instanceof SyntaxError)
        throw new TransportError("foreign", "the answer is not that of a Tidemark server", { cause: error });
      if (error instanceof TypeError)
        throw new TransportError("offline", "the server cannot be reached, or the connection was lost", {
          cause: error,
        });
      throw error;
    } finally {
      watch.close();
    }
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof Problem) return error.code === "unavailable" || error.code === "rate-limited";
  return error instanceof TransportError || error instanceof PullFirst;
}

function explained(error: unknown): unknown {
  if (!(error instanceof Problem)) return error;
  const refused = error.code === "forbidden" || error.code === "unauthenticated";
  const kept = refused ? "; what the warehouse holds stays as it is" : "";
  return new WarehouseError(
    refused ? "refused" : "unreachable",
    `the server says ${error.code}: ${error.message}${kept}`,
    {
      cause: error,
    },
  );
}
