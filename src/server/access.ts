import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from "jose";
import { type Action, type Authorize, patternCovers } from "../model/grant.ts";
import { idFlaw } from "../model/names.ts";
import type { User } from "../model/schema.ts";
import type { Clock } from "../util/clock.ts";
import { isObject } from "../util/json.ts";
import { Problem } from "../wire/problem.ts";
import type { AuthConfig } from "./config.ts";
import type { Grants } from "./grants/grants.ts";
import type { Identity } from "./identity.ts";
import type { Origin } from "./origin.ts";

/** Who asks, and what they may do: the one place that decides it (A3). */
export interface Access {
  /** No authentication is configured: everyone on this machine is admin (A1). */
  readonly open: boolean;
  /** The principal of a request; throws `unauthenticated`. */
  identify(request: Request, origin: Origin): Promise<User>;
  authorize: Authorize;
  /** Whether what a user was identified by still holds, as far as that can end without its time being over. */
  stands(user: User): boolean;
  /** Calls the listener whenever a login may have ended or a permission changed, where that is known at once. */
  watch(listener: () => void): void;
  /** Whether nobody can be identified before the server is ready. */
  readonly closedUntilReady: boolean;
}

/** The same, with the links that were registered here (S7): they are known by their keys, and may do what they were granted. */
export function withLinks(access: Access, grants: Grants): Access {
  return {
    ...access,
    async identify(request, origin) {
      const token = TOKEN.exec(request.headers.get("authorization") ?? "")?.[1];
      const link = token === undefined ? null : await grants.identify(token);
      return link ?? (await access.identify(request, origin));
    },
    authorize: (user, action) => grants.allows(user, action) ?? access.authorize(user, action),
    stands: (user) => grants.stands(user) ?? access.stands(user),
    watch(listener) {
      grants.watch(listener);
      access.watch(listener);
    },
  };
}

type Asked = Pick<Access, "open" | "identify" | "authorize">;

/** Whoever asks an open server. */
const ANYONE: User = { id: "anyone" };

export function accessOf(auth: AuthConfig, clock: Clock, identity?: Identity): Access {
  const others = withoutAccounts(auth, clock);
  // `open` beside an identity: whoever has the data itself in hand, who needs no account.
  if (identity === undefined || auth.open === true)
    return { ...others, stands: () => true, watch: () => undefined, closedUntilReady: false };
  const fallback = auth.authorize === undefined ? byClaims : guarded(auth.authorize);
  return {
    open: false,
    async identify(request, origin) {
      const own = TOKEN.exec(request.headers.get("authorization") ?? "")?.[1];
      const user = own === undefined ? null : await identity.identify(own);
      if (user !== null) return user;
      if (others.open) throw new Problem("unauthenticated", own === undefined ? NO_TOKEN : NOT_OURS);
      const named = await others.identify(request, origin);
      await identity.admit(named);
      return named;
    },
    authorize(user, action) {
      if (identity.spaces.has(action.space)) return identity.authorize(user, action);
      if (auth.authorize !== undefined) return fallback(user, action);
      return identity.authorize(user, action) || fallback(user, action);
    },
    stands: (user) => identity.stands(user),
    watch: (listener) => identity.watch(listener),
    closedUntilReady: true,
  };
}

/** What the configuration alone says. */
function withoutAccounts(auth: AuthConfig, clock: Clock): Asked {
  const { authenticate } = auth;
  if (authenticate)
    return {
      open: false,
      identify: (request) => byConfig(authenticate, request),
      authorize: guarded(auth.authorize ?? byClaims),
    };
  if (auth.jwtSecret !== undefined || auth.jwks !== undefined) {
    const verify = tokenVerifier(auth, clock);
    return {
      open: false,
      identify: (request) => verify(bearerOf(request)),
      authorize: guarded(auth.authorize ?? byClaims),
    };
  }
  return { open: true, identify: async (_, origin) => openUser(auth, origin), authorize: () => true };
}

/** Throws `forbidden` in words that are the same whatever there is (P10). */
export function demand(access: Access, user: User, action: Action): void {
  if (access.authorize(user, action)) return;
  throw new Problem("forbidden", `this principal may not ${describe(action)}: ask for a token that grants it`);
}

function describe(action: Action): string {
  if (action.do === "authors") return "learn who wrote what";
  if (action.do === "admin") return `administer ${action.space === "*" ? "the server" : "this space"}`;
  return action.do === "head" ? "use this space" : `${action.do} this scope`;
}

/** An `authorize` that throws, or gives a promise, has not said yes. */
function guarded(authorize: Authorize): Authorize {
  return (user, action) => {
    try {
      const answer: unknown = authorize(user, action);
      if (answer instanceof Promise) answer.catch(() => undefined);
      return answer === true;
    } catch {
      return false;
    }
  };
}

async function byConfig(authenticate: NonNullable<AuthConfig["authenticate"]>, request: Request): Promise<User> {
  const user = await authenticate(request);
  if (user === null || user === undefined)
    throw new Problem("unauthenticated", "this request is of nobody that the server knows: log in");
  return checked(user);
}

/** A principal becomes part of what is stored, so it obeys the rule of ids. */
function checked(user: User): User {
  if (idFlaw(user.id) !== null)
    throw new Problem("unauthenticated", "the principal is no id: 1 to 256 bytes without control characters");
  return user;
}

function openUser(auth: AuthConfig, origin: Origin): User {
  if (origin.loopback || (origin.loopback === null && auth.open === true)) return ANYONE;
  throw new Problem(
    "unauthenticated",
    "no authentication is configured, so only this machine is answered: set `auth` in the configuration",
  );
}

const TOKEN = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i;
const NO_TOKEN = "send the header Authorization: Bearer TOKEN";
const NOT_OURS = "the token is not valid: log in";

function bearerOf(request: Request): string {
  const token = TOKEN.exec(request.headers.get("authorization") ?? "")?.[1];
  if (token === undefined) throw new Problem("unauthenticated", NO_TOKEN);
  return token;
}

/** Throws where the login by which a user came in has ended since. */
export function demandStanding(access: Pick<Access, "stands">, user: User): void {
  if (!access.stands(user)) throw new Problem("unauthenticated", LOGIN_ENDED);
}

export const LOGIN_ENDED = "the login has ended: log in again";

type Verifier = (token: string) => Promise<User>;

function tokenVerifier(auth: AuthConfig, clock: Clock): Verifier {
  const secret = auth.jwtSecret === undefined ? null : new TextEncoder().encode(auth.jwtSecret);
  const keys = auth.jwks === undefined ? null : createRemoteJWKSet(new URL(auth.jwks));
  return async (token) => {
    const options: JWTVerifyOptions = {
      currentDate: new Date(clock.now()),
      ...(auth.issuer !== undefined && { issuer: auth.issuer }),
      ...(auth.audience !== undefined && { audience: auth.audience }),
    };
    try {
      const symmetric = decodeProtectedHeader(token).alg === "HS256";
      if (symmetric && secret)
        return userOf((await jwtVerify(token, secret, { ...options, algorithms: ["HS256"] })).payload);
      if (!symmetric && keys) {
        return userOf((await jwtVerify(token, keys, { ...options, algorithms: ["ES256", "EdDSA", "RS256"] })).payload);
      }
    } catch (error) {
      throw tokenProblem(error);
    }
    throw new Problem("unauthenticated", "the token is signed in a way that this server does not accept");
  };
}

function userOf(payload: JWTPayload): User {
  if (payload.sub === undefined) throw new Problem("unauthenticated", "the token has no `sub`");
  const ends = payload.exp === undefined ? {} : { expires: payload.exp * 1_000 };
  return checked({ id: payload.sub, claims: payload, ...ends });
}

function tokenProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof errors.JWTExpired) return new Problem("unauthenticated", "the token has expired: get a new one");
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new Problem("unauthenticated", `the token's claim ${error.claim} is not what this server accepts`);
  }
  const malformed =
    error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid);
  if (malformed && error.code !== "ERR_JOSE_GENERIC")
    return new Problem("unauthenticated", "the token is not valid: get a new one");
  if (error instanceof TypeError && !/fetch/i.test(error.message))
    return new Problem("unauthenticated", "the token is not valid: get a new one");
  return new Problem("unavailable", "the keys that tokens are checked with cannot be fetched: try again", {
    retryAfter: 5,
  });
}

interface Grant {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly admin: boolean;
  readonly authors: boolean;
}

const NOTHING: Grant = { read: [], write: [], admin: false, authors: false };

/** The claim `tidemark`: `{space: {read: [pattern], write: [pattern], admin, authors}}`; space "*" is every space and the server. */
function byClaims(user: User, action: Action): boolean {
  const server = grantOf(user.claims, "*");
  const space = action.space === "*" ? NOTHING : grantOf(user.claims, action.space);
  if (action.do === "admin") return server.admin || space.admin;
  if (action.do === "authors") return [server, space].some(({ admin, authors }) => admin || authors);
  const patterns = (kind: "read" | "write") => [...server[kind], ...space[kind]];
  if (action.do === "head")
    return server.admin || space.admin || patterns("read").length > 0 || patterns("write").length > 0;
  return patterns(action.do).some((pattern) => patternCovers(pattern, action.scope));
}

function grantOf(claims: unknown, space: string): Grant {
  const spaces = isObject(claims) && isObject(claims.tidemark) ? claims.tidemark : {};
  const grant = Object.hasOwn(spaces, space) ? spaces[space] : null;
  if (!isObject(grant)) return NOTHING;
  return {
    read: texts(grant.read),
    write: texts(grant.write),
    admin: grant.admin === true,
    authors: grant.authors === true,
  };
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
