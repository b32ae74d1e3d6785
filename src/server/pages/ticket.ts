import { createCipheriv, createDecipheriv } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { User } from "../../model/schema.ts";
import type { Store } from "../../store/store.ts";
import { fromBase64Url, toBase64Url } from "../../util/base64.ts";
import type { Clock } from "../../util/clock.ts";
import type { Random } from "../../util/random.ts";
import type { Span } from "./span.ts";

/** Who may fetch a page, and from which records it can be made again. */
export interface Ticket extends Span {
  readonly user: User;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** How long an address may be used, in milliseconds. */
const LIFE = 600_000;
/** Characters of a ticket beyond which proxies may refuse its address. */
const LONGEST = 4_096;
/** A key is read again after so long, in milliseconds: servers that made one at the same time agree by then. */
const KEPT = 60_000;
/** Spaces whose keys are kept in memory. */
const REMEMBERED = 10_000;
const NOTE = "page key";
const KEY = 32;
const ALGORITHM = "aes-256-gcm";
const NONCE = 12;
const TAG = 16;

interface Parts {
  readonly store: Pick<Store, "note" | "setNote">;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Seals into the address of a page who asked for it, so that permission is asked again when it is fetched, without the
 * token, which caches would have to see. The key lies beside the space: every server of a database opens what another sealed.
 */
export class Tickets {
  readonly #parts: Parts;
  readonly #keys = new Map<string, { readonly key: Uint8Array; readonly read: number }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Null where there can be no address: the user is no JSON, or too long, or a key cannot be stored. */
  async seal(space: string, digest: string, user: User, span: Span): Promise<string | null> {
    const expires = Math.min(this.#parts.clock.now() + LIFE, user.expires ?? Number.POSITIVE_INFINITY);
    const text = JSON.stringify({ ...span, user, expires } satisfies Ticket);
    if (text.length > LONGEST || !isDeepStrictEqual(JSON.parse(text).user, user)) return null;
    const nonce = this.#parts.random.bytes(NONCE);
    const key = await this.#key(space, true);
    if (key === null) return null;
    const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG });
    cipher.setAAD(Buffer.from(`${space}/${digest}`));
    return toBase64Url(Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]));
  }

  /** Null where it was not sealed for this page, or has ended. */
  async open(space: string, digest: string, sealed: string): Promise<Ticket | null> {
    const bytes = fromBase64Url(sealed);
    if (bytes === null || bytes.length <= NONCE + TAG) return null;
    const key = await this.#key(space, false);
    if (key === null) return null;
    const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE), { authTagLength: TAG });
    decipher.setAAD(Buffer.from(`${space}/${digest}`));
    decipher.setAuthTag(bytes.subarray(-TAG));
    let ticket: Ticket;
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]).toString();
      ticket = JSON.parse(text) as Ticket;
    } catch {
      return null;
    }
    return ticket.expires > this.#parts.clock.now() ? ticket : null;
  }

  /** Null where there is none, and none shall be made: whoever brings a ticket may be anybody. */
  async #key(space: string, make: boolean): Promise<Uint8Array | null> {
    const { store, clock, random } = this.#parts;
    const known = this.#keys.get(space);
    if (known !== undefined && Math.abs(clock.now() - known.read) < KEPT) return known.key;
    let text = await store.note(space, NOTE);
    if (text === null && make) {
      // Where nothing can be written, copies go on without addresses (R5).
      await store.setNote(space, NOTE, toBase64Url(random.bytes(KEY))).catch(() => undefined);
      text = await store.note(space, NOTE);
    }
    const key = text === null ? null : fromBase64Url(text);
    if (key === null || key.length !== KEY) return null;
    if (this.#keys.size >= REMEMBERED) this.#keys.clear();
    this.#keys.set(space, { key, read: clock.now() });
    return key;
  }
}
