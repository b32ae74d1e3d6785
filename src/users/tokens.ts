import { decodeProtectedHeader, jwtVerify, SignJWT } from "jose";
import { fromBase64Url } from "../util/base64.ts";
import type { Clock } from "../util/clock.ts";
import { sha256Hex } from "../util/sha256.ts";

/** What a token says. */
export interface Shown {
  readonly user: string;
  readonly session: string;
  /** Milliseconds since 1970. */
  readonly ends: number;
  /** Of a refresh token: what its session knows the hash of. */
  readonly once: string;
}

type Kind = "access" | "refresh";

const ISSUER = "tidemark";

/** Signs tokens by a key of the server's own, and reads them (HS256). */
export class Tokens {
  readonly #clock: Clock;
  readonly #key: Uint8Array;
  /** Names the key, so that tokens of others are told apart before they are checked. */
  readonly #name: string;

  /** - `secret`: 32 bytes as base64url. */
  constructor(secret: string, clock: Clock) {
    this.#clock = clock;
    this.#key = fromBase64Url(secret) as Uint8Array<ArrayBuffer>;
    this.#name = `${ISSUER}-${sha256Hex(`tidemark key ${secret}`).slice(0, 16)}`;
  }

  sign(kind: Kind, { user, session, ends, once }: Shown): Promise<string> {
    return new SignJWT({ sid: session, ...(once === "" ? {} : { jti: once }) })
      .setProtectedHeader({ alg: "HS256", kid: this.#name })
      .setIssuer(ISSUER)
      .setAudience(kind)
      .setSubject(user)
      .setIssuedAt(Math.floor(this.#clock.now() / 1_000))
      .setExpirationTime(Math.floor(ends / 1_000))
      .sign(this.#key);
  }

  /** Whether a token says that it was signed here. */
  owns(token: string): boolean {
    try {
      return decodeProtectedHeader(token).kid === this.#name;
    } catch {
      return false;
    }
  }

  /** Null: it was not signed here for that purpose, or its time is over. */
  async read(kind: Kind, token: string): Promise<Shown | null> {
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: ["HS256"],
        issuer: ISSUER,
        audience: kind,
        currentDate: new Date(this.#clock.now()),
        requiredClaims: ["sub", "exp", "sid"],
      });
      const { sub = "", exp = 0, sid, jti = "" } = payload;
      return { user: sub, session: String(sid), ends: exp * 1_000, once: jti };
    } catch {
      return null;
    }
  }
}
