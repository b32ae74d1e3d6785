import { EMPTY, type Fingerprint } from "../model/fingerprint.ts";
import { compareKeys, type Key, type KeyRange } from "../model/record.ts";
import { countedIn, digestsOf, Sum } from "./content.ts";
import type { Local } from "./local.ts";
import { indexOfSpan } from "./store/block.ts";
import { isWithin } from "./store/rows.ts";
import type { Span } from "./store/store.ts";

/** What lies together in the store, added up. */
interface Part extends Span {
  readonly holders: readonly number[];
  readonly sum: Fingerprint;
}

const WHOLE: KeyRange = { from: null, to: null };

/**
 * The digests of all that the store holds, added up where it lies together, so that one reading serves all questions of
 * one verify. It is made from the content, and thrown away with the verify: what was remembered is itself under suspicion.
 */
export class Held {
  readonly #local: Local;
  /** In key order; they do not overlap. */
  #parts: Part[] = [];
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
      if (to !== null && compareKeys(part.first, to) >= 0) break;
      if (!part.holders.includes(number)) continue;
      sum.join(isWithin(part, from, to) ? part.sum : await this.#counted(number, within(part, range)));
    }
    return sum.fingerprint();
  }

  #note(keys: ReadonlySet<Key> | null): void {
    // A write that only waits changes nothing of what is held.
    if (this.#local.changes === this.#noted) return;
    this.#noted = this.#local.changes;
    if (keys === null) this.#changed = null;
    else for (const key of keys) this.#changed?.add(key);
  }

  #hasChanged({ from, to }: KeyRange): boolean {
    if (this.#changed === null) return true;
    for (const key of this.#changed) {
      if ((from === null || compareKeys(from, key) <= 0) && (to === null || compareKeys(key, to) < 0)) return true;
    }
    return false;
  }

  async #counted(number: number, range: KeyRange): Promise<Fingerprint> {
    return (await countedIn(this.#local, [number], range)).get(number) as Fingerprint;
  }
}

/** Of a range, what lies in the span. */
function within({ first, last }: Span, { from, to }: KeyRange): KeyRange {
  const end = `${last}\u0000`;
  return {
    from: from === null || compareKeys(from, first) < 0 ? first : from,
    to: to === null || compareKeys(end, to) < 0 ? end : to,
  };
}
