import { isSecretName, visibleBody, visibleUrl } from "./redact.ts";

/** A request and its answer, without secrets: a line of a recording. */
export interface Exchange {
  readonly request: { readonly method: string; readonly url: string; readonly body: string };
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Fetch = typeof globalThis.fetch;

/**
 * A `fetch` that tells of all that passes it. Secrets are taken out before: what stands under a secret's name, and these.
 *
 * @example
 * const http = createHttp({ clock, random, fetch: recorded(fetch, (exchange) => lines.write(JSON.stringify(exchange) + "\n"), [token]) });
 */
export function recorded(fetch: Fetch, tell: (exchange: Exchange) => void, secrets: readonly string[] = []): Fetch {
  return async (input, init) => {
    const answer = await fetch(input, init);
    const body = await answer.text();
    const headers = [...answer.headers].filter(([name]) => !isSecretName(name));
    tell({
      request: requestOf(input, init, secrets),
      status: answer.status,
      headers: Object.fromEntries(headers),
      body: visibleBody(body, secrets),
    });
    return answerOf(answer.status, answer.headers, body);
  };
}

/**
 * A `fetch` that gives what was recorded, each answer once, in order where a request was made several times. What was
 * never asked for is an error that names it.
 */
export function replayed(exchanges: readonly Exchange[], secrets: readonly string[] = []): Fetch {
  const waiting = new Map<string, Exchange[]>();
  for (const exchange of exchanges) {
    const name = JSON.stringify(exchange.request);
    waiting.set(name, [...(waiting.get(name) ?? []), exchange]);
  }
  return async (input, init) => {
    const request = requestOf(input, init, secrets);
    const exchange = waiting.get(JSON.stringify(request))?.shift();
    if (exchange === undefined)
      throw new Error(`not recorded: ${request.method} ${request.url} ${request.body.slice(0, 200)}`);
    return answerOf(exchange.status, new Headers(exchange.headers), exchange.body);
  };
}

function requestOf(
  input: Parameters<Fetch>[0],
  init: RequestInit | undefined,
  secrets: readonly string[],
): Exchange["request"] {
  const url = input instanceof Request ? input.url : String(input);
  const body = typeof init?.body === "string" ? init.body : "";
  return { method: init?.method ?? "GET", url: visibleUrl(url, secrets), body: visibleBody(body, secrets) };
}

function answerOf(status: number, headers: Headers, body: string): Response {
  const kept = new Headers(headers);
  // The body stands here as it is, whatever it was packed in.
  for (const name of ["content-encoding", "content-length", "transfer-encoding"]) kept.delete(name);
  return new Response([204, 205, 304].includes(status) ? null : body, { status, headers: kept });
}
