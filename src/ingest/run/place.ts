import { type Batch, type Loaded, NOTHING_WANTED, NOTHING_WRITTEN, type Wanted } from "../../model/batch.ts";
import type { Rules } from "../../model/push.ts";
import { type Key, keyParts, type RecordData } from "../../model/record.ts";
import { SCOPES_NOTE, scopesNote } from "../../server/rescope.ts";
import { type Store, StoreError } from "../../store/store.ts";
import type { EntityReader } from "../entities.ts";
import { padded, rootOf, under } from "../names.ts";
import { NEW_TASK, NO_COUNTS, type RunRow, type TaskState } from "./state.ts";

/** A runner that has not renewed its lease for so long has died, in milliseconds. */
export const LEASE = 60_000;

interface Held {
  readonly holder: string;
  readonly fence: number;
  readonly until: number;
}

export interface PlaceParts {
  readonly store: Store;
  readonly space: string;
  readonly task: string;
  readonly holder: string;
  rules(): Rules;
}

/** Another runner has the stream now; what this one was about to write was not written. */
export class Fenced extends StoreError {
  constructor(task: string) {
    super("unavailable", `another runner has taken over ${task}: nothing more is written by this one`);
  }
}

/** Where a stream keeps what it knows: the notes of the space that it fills, under a lease with a fencing number (I1). */
export class Place implements EntityReader {
  readonly parts: PlaceParts;
  readonly root: string;
  #fence = 0;

  constructor(parts: PlaceParts) {
    this.parts = parts;
    this.root = rootOf(parts.task);
  }

  rowName = (name: string) => `${this.root}row/${name}`;
  seenName = (name: string) => `${this.root}seen/${name}`;
  /** The item in quarantine of a source record that is not settled. */
  badName = (name: string) => `${this.root}bad/${name}`;
  overrideName = (name: string) => `${this.root}override/${name}`;
  waitsName = (number: number) => `${this.root}waits/${padded(number)}`;
  itemName = (number: number) => `${this.root}item/${padded(number)}`;
  runName = (run: number) => `${this.root}run/${padded(run)}`;
  uniqueName = (atom: string, digest: string) => `${this.root}unique/${atom}/${digest}`;
  get stateName() {
    return `${this.root}state`;
  }
  get leaseName() {
    return `${this.root}lease`;
  }

  async notes(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (names.length === 0) return new Map();
    const answer = await this.parts.store.read(this.parts.space, [{ kind: "notes", names }]);
    return answer?.results[0] ?? new Map();
  }

  async notesUnder(prefix: string, limit: number): Promise<readonly (readonly [string, string])[]> {
    return await this.notesFrom(prefix, under(prefix).from, limit);
  }

  /** Those of a prefix from a name on, that name included. */
  async notesFrom(prefix: string, from: string, limit: number): Promise<readonly (readonly [string, string])[]> {
    const query = { kind: "notes-between", from, to: under(prefix).to, limit } as const;
    return (await this.parts.store.read(this.parts.space, [query]))?.results[0] ?? [];
  }

  async records(keys: readonly Key[]): Promise<ReadonlyMap<Key, RecordData>> {
    const found = new Map<Key, RecordData>();
    if (keys.length === 0) return found;
    const queries = keys.map((key) => ({ kind: "row", ...keyParts(key) }) as const);
    const answer = await this.parts.store.read(this.parts.space, queries);
    for (const [i, key] of keys.entries()) {
      const text = answer?.results[i]?.text ?? null;
      if (text !== null) found.set(key, JSON.parse(text) as RecordData);
    }
    return found;
  }

  async state(): Promise<TaskState> {
    const text = (await this.notes([this.stateName])).get(this.stateName);
    return text === undefined ? NEW_TASK : { ...NEW_TASK, ...(JSON.parse(text) as TaskState) };
  }

  /** Takes the stream for this runner; false where another has it. An older runner is fenced from then on. */
  async lease(): Promise<boolean> {
    const { store, space, holder, rules } = this.parts;
    const wanted: Wanted = { ...NOTHING_WANTED, notes: [this.leaseName, SCOPES_NOTE], create: true };
    const done = await store.write(space, wanted, (loaded): Batch & { fence: number | null } => {
      const { now, collections } = rules();
      const held = heldOf(loaded, this.leaseName);
      const ends = held === null ? 0 : held.until - now;
      // One that ends later than any can is of a clock that was wrong.
      const runs = held !== null && held.holder !== holder && ends > 0 && ends <= LEASE && store.exclusive !== true;
      if (runs) return { ...NOTHING_WRITTEN, fence: null };
      const fence = (held?.fence ?? 0) + 1;
      const notes = new Map([[this.leaseName, JSON.stringify({ holder, fence, until: now + LEASE })]]);
      // A space that this made is of the `scopes` of today (C8).
      if (loaded.head.revision === 0 && !loaded.notes?.has(SCOPES_NOTE))
        notes.set(SCOPES_NOTE, scopesNote(collections));
      return { ...NOTHING_WRITTEN, notes, fence };
    });
    this.#fence = done?.fence ?? 0;
    return done?.fence != null;
  }

  async renew(): Promise<void> {
    await this.write(NOTHING_WANTED, () => NOTHING_WRITTEN);
  }

  /** Gives the stream up; the fencing number stays, so that it never falls. */
  async release(): Promise<void> {
    const { store, space } = this.parts;
    await store.write(space, { ...NOTHING_WANTED, notes: [this.leaseName] }, (loaded) => {
      const held = heldOf(loaded, this.leaseName);
      if (held?.fence !== this.#fence) return NOTHING_WRITTEN;
      return { ...NOTHING_WRITTEN, notes: new Map([[this.leaseName, JSON.stringify({ ...held, until: 0 })]]) };
    });
  }

  /**
   * One transaction of this runner, which renews its lease.
   *
   * @throws Fenced where another has taken over.
   */
  async write<B extends Batch>(wanted: Wanted, decide: (loaded: Loaded) => B): Promise<B> {
    const { store, space, holder, rules, task } = this.parts;
    const notes = [...(wanted.notes ?? []), this.leaseName];
    const done = await store.write(space, { ...wanted, notes }, (loaded) => {
      if (heldOf(loaded, this.leaseName)?.fence !== this.#fence) throw new Fenced(task);
      const batch = decide(loaded);
      const until = rules().now + LEASE;
      const lease = JSON.stringify({ holder, fence: this.#fence, until });
      return { ...batch, notes: new Map([...(batch.notes ?? []), [this.leaseName, lease]]) };
    });
    if (done === null) throw new StoreError("unavailable", `there is no space ${space}`);
    return done;
  }

  /** The rows of the last runs, the newest first. */
  async runs(limit: number): Promise<RunRow[]> {
    const { run } = await this.state();
    const names = Array.from({ length: Math.min(limit, run) }, (_, i) => this.runName(run - i));
    const found = await this.notes(names);
    return names.flatMap((name) =>
      found.has(name) ? { ...NO_COUNTS, ...(JSON.parse(found.get(name) as string) as RunRow) } : [],
    );
  }
}

function heldOf({ notes }: Loaded, name: string): Held | null {
  const text = notes?.get(name);
  return text === undefined ? null : (JSON.parse(text) as Held);
}
