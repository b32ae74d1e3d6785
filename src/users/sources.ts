import type { Log } from "../server/log.ts";
import type { Clock } from "../util/clock.ts";
import { Problem } from "../wire/problem.ts";
import type { SourceRecord } from "./collections.ts";
import type { Directory } from "./directory.ts";
import { heldSweep } from "./guard.ts";
import type { Tail } from "./tail.ts";
import { again, type Writer } from "./writer.ts";

/** Milliseconds in which the deactivations of a source that sends them one by one are counted together. */
const WINDOW = 24 * 3_600_000;
/** Milliseconds for which a confirmation is good. */
const CONFIRMED = 24 * 3_600_000;
const ATTEMPTS = 5;

interface Decision {
  /** Null: it stays as it is. */
  readonly record: Omit<SourceRecord, "id"> | null;
  /** Why the users are held; null: they are not. */
  readonly reason: string | null;
}

interface Parts {
  readonly directory: Directory;
  readonly tail: Tail;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly log: Log;
}

/** How many users each source has ended, so that none empties a directory unless somebody confirms it (U5). */
export class Sources {
  /** As the tail brings them. */
  readonly known = new Map<string, SourceRecord>();
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Counts users that a source is about to end. Throws `forbidden` where they are held: then none of them may be. */
  async admit(source: string, ending: number): Promise<void> {
    if (ending === 0) return;
    const { clock } = this.#parts;
    const reason = await this.#change(source, (known): Decision => {
      const now = clock.now();
      if (known !== undefined && now < (known.confirmed ?? 0)) return { record: null, reason: null };
      const open = known !== undefined && now - known.since < WINDOW;
      const { since, active, ended } = open ? known : { since: now, active: this.#activeOf(source), ended: 0 };
      const held = heldSweep({ active, ending: ended + ending });
      const record = held === null ? { since, active, ended: ended + ending } : { since, active, ended, held: true };
      return { record, reason: held };
    });
    if (reason !== null) throw this.#held(source, reason);
  }

  /**
   * Asks whether a complete pass may be carried out. Throws `forbidden` where it is held: then nothing of it may be. A
   * confirmation is good for one pass.
   * - `reason`: why it has to be confirmed; null: it has not.
   */
  async admitPass(source: string, reason: string | null): Promise<void> {
    if (reason === null) return;
    const none = { since: 0, active: 0, ended: 0 };
    const held = await this.#change(source, (known): Decision => {
      if (known !== undefined && this.#parts.clock.now() < (known.confirmed ?? 0))
        return { record: none, reason: null };
      return { record: known?.held === true ? null : { ...none, held: true }, reason };
    });
    if (held !== null) throw this.#held(source, held);
  }

  /** Lets through what is held of a source, for a day. Throws `not-found` where nothing is. */
  async confirm(source: string): Promise<void> {
    const confirmed = this.#parts.clock.now() + CONFIRMED;
    await this.#change(source, (known) => {
      if (known?.held !== true) throw new Problem("not-found", `nothing of ${JSON.stringify(source)} is held`);
      return { record: { since: 0, active: 0, ended: 0, confirmed }, reason: null };
    });
  }

  #held(source: string, reason: string): Problem {
    this.#parts.log.error({ source, reason }, "users are held until somebody confirms");
    return new Problem("forbidden", `held: ${reason} with \`tidemark users confirm WHERE ${source}\``);
  }

  #activeOf(source: string): number {
    let count = 0;
    for (const { managedBy, active } of this.#parts.directory.users.values())
      if (active && managedBy === source) count++;
    return count;
  }

  async #change(source: string, decide: (known: SourceRecord | undefined) => Decision): Promise<string | null> {
    const { tail, writer } = this.#parts;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await tail.catchUp();
      const known = this.known.get(source);
      const { record, reason } = decide(known);
      if (record === null) return reason;
      const { since, active, ended, held = null, confirmed = null } = record;
      const op = known === undefined ? "insert" : "update";
      const { status } = await writer.write(tail.revision, [
        { op, collection: "sources", record: { id: source, since, active, ended, held, confirmed } },
      ]);
      await tail.catchUp();
      if (status === "applied") return reason;
    }
    throw again();
  }
}
