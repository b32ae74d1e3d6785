import { type Clock, systemClock } from "../util/clock.ts";
import { Problem } from "../wire/problem.ts";
import { TransportError } from "./errors.ts";
import { problemOf } from "./transport.ts";

/** Where the refresh token stays between two visits. It is as good as a password until it is used. */
export interface Keep {
  get(): string | null | Promise<string | null>;
  set(token: string | null): void | Promise<void>;
}

export interface LoginOptions {
  /** Of the server, without `/v1`. */
  readonly url: string;
  /** By default in memory, so that a new visit begins with a login. */
  readonly keep?: Keep | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly clock?: Clock | undefined;
}

export interface Profile {
  readonly id: string;
  readonly userName: string;
  readonly displayName?: string;
}

/** The login of one user at a server with accounts (U3). */
export interface Login {
  /** For `createClient({ auth })`: an access token that is good for a while yet. Throws `unauthenticated` where the login ended. */
  readonly auth: () => Promise<string>;
  /** Throws the server's Problem: `unauthenticated` for a wrong name or password, `rate-limited` where one has to wait. */
  login(userName: string, password: string): Promise<Profile>;
  /** Sets a new password, which ends all logins of the old one, and logs in. */
  changePassword(userName: string, password: string, newPassword: string): Promise<Profile>;
  logout(): Promise<void>;
}

interface Tokens {
  readonly user?: Profile;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
}

interface Locks {
  request<T>(name: string, hold: () => Promise<T>): Promise<T>;
}

/** Milliseconds before its end at which an access token is renewed. */
const EARLY = 30_000;

/**
 * @example
 * const login = createLogin({ url, keep });
 * await login.login("ann", password);
 * const client = createClient({ url, space: "acme", store, auth: login.auth });
 */
export function createLogin({
  url,
  keep = inMemory(),
  fetch = defaultFetch,
  clock = systemClock,
}: LoginOptions): Login {
  const base = `${url.replace(/\/+$/, "")}/v1/auth/`;
  let access: { readonly token: string; readonly until: number } | null = null;
  let renewing: Promise<string> | null = null;

  async function ask(name: string, body: object): Promise<Tokens> {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    let answer: unknown;
    let ok = false;
    try {
      const response = await fetch(base + name, init);
      ok = response.ok;
      answer = await response.json();
    } catch (cause) {
      throw new TransportError("offline", "the server cannot be reached, or the answer broke off", { cause });
    }
    if (ok) return answer as Tokens;
    throw problemOf(answer) ?? new TransportError("foreign", "the answer did not come from a Tidemark server");
  }

  async function take({ accessToken, refreshToken, expiresIn }: Tokens): Promise<void> {
    await keep.set(refreshToken);
    access = { token: accessToken, until: clock.now() + expiresIn * 1_000 - EARLY };
  }

  /** A refresh token is good once: of several tabs that keep one in common only one may use it at a time. */
  function alone<T>(work: () => Promise<T>): Promise<T> {
    const { locks } = (globalThis as { navigator?: { locks?: Locks } }).navigator ?? {};
    return locks === undefined ? work() : locks.request(`tidemark login ${base}`, work);
  }

  async function renewed(): Promise<string> {
    const refreshToken = await keep.get();
    if (refreshToken === null) throw new Problem("unauthenticated", "nobody is logged in: log in");
    const tokens = await ask("refresh", { refreshToken }).catch(async (error: unknown) => {
      if (error instanceof Problem && error.code === "unauthenticated") await keep.set(null);
      throw error;
    });
    await take(tokens);
    return tokens.accessToken;
  }

  async function entered(name: string, body: object): Promise<Profile> {
    return alone(async () => {
      const tokens = await ask(name, body);
      await take(tokens);
      return tokens.user as Profile;
    });
  }

  return {
    async auth() {
      if (access !== null && clock.now() < access.until) return access.token;
      renewing ??= alone(renewed).finally(() => {
        renewing = null;
      });
      return renewing;
    },
    login: (userName, password) => entered("login", { userName, password }),
    changePassword: (userName, password, newPassword) => entered("password", { userName, password, newPassword }),
    logout: () =>
      alone(async () => {
        access = null;
        const refreshToken = await keep.get();
        await keep.set(null);
        if (refreshToken !== null) await ask("logout", { refreshToken });
      }),
  };
}

const defaultFetch: typeof globalThis.fetch = (...asked) => globalThis.fetch(...asked);

function inMemory(): Keep {
  let kept: string | null = null;
  return {
    get: () => kept,
    set: (token) => {
      kept = token;
    },
  };
}
