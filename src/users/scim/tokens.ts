import { type Random, randomName } from "../../util/random.ts";
import { sha256Hex } from "../../util/sha256.ts";
import { Problem } from "../../wire/problem.ts";
import type { Tail } from "../tail.ts";
import { again, insert, type Writer } from "../writer.ts";

/** Tokens begin with this, so that they are told apart, and found where they should not be. */
const PREFIX = "tdms_";

export interface KnownToken {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly made: number;
}

/** The tokens of identity providers: good for /scim/v2 and nothing else. Only their hashes are stored. */
export class ScimTokens {
  /** By hash, as the tail brings them. */
  readonly known = new Map<string, KnownToken>();
  readonly #tail: Tail;
  readonly #writer: Writer;
  readonly #random: Random;

  constructor(tail: Tail, writer: Writer, random: Random) {
    this.#tail = tail;
    this.#writer = writer;
    this.#random = random;
  }

  static owns(token: string): boolean {
    return token.startsWith(PREFIX);
  }

  /** A new token of a name, beside those that the name has, so that one can be changed without a gap. */
  async make(name: string, now: number): Promise<string> {
    const token = `${PREFIX}${randomName(this.#random)}${randomName(this.#random)}`;
    await insert(this.#tail, this.#writer, "tokens", { id: sha256Hex(token), name, made: now });
    return token;
  }

  /** The name of a token; throws `unauthenticated`. */
  async nameOf(token: string): Promise<string> {
    await this.#tail.current();
    const hash = sha256Hex(token);
    // Another server may have made or revoked it a moment ago.
    if (!this.known.has(hash)) await this.#tail.catchUp();
    const found = this.known.get(hash);
    if (found === undefined) throw new Problem("unauthenticated", "this SCIM token is not known, or was revoked");
    return found.name;
  }

  /** Ends all tokens of a name; gives how many there were. */
  async revoke(name: string): Promise<number> {
    await this.#tail.catchUp();
    const ids = [...this.known].filter(([, token]) => token.name === name).map(([id]) => id);
    if (ids.length === 0) throw new Problem("not-found", `there is no SCIM token ${JSON.stringify(name)}`);
    const writes = ids.map((id) => ({ op: "delete", collection: "tokens", id }) as const);
    const { status } = await this.#writer.write(this.#tail.revision, writes);
    if (status !== "applied") throw again();
    await this.#tail.catchUp();
    return ids.length;
  }
}
