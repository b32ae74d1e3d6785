import type { Batch, ClientRow, Family, Head, Loaded, OutcomeRow } from "../../src/model/batch.ts";
import { type Decision, decide, Lacking, wantedOf } from "../../src/model/decide.ts";
import { type Entry, GENESIS } from "../../src/model/entry.ts";
import { addFingerprints, EMPTY, type Fingerprint } from "../../src/model/fingerprint.ts";
import type { Mutation, Outcome, Write } from "../../src/model/mutation.ts";
import { PUSH_LIMITS, type Push, type PushResponse, type PushResult, type Rules } from "../../src/model/push.ts";
import {
  type Author,
  authorOf,
  type Key,
  keyOf,
  type RecordData,
  type Revision,
  type Row,
} from "../../src/model/record.ts";
import type { Collections } from "../../src/model/schema.ts";

type Options = Partial<Pick<Mutation, "base" | "whole" | "lost">>;

/** A space in memory for tests of the model: it loads just what is wanted, and writes just what was decided. */
export class TestSpace {
  readonly rows = new Map<Key, Row>();
  readonly clients = new Map<Author, ClientRow>();
  readonly outcomes = new Map<Author, Map<number, OutcomeRow>>();
  readonly entries: Entry[] = [];
  /** By scope and collection, with a line break between them, as the batches added them up. */
  readonly fingerprints = new Map<string, Fingerprint>();
  rules: Rules;
  #salts = 0;

  constructor(collections: Collections, rules: Partial<Rules> = {}) {
    const salt = () => String(this.#salts++).padStart(32, "0");
    this.rules = { space: "acme", collections, authorize: () => true, limits: PUSH_LIMITS, now: 1_000, salt, ...rules };
  }

  get head(): Head {
    const { revision, hash, time } = this.entries.at(-1) ?? { revision: 0, hash: GENESIS, time: 0 };
    return { revision, hash, time, horizon: { journal: 0, tombstones: 0 }, restore: null };
  }

  push(...pushes: Push[]): readonly PushResult[] {
    return this.decide(...pushes).results;
  }

  decide(...pushes: Push[]): Decision {
    for (let lacking: ReadonlySet<Key> | null = null; ; ) {
      try {
        const decision = decide(this.#load(pushes, lacking), pushes, this.rules);
        this.commit(decision);
        return decision;
      } catch (error) {
        if (!(error instanceof Lacking)) throw error;
        lacking = error.families;
      }
    }
  }

  /** One mutation with the client's next number; the base is the head where none is given. */
  write(
    client: string,
    writes: Write | Write[],
    { base = this.head.revision, ...options }: Options = {},
    user = "ann",
  ): Outcome {
    const id = (this.clients.get(authorOf(user, client))?.last ?? 0) + 1;
    const mutation: Mutation = { id, base, ...options, writes: [writes].flat() };
    const [result] = this.push({ user: { id: user }, request: { client, mutations: [mutation] } });
    return (result as PushResponse).outcomes[0] as Outcome;
  }

  record(collection: string, id: string): RecordData | null {
    const text = this.rows.get(keyOf(collection, id))?.text ?? null;
    return text === null ? null : (JSON.parse(text) as RecordData);
  }

  row(collection: string, id: string): Row {
    return this.rows.get(keyOf(collection, id)) as Row;
  }

  #load(pushes: Push[], lacking: ReadonlySet<Key> | null): Loaded {
    const wanted = wantedOf(pushes, this.rules, false, lacking);
    const keys = new Set(wanted.keys);
    const families = new Map<Key, Family>();
    for (const key of wanted.families.of) {
      const found = this.#descendants(key);
      const loaded = found.length <= wanted.families.most;
      families.set(key, { count: found.length, loaded });
      if (loaded) for (const descendant of found) keys.add(descendant);
    }
    const outcomes = new Map<Author, Map<number, OutcomeRow>>();
    for (const { author, from, to } of wanted.outcomes) {
      const known = outcomes.get(author) ?? new Map<number, OutcomeRow>();
      for (const [id, row] of this.outcomes.get(author) ?? []) if (id >= from && id <= to) known.set(id, row);
      outcomes.set(author, known);
    }
    return {
      head: this.head,
      rows: new Map([...this.rows].filter(([key]) => keys.has(key))),
      families,
      clients: new Map([...this.clients].filter(([author]) => wanted.authors.has(author))),
      outcomes,
      hashes: new Map(wanted.hashes.flatMap((revision) => this.#hash(revision))),
    };
  }

  #descendants(key: Key): Key[] {
    const found = new Set<Key>();
    for (const [child, { parent }] of this.rows) if (parent === key) found.add(child);
    for (const child of found) for (const [next, { parent }] of this.rows) if (parent === child) found.add(next);
    return [...found];
  }

  #hash(revision: Revision): [Revision, string][] {
    const hash = revision === 0 ? GENESIS : this.entries[revision - 1]?.hash;
    return hash === undefined ? [] : [[revision, hash]];
  }

  commit(batch: Batch): void {
    this.entries.push(...batch.entries);
    for (const row of batch.rows) this.rows.set(keyOf(row.collection, row.id), row);
    for (const client of batch.clients) this.clients.set(client.author, client);
    for (const row of batch.outcomes) {
      const known = this.outcomes.get(row.author) ?? new Map<number, OutcomeRow>();
      this.outcomes.set(row.author, known.set(row.id, row));
    }
    for (const { scope, collection, add } of batch.fingerprints) {
      const key = `${scope}\n${collection}`;
      this.fingerprints.set(key, addFingerprints(this.fingerprints.get(key) ?? EMPTY, add));
    }
  }
}

export const insert = (id: string, atoms: object = {}, more: object = {}): Write => ({
  op: "insert",
  collection: "issues",
  record: { id, ...atoms },
  ...more,
});
export const update = (id: string, atoms: object, more: object = {}): Write => ({
  op: "update",
  collection: "issues",
  record: { id, ...atoms },
  ...more,
});
export const remove = (id: string, more: object = {}): Write => ({ op: "delete", collection: "issues", id, ...more });
