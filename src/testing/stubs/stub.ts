import { isObject, type Json, type JsonObject } from "../../util/json.ts";

/** A server of somebody else, small and in memory: a web-standard handler, to be called as `fetch` or to be listened with. */
export type Handler = (request: Request) => Promise<Response>;

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: string;
  /** The body where it is a JSON object, else empty. */
  readonly json: JsonObject;
}

/** Instead of the answer to the n-th request from when it was set, counted from 1; undefined lets it through. */
export type Trouble = (n: number, asked: Asked) => Response | undefined;

/** What stands between what a stub answers and who asks: it remembers, and makes trouble on demand. */
export class Stub {
  /** All that was asked, oldest first. */
  readonly asked: Asked[] = [];
  readonly #answer: (asked: Asked) => Response;
  #trouble: Trouble | null = null;
  #since = 0;

  constructor(answer: (asked: Asked) => Response) {
    this.#answer = answer;
  }

  set trouble(trouble: Trouble | null) {
    this.#trouble = trouble;
    this.#since = this.asked.length;
  }

  readonly handler: Handler = async (request) => {
    const url = new URL(request.url);
    const body = await request.text();
    const { method, headers } = request;
    const asked = { method, path: url.pathname, query: url.searchParams, headers, body, json: jsonOf(body) };
    this.asked.push(asked);
    return this.#trouble?.(this.asked.length - this.#since, asked) ?? this.#answer(asked);
  };
}

function jsonOf(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as unknown;
    return isObject(value) ? (value as JsonObject) : {};
  } catch {
    return {};
  }
}

export function json(body: Json, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
}

/** A maintenance page, with status 200. */
export function html(): Response {
  const text = "<!doctype html><html><head><title>Back soon</title></head><body><p>We are updating.</p></body></html>";
  return new Response(text, { headers: { "content-type": "text/html" } });
}

/** JSON that ends in the middle. */
export function cut(): Response {
  return new Response('{"results":[{"id":"1","prop', { headers: { "content-type": "application/json" } });
}

/** An answer with this status, as a server gives it that has trouble. */
export function failing(status = 500): Response {
  return new Response("upstream failed", { status });
}
