import { ALL } from "../model/names.ts";
import type { RecordData, Revision } from "../model/record.ts";
import type { ScanChange, Store } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";

/** Records that are read at a time. */
const PAGE = 1_000;
/** Milliseconds between two looks of its own: a wake-up from the store may be missed (Store.watch), and U4 allows two seconds. */
const LOOK = 1_000;

/** What a space is kept in memory by. */
export interface Kept {
  /** `record`: null where it is gone. */
  apply(change: ScanChange, record: RecordData | null): void;
  /** Everything that was applied is forgotten: the space has another history. */
  clear(): void;
  /** Called in the step in which changes were applied. */
  applied(): void;
}

interface Parts {
  readonly store: Store;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
}

/** Follows a space in the memory of this process, like a replica that sits on the store. */
export class Tail {
  readonly #parts: Parts;
  readonly #space: string;
  readonly #kept: Kept;
  #place: { revision: Revision; hash: string | null } = { revision: 0, hash: null };
  /** Whether the space may have news that nobody has read yet. */
  #behind = true;
  #reading: Promise<void> | null = null;

  constructor(parts: Parts, space: string, kept: Kept) {
    this.#parts = parts;
    this.#space = space;
    this.#kept = kept;
    parts.store.watch((name) => {
      if (name === space) this.#woken();
    });
  }

  /** The revision up to which everything has been applied. */
  get revision(): Revision {
    return this.#place.revision;
  }

  /** Resolves when everything of which this process has heard is applied. Costs nothing where it is. */
  async current(): Promise<void> {
    while (this.#behind || this.#reading !== null) await this.#read();
  }

  /** Resolves when everything that was committed before the call is applied, by whichever server. */
  catchUp(): Promise<void> {
    this.#behind = true;
    return this.current();
  }

  /** Reads by itself until the server ends. Failures are made good by the next look. */
  async keepUp(): Promise<void> {
    const { clock, stopping } = this.#parts;
    while (!stopping.aborted) {
      await clock.sleep(LOOK, stopping);
      if (!stopping.aborted) this.#woken();
    }
  }

  #woken(): void {
    this.#behind = true;
    void this.current().catch(() => undefined);
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #readAll(): Promise<void> {
    if (this.#parts.stopping.aborted) {
      this.#behind = false;
      return;
    }
    this.#behind = false;
    try {
      while (await this.#readPage());
    } catch (error) {
      this.#behind = true;
      throw error;
    }
  }

  /** Applies what one look finds; true where there is more. */
  async #readPage(): Promise<boolean> {
    const { revision, hash } = this.#place;
    const snapshot = await this.#parts.store.read(this.#space, [
      { kind: "scan", scope: ALL, after: revision, limit: PAGE },
      { kind: "hashes", revisions: [revision] },
    ]);
    if (snapshot === null) return false;
    const { head, results } = snapshot;
    const [{ changes, more }, hashes] = results;
    const known = hashes.get(revision);
    const found = head.revision === revision ? head.hash : known;
    const same = hash === null || found === undefined || found === hash;
    // The store was restored beneath this process: what it knows is of another history.
    if (revision > 0 && (head.revision < revision || !same || revision < head.horizon.tombstones)) {
      this.#kept.clear();
      this.#place = { revision: 0, hash: null };
      return true;
    }
    for (const change of changes) {
      const { member, text } = change;
      this.#kept.apply(change, member.present && text !== null ? (JSON.parse(text) as RecordData) : null);
    }
    const reached = more ? (changes.at(-1)?.member.revision ?? head.revision) : head.revision;
    this.#place = { revision: reached, hash: more ? null : head.hash };
    if (changes.length > 0) this.#kept.applied();
    return more;
  }
}

/** The revision at which an atom of a record that is there was last written. */
export function writtenAt(change: ScanChange, atom: string): Revision {
  let low = change.member.entered;
  let high = change.member.revision;
  const after = (revision: Revision) => change.changedSince(revision).includes(atom);
  if (!after(low)) return low;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (after(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
