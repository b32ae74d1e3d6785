import type { Mutation, Write } from "../model/mutation.ts";
import { targetOf } from "../model/mutation.ts";
import { merged } from "../model/policy.ts";
import { type Key, keyOf, type RecordData } from "../model/record.ts";
import type { Collections } from "../model/schema.ts";
import { type Json, sameJson } from "../util/json.ts";
import type { Pending } from "./state.ts";
import type { Row } from "./store/store.ts";

/** Nesting is checked before a mutation is queued; what a policy returns is not looked into here. */
const DEPTH = Number.POSITIVE_INFINITY;

type Read = (key: Key) => RecordData | null;

/**
 * What the application sees: the base with pending mutations laid over it, in order. It holds only the records that
 * pending mutations touch; all others are seen as the base has them.
 */
export class View {
  readonly #collections: Collections;
  /** The base's records that pending mutations touch. */
  #base = new Map<Key, RecordData | null>();
  #shown = new Map<Key, RecordData | null>();

  constructor(collections: Collections) {
    this.#collections = collections;
  }

  /** What is shown in place of the base's record: null for a deleted one, undefined where the base's is shown. */
  over(key: Key): RecordData | null | undefined {
    return this.#shown.get(key);
  }

  /** Keys of the base's records that pending mutations touch. */
  get known(): Iterable<Key> {
    return this.#base.keys();
  }

  get touched(): Iterable<Key> {
    return this.#shown.keys();
  }

  /** Tells the base's records that a mutation touches, before it is laid over them. */
  know(rows: ReadonlyMap<Key, Row | undefined>): void {
    for (const [key, row] of rows) this.#base.set(key, row?.data ?? null);
  }

  /** Lays one more mutation over what is shown. */
  add(pending: Pending): void {
    this.#lay(pending);
  }

  /** The base has changed: rows by key, null for those that went; `wiped` if all others went. */
  rebase(rows: ReadonlyMap<Key, Row | null>, wiped: boolean): void {
    for (const key of this.#base.keys()) {
      const row = rows.get(key);
      if (row !== undefined) this.#base.set(key, row?.data ?? null);
      else if (wiped) this.#base.set(key, null);
    }
  }

  /** Lays these mutations, and no others, over the base. */
  rebuild(pending: Iterable<Pending>): void {
    this.#shown = new Map();
    const still = new Map<Key, RecordData | null>();
    for (const each of pending) {
      this.#lay(each);
      for (const write of each.mutation.writes) {
        const key = keyOfWrite(write);
        still.set(key, this.#base.get(key) ?? null);
      }
    }
    this.#base = still;
  }

  /** The record as the mutation would leave it, and the record that its writer sees; for checks before it is queued. */
  preview(mutation: Omit<Mutation, "id">, read: Read): Map<Key, RecordData | null> {
    return laid(mutation, this.#collections, read);
  }

  #lay(pending: Pending): void {
    if (pending.held || pending.refused !== null) return;
    const read: Read = (key) => {
      const shown = this.#shown.get(key);
      return shown === undefined ? (this.#base.get(key) ?? null) : shown;
    };
    for (const [key, data] of laid(pending.mutation, this.#collections, read)) this.#shown.set(key, data);
  }
}

export function keyOfWrite(write: Write): Key {
  const { collection, id } = targetOf(write);
  return keyOf(collection, id);
}

/** The records that a mutation changes, as far as can be told without the server (W3, W4, W5). */
function laid(mutation: Omit<Mutation, "id">, collections: Collections, read: Read): Map<Key, RecordData | null> {
  const changed = new Map<Key, RecordData | null>();
  for (const write of mutation.writes) {
    const key = keyOfWrite(write);
    const current = changed.get(key);
    const next = written(write, current === undefined ? read(key) : current, collections);
    if (next !== undefined) changed.set(key, next);
    else if (mutation.whole) return new Map();
  }
  return changed;
}

/** The record after the write; undefined where the server would supersede or reject it. */
function written(write: Write, current: RecordData | null, collections: Collections): RecordData | null | undefined {
  for (const [atom, value] of Object.entries(write.expect ?? {})) {
    if (!sameJson(current?.[atom] ?? null, value)) return undefined;
  }
  if ((write.op === "insert") !== (current === null)) return undefined;
  if (write.op === "delete") return null;
  const atoms: { [atom: string]: Json } = { ...current };
  for (const [atom, sent] of Object.entries(write.record)) {
    const policy = Object.hasOwn(collections, write.collection)
      ? collections[write.collection]?.atoms?.[atom]
      : undefined;
    const result = merged(policy ?? policyOf(sent), current?.[atom] ?? null, sent, write.from?.[atom] ?? null, DEPTH);
    if ("refused" in result) return undefined;
    if (result.value === null) delete atoms[atom];
    else atoms[atom] = result.value;
  }
  return atoms as RecordData;
}

/** Where the client was given no schema, an operator says by itself which policy it is for. */
function policyOf(sent: Json): "sum" | "set" {
  return typeof sent === "object" && sent !== null && "$add" in sent ? "sum" : "set";
}
