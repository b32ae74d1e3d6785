import { type Random, randomName } from "../util/random.ts";
import { sha256Hex } from "../util/sha256.ts";
import { Problem } from "../wire/problem.ts";
import type { Tail } from "./tail.ts";
import { insert, type Writer } from "./writer.ts";

/** Milliseconds for which a setup code is good. */
const GOOD = 3_600_000;

interface Code {
  readonly ends: number;
  readonly spent: boolean;
}

/** One-time codes by which the first administrator is made. Only their hashes are stored. */
export class SetupCodes {
  /** By hash, as the tail brings them. */
  readonly known = new Map<string, Code>();
  readonly #tail: Tail;
  readonly #writer: Writer;
  readonly #random: Random;

  constructor(tail: Tail, writer: Writer, random: Random) {
    this.#tail = tail;
    this.#writer = writer;
    this.#random = random;
  }

  async make(now: number): Promise<string> {
    const code = randomName(this.#random);
    await insert(this.#tail, this.#writer, "codes", { id: sha256Hex(code), ends: now + GOOD });
    return code;
  }

  isGood(code: string, now: number): boolean {
    const known = this.known.get(sha256Hex(code));
    return known !== undefined && !known.spent && now < known.ends;
  }

  /** Throws where somebody else was faster. */
  async spend(code: string): Promise<void> {
    await this.#tail.catchUp();
    const record = { id: sha256Hex(code), spent: true };
    const { status } = await this.#writer.write(this.#tail.revision, [
      { op: "update", collection: "codes", record, expect: { spent: null } },
    ]);
    if (status !== "applied") throw new Problem("unauthenticated", "the setup code has been used");
  }

  async sweep(now: number): Promise<void> {
    const over = [...this.known].filter(([, { ends }]) => ends <= now).map(([id]) => id);
    if (over.length === 0) return;
    await this.#writer.write(
      this.#tail.revision,
      over.map((id) => ({ op: "delete", collection: "codes", id })),
    );
  }
}
