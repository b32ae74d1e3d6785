import { type Http, SourceError } from "../../source.ts";
import { excerpt } from "./traffic.ts";

/** A request before it goes out, as an `Auth` changes it. */
export interface Outgoing {
  readonly url: URL;
  readonly headers: Headers;
  /** The fields of its form, where it sends one. */
  readonly form: URLSearchParams | null;
}

export interface Context {
  readonly http: Http;
  readonly signal: AbortSignal;
  /** Unix milliseconds. */
  now(): number;
}

/** How a source shows who is asking. Secrets are known to it alone: positions and messages are made without them. */
export interface Auth {
  /** Tells credentials apart: what asks one host with the same one shares its limits. */
  readonly credential: string;
  apply(request: Outgoing, context: Context): void | Promise<void>;
  /** After a 401: true where a new credential was had, so that it is worth asking once more. */
  renew?(context: Context): Promise<boolean>;
}

/** Requests as they are, for an API that asks nobody who he is. */
export const noAuth: Auth = { credential: "", apply: () => {} };

/** `Authorization: Bearer …` (RFC 6750). */
export function bearer(token: string): Auth {
  return header("authorization", `Bearer ${token}`, token);
}

/** `Authorization: Basic …` (RFC 7617), in UTF-8. */
export function basic(user: string, password: string): Auth {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  const pair = btoa(String.fromCharCode(...bytes));
  return header("authorization", `Basic ${pair}`, pair);
}

/** A header with each request. `credential` is what must never be seen in a log or a message; the whole value by default. */
export function header(name: string, value: string, credential = value): Auth {
  return { credential, apply: ({ headers }) => headers.set(name, value) };
}

/** A key in the query of the address, or in the form where the request sends one. */
export function key(name: string, value: string): Auth {
  return { credential: value, apply: ({ url, form }) => (form ?? url.searchParams).set(name, value) };
}

export interface OAuth2 {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** With it tokens are refreshed (RFC 6749 section 6), without it they are the client's own (4.4). */
  readonly refreshToken?: string;
  readonly scope?: string;
  /** Told the next refresh token where the server gives a new one each time: the old one is good no more. */
  readonly keep?: (refreshToken: string) => void | Promise<void>;
}

/** A token that ends within this many milliseconds is not used any more. */
const EARLY = 60_000;

interface Token {
  readonly value: string;
  /** Unix milliseconds; null where the server does not say. */
  readonly ends: number | null;
}

/** OAuth 2: a bearer token that is fetched when it is needed, by one for all, and once more after a 401. */
export function oauth2(options: OAuth2): Auth {
  let refreshToken = options.refreshToken;
  let token: Token | null = null;
  let fetching: Promise<Token> | null = null;

  async function fetchToken(context: Context): Promise<Token> {
    const form = new URLSearchParams({ client_id: options.clientId, client_secret: options.clientSecret });
    form.set("grant_type", refreshToken === undefined ? "client_credentials" : "refresh_token");
    if (refreshToken !== undefined) form.set("refresh_token", refreshToken);
    if (options.scope !== undefined) form.set("scope", options.scope);
    const answer = await context.http(options.tokenUrl, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      body: form.toString(),
      budget: { credential: options.clientId, limits: [] },
      signal: context.signal,
    });
    const text = await answer.text();
    const got = parsed(text);
    if (!answer.ok || typeof got["access_token"] !== "string") {
      const secrets = [options.clientSecret, refreshToken ?? ""];
      throw new SourceError(
        "denied",
        `${options.tokenUrl} gave no token: ${answer.status}${excerpt(text, secrets)}. Log in again, and put the new credential in.`,
      );
    }
    if (typeof got["refresh_token"] === "string" && got["refresh_token"] !== refreshToken) {
      refreshToken = got["refresh_token"];
      await options.keep?.(refreshToken);
    }
    const seconds = Number(got["expires_in"]);
    return { value: got["access_token"], ends: Number.isFinite(seconds) ? context.now() + seconds * 1000 : null };
  }

  async function current(context: Context): Promise<Token> {
    if (token !== null && (token.ends === null || token.ends - EARLY > context.now())) return token;
    fetching ??= fetchToken(context).finally(() => {
      fetching = null;
    });
    token = await fetching;
    return token;
  }

  return {
    credential: options.clientId,
    async apply({ headers }, context) {
      headers.set("authorization", `Bearer ${(await current(context)).value}`);
    },
    async renew(context) {
      token = null;
      await current(context);
      return true;
    },
  };
}

function parsed(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
