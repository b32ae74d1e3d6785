import { must } from "../util/assert.ts";
import type { Batch, ClientRow, Head, Loaded, OutcomeRow } from "./batch.ts";
import { type Held, heldOf } from "./draft.ts";
import { chainHash, changeText, type Entry, type SaltedChange, saltedHash } from "./entry.ts";
import { addLanes, digestOf, type Fingerprint, type Lanes, NO_LANES, subtractLanes } from "./fingerprint.ts";
import { presentIn } from "./membership.ts";
import { type Author, type Key, keyOf, type Revision, type Row } from "./record.ts";

/** A space while a batch is decided: what was loaded, with what the batch has done so far laid over it. */
export class Working {
  readonly loaded: Loaded;
  readonly #rows = new Map<Key, Held | null>();
  readonly #touched = new Set<Key>();
  /** By parent; made when it is first asked for, and kept up from then on. */
  #children: Map<Key, Set<Key>> | null = null;
  readonly #families = new Set<Key>();
  #incomplete = false;
  readonly #entries: Entry[] = [];
  readonly #clients = new Map<Author, ClientRow>();
  readonly #settled: OutcomeRow[] = [];
  readonly #outcomes = new Map<Author, Map<number, OutcomeRow>>();

  constructor(loaded: Loaded) {
    this.loaded = loaded;
  }

  get head(): Pick<Head, "revision" | "hash" | "time"> {
    return this.#entries.at(-1) ?? this.loaded.head;
  }

  /** Whether nothing of the batch has changed anything yet. */
  get isUnchanged(): boolean {
    return this.#touched.size === 0;
  }

  hashOf(revision: Revision): string | undefined {
    return this.#entries[revision - this.loaded.head.revision - 1]?.hash ?? this.loaded.hashes.get(revision);
  }

  row(key: Key): Held | null {
    const held = this.#rows.get(key);
    if (held !== undefined) return held;
    const row = this.loaded.rows.get(key);
    const fresh = row === undefined ? null : heldOf(row);
    this.#rows.set(key, fresh);
    return fresh;
  }

  client(author: Author): ClientRow | null {
    return this.#clients.get(author) ?? this.loaded.clients.get(author) ?? null;
  }

  outcome(author: Author, id: number): OutcomeRow | undefined {
    return this.#outcomes.get(author)?.get(id) ?? this.loaded.outcomes.get(author)?.get(id);
  }

  putRow(held: Held): void {
    const key = keyOf(held.collection, held.id);
    const before = this.row(key)?.parent ?? null;
    if (this.#children !== null && before !== held.parent) {
      if (before !== null) this.#children.get(before)?.delete(key);
      addTo(this.#children, held.parent, key);
    }
    this.#rows.set(key, held);
    this.#touched.add(key);
  }

  /** The records that were loaded and have this one as their parent. */
  childrenOf(key: Key): ReadonlySet<Key> {
    if (this.#children === null) {
      this.#children = new Map();
      for (const [each, held] of this.#rows) addTo(this.#children, held?.parent ?? null, each);
      for (const [each, row] of this.loaded.rows) if (!this.#rows.has(each)) addTo(this.#children, row.parent, each);
    }
    return this.#children.get(key) ?? NOBODY;
  }

  /** Notes whose descendants a mutation has to know, and whether they were loaded. */
  need(families: Iterable<Key>, loaded: boolean): void {
    for (const key of families) this.#families.add(key);
    if (!loaded) this.#incomplete = true;
  }

  /** What else has to be loaded before a decision can stand; null: nothing. */
  get lacking(): ReadonlySet<Key> | null {
    return this.#incomplete ? this.#families : null;
  }

  putClient(row: ClientRow): void {
    this.#clients.set(row.author, row);
  }

  putOutcome(row: OutcomeRow): void {
    this.#settled.push(row);
    const known = this.#outcomes.get(row.author);
    if (known === undefined) this.#outcomes.set(row.author, new Map([[row.id, row]]));
    else known.set(row.id, row);
  }

  /** The next revision of the journal (M1, M6): server time never runs backwards, whatever the clock does. */
  append(author: Author, mutation: number, now: number, changes: readonly SaltedChange[]): void {
    const { revision, hash, time } = this.head;
    const body = { revision: revision + 1, time: Math.max(time, now), author, mutation };
    const texts = changes.map(({ change }) => changeText(change));
    const hashes = changes.map(({ salt }, i) => saltedHash(salt, texts[i] as string));
    this.#entries.push({ ...body, changes, texts, hash: chainHash(body, hashes, hash) });
  }

  /** What is to be written: the rows as they stand at the end, each once, and what they add to the fingerprints. */
  batch(): Batch {
    const rows: Row[] = [];
    const sums = new Sums();
    for (const key of this.#touched) {
      const held = must(this.#rows.get(key), "a touched row is held");
      const old = this.loaded.rows.get(key);
      const digest =
        held.text === null ? NO_LANES : held.text === old?.text ? old.digest : digestOf(held.collection, held.text);
      rows.push({ ...held, digest });
      if (old !== undefined)
        for (const scope of presentIn(old.scopes)) sums.subtract(scope, held.collection, old.digest);
      for (const scope of presentIn(held.scopes)) sums.add(scope, held.collection, digest);
    }
    return {
      entries: this.#entries,
      rows,
      fingerprints: sums.list(),
      clients: [...this.#clients.values()],
      outcomes: this.#settled,
    };
  }
}

const NOBODY: ReadonlySet<Key> = new Set();

function addTo(children: Map<Key, Set<Key>>, parent: Key | null, key: Key): void {
  if (parent === null) return;
  const known = children.get(parent);
  if (known === undefined) children.set(parent, new Set([key]));
  else known.add(key);
}

/** What is added to each scope's fingerprint of each collection. */
class Sums {
  readonly #sums = new Map<string, Map<string, Fingerprint>>();

  add(scope: string, collection: string, digest: Lanes): void {
    const { count, lanes } = this.#of(scope, collection);
    this.#set(scope, collection, { count: count + 1, lanes: addLanes(lanes, digest) });
  }

  subtract(scope: string, collection: string, digest: Lanes): void {
    const { count, lanes } = this.#of(scope, collection);
    this.#set(scope, collection, { count: count - 1, lanes: subtractLanes(lanes, digest) });
  }

  list(): Batch["fingerprints"] {
    return [...this.#sums]
      .flatMap(([scope, sums]) => [...sums].map(([collection, add]) => ({ scope, collection, add })))
      .filter(({ add }) => add.count !== 0 || add.lanes.some((lane) => lane !== 0));
  }

  #of(scope: string, collection: string): Fingerprint {
    return this.#sums.get(scope)?.get(collection) ?? { count: 0, lanes: NO_LANES };
  }

  #set(scope: string, collection: string, sum: Fingerprint): void {
    const sums = this.#sums.get(scope);
    if (sums === undefined) this.#sums.set(scope, new Map([[collection, sum]]));
    else sums.set(collection, sum);
  }
}
