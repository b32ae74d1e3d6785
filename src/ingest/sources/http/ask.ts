import type { Json } from "../../../util/json.ts";
import {
  type PausingAnswer,
  type Position,
  type RateLimit,
  type ReadContext,
  SourceError,
  type SourceFailure,
} from "../../source.ts";
import type { Auth, Outgoing } from "./auth.ts";
import { visibleUrl } from "./redact.ts";
import { excerpt } from "./traffic.ts";

/** What a source asks for. No secret is in it: those are the business of `Auth`. */
export interface Question {
  /** Below the API's address, or an address of the same origin, as next links are. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** One of these three is the body. */
  readonly json?: Json;
  readonly form?: Readonly<Record<string, string>>;
  readonly text?: string;
  /** `"text"`: the answer is not JSON, and `body` is null. */
  readonly answer?: "json" | "text";
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The address that was asked, without secrets. */
  readonly position: Position;
  readonly body: Json;
  readonly text: string;
}

/** Why an answer is no good, where the API says so in a way of its own; null leaves it to the status. */
export interface Failure {
  readonly code: SourceFailure;
  readonly message: string;
  readonly retryAt?: number;
}

/** What all streams of an API have in common. */
export interface Api {
  /** Paths are put below it; with or without a slash at its end. */
  readonly address: string;
  readonly auth: Auth;
  readonly headers?: Readonly<Record<string, string>>;
  readonly limits?: readonly RateLimit[];
  readonly pause?: (answer: PausingAnswer) => number | null;
  readonly failure?: (answer: Answer, now: number) => Failure | null;
}

export type Ask = (question: Question) => Promise<Answer>;

/** Asks an API, and gives what is an answer. */
export function asker(api: Api, context: Omit<ReadContext, "cursor" | "window">): Ask {
  async function send(question: Question): Promise<Answer> {
    const url = addressOf(api, question);
    const position = visibleUrl(url.href);
    const form = question.form === undefined ? null : new URLSearchParams(question.form);
    const request: Outgoing = { url, form, headers: new Headers({ ...api.headers, ...question.headers }) };
    await api.auth.apply(request, context);
    const body = bodyOf(question, request);
    const answer = await context.http(url.href, {
      method: question.method ?? (body === undefined ? "GET" : "POST"),
      headers: request.headers,
      ...(body !== undefined && { body }),
      signal: context.signal,
      budget: {
        credential: api.auth.credential,
        limits: api.limits ?? [],
        ...(api.pause !== undefined && { pause: api.pause }),
      },
    });
    const { status, headers } = answer;
    const text = await answer.text();
    const json = question.answer === "text" ? null : jsonOf(text);
    const got = { status, headers, position, text, body: json ?? null };
    const failure =
      api.failure?.(got, context.now()) ?? failureOf(got, api, question.answer !== "text" && json === undefined);
    if (failure === null) return got;
    const message = `${position}: ${failure.message}`;
    throw new Refusal(status, failure.code, message, failure.retryAt ?? null);
  }

  return async (question) => {
    try {
      return await send(question);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 401 || api.auth.renew === undefined) throw error;
      // The token ended before its time: another one, once.
      await api.auth.renew(context);
      return await send(question);
    }
  };
}

/** A `SourceError` that knows with which status it was answered. */
export class Refusal extends SourceError {
  readonly status: number;

  constructor(status: number, code: SourceFailure, message: string, retryAt: number | null) {
    super(code, message, { retryAt });
    this.status = status;
  }
}

/** `undefined` where the text is no JSON. */
function jsonOf(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function failureOf({ status, headers, text }: Answer, api: Api, broken: boolean): Failure | null {
  const said = excerpt(text, [api.auth.credential]);
  if (status === 401)
    return { code: "denied", message: `401, the credential is not taken or has ended${said}. Put in a new one.` };
  if (status === 403)
    return { code: "denied", message: `403, the credential may not read this${said}. Give it the permission.` };
  if (status >= 300 && status < 400) {
    const to = visibleUrl(headers.get("location") ?? "nowhere", [api.auth.credential]);
    return { code: "protocol", message: `${status}, sends to ${to}. If the API has moved, put in that address.` };
  }
  if (status >= 400 || status < 200)
    return { code: "protocol", message: `${status}, the request is not understood${said}` };
  if (!broken) return null;
  if (/^\s*</.test(text))
    return {
      code: "protocol",
      message: `answers ${status} with HTML, not JSON${titleOf(text)}. Is the address that of the API?`,
    };
  const size = new TextEncoder().encode(text).length;
  return { code: "protocol", message: `answers ${status} with JSON that is broken or cut off after ${size} bytes` };
}

function titleOf(html: string): string {
  const title = /<title[^>]*>([^<]{1,100})/i.exec(html)?.[1]?.trim();
  return title === undefined ? "" : ` (“${title}”)`;
}

function addressOf(api: Api, { path, query = {} }: Question): URL {
  const base = new URL(api.address.endsWith("/") ? api.address : `${api.address}/`);
  const url = new URL(path, base);
  // A credential must not follow a link to somebody else.
  if (url.origin !== base.origin)
    throw new SourceError(
      "protocol",
      `${base.href}: a link leads to another server, ${visibleUrl(url.href)}; it is not followed`,
    );
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

function bodyOf(question: Question, { form, headers }: Outgoing): string | undefined {
  if (question.json !== undefined) {
    headers.set("content-type", "application/json");
    return JSON.stringify(question.json);
  }
  if (form !== null) {
    headers.set("content-type", "application/x-www-form-urlencoded");
    return form.toString();
  }
  return question.text;
}
