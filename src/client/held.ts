import { EMPTY, type Fingerprint, type Lanes } from "../model/fingerprint.ts";
import { compareKeys, type Key, type KeyRange } from "../model/record.ts";
import { countedIn, digestOfRow, digestsOf, Sum } from "./content.ts";
import type { Local } from "./local.ts";
import { rowsOf } from "./replica.ts";
import { indexOfSpan } from "./store/block.ts";
import { after, isBefore, isWithin } from "./store/rows.ts";
import type { Span } from "./store/store.ts";

/** What lies together in the store, added up. */
interface Part extends Span {
  readonly holders: readonly number[];
  readonly sum: Fingerprint;
}

interface Digested {
  readonly key: Key;
  readonly digest: Lanes;
}

/** Parts whose digests are kept one by one. */
const OPEN = 1_000;

const WHOLE: KeyRange = { from: null, to: null };

/**
 * The digests of all that the store holds, added up where it lies together, so that one reading serves all questions of
 * one verify. It is made from the content, and thrown away with the verify: what was remembered is itself under suspicion.
 */
export class Held {
  readonly #local: Local;
  /** In key order; they do not overlap. */
  #parts: Part[] = [];
  readonly #digests = new Map<Part, readonly Digested[]>();
  /** What has changed since the store was read; null: anything. */
  #changed: Set<Key> | null = null;
  /** How often the base had changed at the last look. */
  #noted: number;
  readonly #off: () => void;

  private constructor(local: Local) {
    this.#local = local;
    this.#noted = local.changes;
    this.#off = local.events.on("change", ({ keys }) => this.#note(keys));
  }

  /** Reads through the store, without holding anybody up. */
  static async read(local: Local): Promise<Held> {
    const held = new Held(local);
    for (let before = -1; before !== local.changes; ) {
      before = local.changes;
      held.#changed = new Set();
      held.#parts = [];
      for await (const { holders, first, last, sum } of digestsOf(local, WHOLE)) {
        held.#parts.push({ holders, first, last, sum: sum.fingerprint() });
      }
    }
    return held;
  }

  close(): void {
    this.#off();
  }

  /** Fingerprint of what a subscription held in a range when the store was read, or, where that has changed, holds now. */
  async of(number: number, range: KeyRange = WHOLE): Promise<Fingerprint> {
    if (this.#hasChanged(range)) return await this.#counted(number, range);
    const { from, to } = range;
    const sum = new Sum(EMPTY);
    for (let i = from === null ? 0 : indexOfSpan(this.#parts, from); i < this.#parts.length; i++) {
      const part = this.#parts[i] as Part;
      if (!isBefore(part.first, to)) break;
      if (!part.holders.includes(number)) continue;
      if (isWithin(part, from, to)) sum.join(part.sum);
      else for (const { key, digest } of await this.#opened(part)) if (isIn(range, key)) sum.add(digest);
    }
    return sum.fingerprint();
  }

  /** The digests of a part, one by one. Ranges come in key order, so that few parts are asked for again and again. */
  async #opened(part: Part): Promise<readonly Digested[]> {
    const known = this.#digests.get(part);
    if (known !== undefined) return known;
    const digested: Digested[] = [];
    for await (const rows of rowsOf(this.#local.store, part.first, after(part.last))) {
      for (const row of rows) digested.push({ key: row.key, digest: digestOfRow(row) });
    }
    if (this.#digests.size >= OPEN) this.#digests.delete(this.#digests.keys().next().value as Part);
    this.#digests.set(part, digested);
    return digested;
  }

  #note(keys: ReadonlySet<Key> | null): void {
    // A write that only waits changes nothing of what is held.
    if (this.#local.changes === this.#noted) return;
    this.#noted = this.#local.changes;
    if (keys === null) this.#changed = null;
    else for (const key of keys) this.#changed?.add(key);
  }

  #hasChanged(range: KeyRange): boolean {
    if (this.#changed === null) return true;
    for (const key of this.#changed) if (isIn(range, key)) return true;
    return false;
  }

  async #counted(number: number, range: KeyRange): Promise<Fingerprint> {
    return (await countedIn(this.#local, [number], range)).get(number) as Fingerprint;
  }
}

function isIn({ from, to }: KeyRange, key: Key): boolean {
  return (from === null || compareKeys(from, key) <= 0) && isBefore(key, to);
}
