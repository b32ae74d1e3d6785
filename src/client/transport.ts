import type { Clock } from "../util/clock.ts";
import { isObject } from "../util/json.ts";
import { PROBLEMS, Problem, type ProblemBody, type ProblemCode } from "../wire/problem.ts";
import type { PullRequest } from "../wire/pull.ts";
import type { PushResponse } from "../wire/push.ts";
import type { VerifyRequest } from "../wire/verify.ts";
import type { Bearer } from "./bearer.ts";
import { TransportError } from "./errors.ts";
import { type Received, receivedLines } from "./ndjson.ts";
import { PageLoader } from "./pages.ts";
import { Watch } from "./watch.ts";

export interface TransportOptions {
  readonly url: string;
  readonly space: string;
  readonly bearer: Bearer;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
}

/** How long a server may be silent, in milliseconds, beyond what it was asked to wait. */
export const QUIET = 30_000;

const THIS_MACHINE = /^https?:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/;

/** Requests to one space of a server. Every one of them has a deadline (C2). */
export class Transport {
  readonly #options: TransportOptions;
  /** The address of the space. */
  readonly base: string;
  readonly #pages: PageLoader;
  readonly #headers: { readonly [name: string]: string };

  constructor(options: TransportOptions) {
    this.#options = options;
    this.base = `${options.url.replace(/\/+$/, "")}/v1/spaces/${options.space}`;
    // On one machine bytes cost less than compressing them. A browser keeps this header to itself.
    const encoding: { [name: string]: string } = THIS_MACHINE.test(options.url)
      ? { "accept-encoding": "identity" }
      : {};
    this.#headers = { "content-type": "application/json", ...encoding };
    this.#pages = new PageLoader(options.fetch, this.base, encoding);
  }

  /** The lines of a pull's answer. Leaving the loop ends the request. */
  async *pull(request: PullRequest, signal: AbortSignal): AsyncGenerator<Received> {
    const pages = request.wait === undefined && this.#pages.wanted ? { pages: true } : {};
    yield* this.#lines("pull", { ...request, ...pages }, QUIET + (request.wait ?? 0) * 1_000, signal);
  }

  async *verify(request: VerifyRequest, signal: AbortSignal): AsyncGenerator<Received> {
    yield* this.#lines("verify", request, QUIET, signal);
  }

  /** Sends the text of a PushRequest. */
  async push(body: string, signal: AbortSignal): Promise<PushResponse> {
    const watch = new Watch(this.#options.clock, QUIET, signal);
    try {
      const response = await this.#send("push", body, watch);
      if (!isOfType(response, "application/json")) throw foreign(response);
      const answer: unknown = await readJson(response, watch);
      if (!isPushResponse(answer))
        throw new TransportError("foreign", "the answer to a push is not one of a Tidemark server");
      return answer;
    } catch (error) {
      throw explained(error);
    } finally {
      watch.close();
    }
  }

  async *#lines(path: string, request: object, patience: number, signal: AbortSignal): AsyncGenerator<Received> {
    const watch = new Watch(this.#options.clock, patience, signal);
    try {
      const response = await this.#send(path, JSON.stringify(request), watch);
      if (!isOfType(response, "application/x-ndjson") || response.body === null) throw foreign(response);
      yield* this.#pages.expanded(receivedLines(response.body, watch), watch);
    } catch (error) {
      throw explained(error);
    } finally {
      watch.close();
    }
  }

  async #send(path: string, body: string, watch: Watch): Promise<Response> {
    const { bearer, fetch } = this.#options;
    const token = await (path === "push" ? bearer.forPush(watch) : bearer.forQuestion(watch));
    const headers: { [name: string]: string } = { ...this.#headers };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    const init = { method: "POST", headers, body, signal: watch.signal };
    const response = await watch.within(fetch(`${this.base}/${path}`, init));
    if (response.ok) return response;
    throw await refusalOf(response, watch);
  }
}

/** Problems of the server are thrown as such; anything else did not come from it. */
async function refusalOf(response: Response, watch: Watch): Promise<Error> {
  if (!isOfType(response, "application/problem+json")) return foreign(response);
  return problemOf(await readJson(response, watch)) ?? foreign(response);
}

/** The problem that a body or an `error` line describes; null where it is none. */
export function problemOf(body: unknown): Problem | null {
  if (!isObject(body) || typeof body.code !== "string" || !Object.hasOwn(PROBLEMS, body.code)) return null;
  const { code, detail, path, lastMutation, id, retryAfter } = body as unknown as ProblemBody;
  return new Problem(code as ProblemCode, String(detail), {
    ...(typeof path === "string" && { path }),
    ...(typeof lastMutation === "number" && { lastMutation }),
    ...(typeof id === "number" && { id }),
    ...(typeof retryAfter === "number" && { retryAfter }),
  });
}

async function readJson(response: Response, watch: Watch): Promise<unknown> {
  const text = await watch.within(response.text());
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new TransportError("cut", "the answer is not complete", { cause });
  }
}

function isOfType(response: Response, type: string): boolean {
  return (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() === type;
}

function foreign(response: Response): TransportError {
  const type = response.headers.get("content-type") ?? "no content type";
  return new TransportError(
    "foreign",
    `the answer (${response.status}, ${type}) did not come from a Tidemark server; check the address and the network`,
  );
}

export function isPushResponse(answer: unknown): answer is PushResponse {
  if (!isObject(answer)) return false;
  return (
    typeof answer.revision === "number" && typeof answer.lastMutation === "number" && Array.isArray(answer.outcomes)
  );
}

/** What fetch and streams throw for a lost connection differs from one runtime to the next. */
function explained(error: unknown): unknown {
  if (error instanceof TypeError || (error instanceof Error && error.name === "AbortError")) {
    return new TransportError("offline", "the server cannot be reached, or the connection was lost", { cause: error });
  }
  return error;
}
