import { frozen, type Json, type JsonObject, sameJson } from "../util/json.ts";
import type { Operators, Standing, Verdict } from "./conflict.ts";
import type { Add, Amend } from "./mutation.ts";
import { type Origins, originIn, originsOf } from "./origin.ts";
import { composed } from "./policy.ts";
import {
  type Author,
  atomOf,
  type Membership,
  type Origin,
  type RecordData,
  type Revision,
  type Row,
  type Stamp,
} from "./record.ts";

/** A row as a batch has it so far: parsed once, its digest not yet reckoned. */
export interface Held extends Omit<Row, "digest"> {
  readonly data: RecordData | null;
}

export function heldOf(row: Row): Held {
  const data = row.text === null ? null : frozen(JSON.parse(row.text) as RecordData);
  return { ...row, data };
}

/** What a mutation as a whole did to a record: the changed atoms before and after, null inside for an absent atom. */
export interface Net {
  readonly before: JsonObject | null;
  readonly after: JsonObject | null;
  readonly operators: JsonObject | undefined;
}

const NO_STAMPS: ReadonlyMap<string, Stamp> = new Map();
const NO_MEMBERS: ReadonlyMap<string, Membership> = new Map();

/** A mutation's working copy of one record. Nothing of it is seen outside before the whole mutation holds. */
export class Draft implements Standing {
  readonly held: Held | null;
  readonly collection: string;
  readonly id: string;
  data: RecordData | null;
  created: Revision;
  creator: Author;
  stamps: ReadonlyMap<string, Stamp>;
  readonly written = new Set<string>();
  /** Where in the push the last write to it stands. */
  path: string;
  /** Deleted and inserted again by this mutation (M3). */
  #remade = false;
  readonly #operators = new Map<string, Add | Amend>();
  readonly #confirmed = new Set<string>();
  /** Where what was written here was written first. */
  readonly #origins = new Map<string, Origin | undefined>();
  #ended: Origin | undefined;

  constructor(collection: string, id: string, held: Held | null, path: string) {
    this.collection = collection;
    this.id = id;
    this.held = held;
    this.data = held?.data ?? null;
    this.created = held?.created ?? 0;
    this.creator = held?.creator ?? "";
    this.stamps = held?.stamps ?? NO_STAMPS;
    this.path = path;
  }

  /** `writer` is to stand at `revision`, so that what this mutation made is its own. */
  apply(verdict: Verdict, writer: Author, revision: Revision, origins?: Origins): void {
    this.#do(verdict, writer, revision);
    if (origins === undefined && this.#origins.size === 0 && this.#ended === undefined) return;
    if (verdict.does === "delete") this.#ended = originIn(origins, null);
    else if (verdict.does === "insert" || verdict.does === "update")
      for (const atom of verdict.atoms.keys()) this.#origins.set(atom, originIn(origins, atom));
  }

  #do(verdict: Verdict, writer: Author, revision: Revision): void {
    if (verdict.does === "insert") this.#insert(verdict.atoms, verdict.operators, writer, revision);
    else if (verdict.does === "delete") this.#delete();
    else if (verdict.does === "update") {
      for (const atom of verdict.confirmed) this.#confirmed.add(atom);
      this.#write(verdict.atoms, verdict.operators);
    }
  }

  #insert(atoms: ReadonlyMap<string, Json>, operators: Operators, writer: Author, revision: Revision): void {
    this.#delete();
    this.#remade = true;
    this.created = revision;
    this.creator = writer;
    this.stamps = NO_STAMPS;
    this.data = { id: this.id };
    this.#write(atoms, operators);
  }

  #delete(): void {
    this.data = null;
    this.#operators.clear();
    this.#confirmed.clear();
    this.#origins.clear();
  }

  #write(atoms: ReadonlyMap<string, Json>, operators: Operators): void {
    if (atoms.size === 0) return;
    this.data = written(this.data as RecordData, atoms);
    for (const atom of atoms.keys()) {
      this.#note(atom, operators.get(atom));
      this.written.add(atom);
    }
  }

  /** The journal keeps an operator as an operator, unless a plain value came before or after it in the same mutation. */
  #note(atom: string, operator: Add | Amend | undefined): void {
    const earlier = this.#operators.get(atom);
    const first = !this.written.has(atom);
    const kept = operator && earlier ? composed(earlier, operator) : first ? operator : undefined;
    if (kept) this.#operators.set(atom, kept);
    else this.#operators.delete(atom);
  }

  /** Null where the record is as it was before the mutation (M2). */
  net(): Net | null {
    const before = this.held?.data ?? null;
    const after = this.data;
    if (before === null && after === null) return null;
    if (before === null) return { before: null, after: atomsOf(after as RecordData), operators: this.#kept() };
    if (after === null) return { before: atomsOf(before), after: null, operators: undefined };
    const names = this.#remade ? new Set([...Object.keys(before), ...Object.keys(after)]) : this.written;
    const was: { [atom: string]: Json } = {};
    const is: { [atom: string]: Json } = {};
    let changed = false;
    for (const atom of names) {
      const [old, now] = [atomOf(before, atom), atomOf(after, atom)];
      if (sameJson(old, now)) continue;
      was[atom] = old;
      is[atom] = now;
      changed = true;
    }
    return changed ? { before: was, after: is, operators: this.#remade ? undefined : this.#kept(is) } : null;
  }

  #kept(changed?: JsonObject): JsonObject | undefined {
    const kept = [...this.#operators].filter(([atom]) => changed === undefined || Object.hasOwn(changed, atom));
    return kept.length === 0 ? undefined : (Object.fromEntries(kept) as unknown as JsonObject);
  }

  /** The stamps that the record gets where its net change is `net` (M3). */
  stampsAfter(net: Net | null, stamp: Stamp): ReadonlyMap<string, Stamp> {
    if (net?.after === null) return NO_STAMPS;
    const stamps = new Map(net?.before === null ? NO_STAMPS : this.held?.stamps);
    for (const atom of this.#confirmed) {
      const old = stamps.get(atom);
      if (old !== undefined && stamp.lost !== undefined) stamps.set(atom, { ...old, lost: stamp.lost });
    }
    for (const atom of Object.keys(net?.after ?? {})) {
      const origin = this.#originOf(atom);
      stamps.set(atom, origin === undefined ? stamp : { ...stamp, origin });
    }
    return stamps;
  }

  /** Where the net change was written first; undefined: here, as far as is known. */
  originsOf({ after }: Net): Origins | undefined {
    if (after === null) return this.#ended && [this.#ended];
    const atoms = Object.keys(after);
    if (atoms.length === 0) return this.#ended && [this.#ended];
    return originsOf(atoms.map((atom) => [atom, this.#originOf(atom)]));
  }

  /** An atom that went with an earlier record of the id went by who deleted that. */
  #originOf(atom: string): Origin | undefined {
    return this.#origins.has(atom) ? this.#origins.get(atom) : this.#ended;
  }

  /** Whether nothing changed but that lost writes confirmed what stands (R2). */
  get confirms(): boolean {
    return this.#confirmed.size > 0;
  }

  /** Whether the net change makes this another record of the same id. */
  get remade(): boolean {
    return this.#remade;
  }

  get members(): ReadonlyMap<string, Membership> {
    return this.held?.scopes ?? NO_MEMBERS;
  }
}

function atomsOf({ id: _, ...atoms }: RecordData): JsonObject {
  return atoms;
}

/** The record with these values, null: removed. Its members stand in the order of the canonical text, which is then quickly made. */
function written(record: RecordData, values: ReadonlyMap<string, Json>): RecordData {
  const grows = [...values.keys()].some((atom) => !Object.hasOwn(record, atom));
  const names = grows ? [...new Set([...Object.keys(record), ...values.keys()])].sort() : Object.keys(record);
  const data: { [atom: string]: Json } = {};
  for (const atom of names) {
    const value = values.has(atom) ? values.get(atom) : record[atom];
    if (value !== undefined && value !== null) data[atom] = value;
  }
  return data as RecordData;
}
