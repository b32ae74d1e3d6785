import { backoff } from "../../../util/backoff.ts";
import type { Clock } from "../../../util/clock.ts";
import type { Random } from "../../../util/random.ts";
import { type Budget, type Http, type HttpInit, SourceError } from "../../source.ts";
import { Pace } from "./pace.ts";
import { visibleBody, visibleUrl } from "./redact.ts";

export interface TrafficOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Where requests go in the end; a recording or a replay may stand here. */
  readonly fetch: typeof globalThis.fetch;
  /** How often one request is made at most. 6. */
  readonly tries?: number;
  /** Who is told to wait longer than this, in milliseconds, gives up until then with `busy`. Five minutes. */
  readonly patience?: number;
  /** One request with its answer, in milliseconds. Two minutes. */
  readonly timeout?: number;
  /** Of one answer, in bytes. 64 MiB. */
  readonly most?: number;
}

const WAITS = { first: 1000, most: 60_000 };
const TRANSIENT = [408, 425, 500, 502, 503, 504];
const WITHOUT_BODY = [204, 205, 304];

type Outcome =
  | { readonly kind: "answer"; readonly response: Response }
  /** `until`: when the other side says that it may be asked again. */
  | { readonly kind: "busy"; readonly until: number | null; readonly what: string }
  | { readonly kind: "failed"; readonly what: string; readonly cause?: unknown };

/**
 * The network as sources see it: one for a process, so that all that ask one host with one credential share its limits.
 * A failing network, 5xx and 429 are tried again with full jitter, at most a minute apart; 400, 401 and 403 never are.
 *
 * @example
 * const http = createHttp({ clock: systemClock, random: systemRandom, fetch });
 */
export function createHttp(options: TrafficOptions): Http {
  const { clock, random, tries = 6, patience = 300_000 } = options;
  const paces = new Map<string, Pace>();

  function paceOf(url: string, budget: Budget): Pace {
    const name = `${new URL(url).host} ${budget.credential}`;
    const known = paces.get(name) ?? new Pace(clock, budget.limits);
    paces.set(name, known);
    return known;
  }

  async function turn(pace: Pace, where: string, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const wait = pace.next() - clock.now();
      if (wait <= 0) return pace.take();
      if (wait > patience) throw busy(where, "its quota is spent", clock.now() + wait);
      await clock.sleep(wait, signal);
    }
  }

  return async (url, { budget = NO_BUDGET, ...init } = {}) => {
    const pace = paceOf(url, budget);
    const signal = init.signal ?? undefined;
    const where = `${init.method ?? "GET"} ${visibleUrl(url, [budget.credential])}`;
    for (let attempt = 0; ; attempt++) {
      await turn(pace, where, signal);
      const outcome = await once(url, init, budget, pace, options);
      if (outcome.kind === "answer") return outcome.response;
      signal?.throwIfAborted();
      const last = attempt + 1 >= tries;
      if (outcome.kind === "failed") {
        if (last) throw unreachable(where, outcome.what, tries, outcome.cause);
        await clock.sleep(backoff(attempt, WAITS, random), signal);
        continue;
      }
      const wait = outcome.until === null ? null : outcome.until - clock.now();
      if (last || (wait !== null && wait > patience)) throw busy(where, outcome.what, outcome.until);
      // A little apart, so that those who were told the same time do not all come at it.
      if (wait !== null) await clock.sleep(Math.max(0, wait) + random.fraction() * WAITS.first, signal);
      else await clock.sleep(backoff(attempt, WAITS, random), signal);
    }
  };
}

const NO_BUDGET: Budget = { credential: "", limits: [] };

async function once(
  url: string,
  init: Omit<HttpInit, "budget">,
  budget: Budget,
  pace: Pace,
  { clock, fetch, timeout = 120_000, most = 64 * 2 ** 20 }: TrafficOptions,
): Promise<Outcome> {
  const over = new AbortController();
  const late = new AbortController();
  void clock.sleep(timeout, over.signal).then(() => late.abort());
  try {
    const signal = init.signal ? AbortSignal.any([init.signal, late.signal]) : late.signal;
    const response = await fetch(url, { redirect: "manual", ...init, signal });
    const body = await bytesOf(response, most);
    if (body === null)
      throw new SourceError("protocol", `${visibleUrl(url, [budget.credential])}: more than ${most} bytes`);
    return judged(response, body, budget, pace, clock.now());
  } catch (error) {
    if (error instanceof SourceError) throw error;
    if (late.signal.aborted && !init.signal?.aborted)
      return { kind: "failed", what: `no answer in ${timeout / 1000} s` };
    return { kind: "failed", what: reasonOf(error), cause: error };
  } finally {
    over.abort();
  }
}

function judged(response: Response, body: Uint8Array, budget: Budget, pace: Pace, now: number): Outcome {
  const { status, headers } = response;
  const text = new TextDecoder().decode(body);
  const told = budget.pause?.({ status, headers, text, now }) ?? null;
  const until = told ?? (status === 429 || status === 503 ? retryAfter(headers, now) : null);
  if (until !== null) pace.pause(until);
  const what = `answered ${status}${excerpt(text, [budget.credential])}`;
  if (status === 429 || (status >= 400 && until !== null)) return { kind: "busy", until, what };
  if (TRANSIENT.includes(status)) return { kind: "failed", what };
  const whole = WITHOUT_BODY.includes(status) ? null : new Uint8Array(body);
  return { kind: "answer", response: new Response(whole, { status, headers }) };
}

/** `Retry-After` in seconds or as a date (RFC 9110 10.2.3), as unix milliseconds; null where it says neither. */
export function retryAfter(headers: Headers, now: number): number | null {
  const value = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(value)) return now + Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

/** The beginning of what an answer said, for a message. */
export function excerpt(text: string, secrets: readonly string[] = []): string {
  const plain = visibleBody(text.slice(0, 4000), secrets).replaceAll(/\s+/g, " ").trim();
  if (plain === "") return "";
  return `: ${plain.length > 200 ? `${plain.slice(0, 200)} …` : plain}`;
}

async function bytesOf(response: Response, most: number): Promise<Uint8Array | null> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += (piece as Uint8Array).length;
    if (length > most) return null;
    pieces.push(piece as Uint8Array);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message ?? String(error);
}

function busy(where: string, what: string, retryAt: number | null): SourceError {
  const when = retryAt === null ? "later" : `at ${new Date(retryAt).toISOString()}`;
  return new SourceError("busy", `${where}: ${what}; it is asked again ${when}`, { retryAt });
}

function unreachable(where: string, what: string, tries: number, cause: unknown): SourceError {
  return new SourceError("unreachable", `${where}: ${what}, ${tries} times; it is asked again at the next run`, {
    cause,
  });
}
