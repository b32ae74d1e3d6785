import type { Mutation, Write } from "../model/mutation.ts";
import type { Json, JsonObject } from "../util/json.ts";
import { sha256 } from "../util/sha256.ts";

/** What a subscription asks for, as the oracle looks at it. */
export interface Asked {
  readonly scope: string;
  /** Of a pattern (P14): which scopes the asker may read now, and which it ever could. Absent: all. */
  readonly readable?: ((scope: string) => boolean) | undefined;
  readonly ever?: ((scope: string) => boolean) | undefined;
  /** Whether they may be others than when the asker was told of them. */
  readonly changed?: boolean | undefined;
  readonly collections?: readonly string[];
  readonly where?: { readonly [atom: string]: Json };
}

export type Atoms = { readonly [atom: string]: Json };

/** A collection as the oracle knows it: its scopes, and its atoms whose policy is not the server's. */
export interface OracleCollection {
  readonly scopes: OracleScopes;
  readonly atoms?: { readonly [atom: string]: "client" | "sum" | "set" } | undefined;
}

type ScopesOfAtoms = (record: Atoms) => readonly string[];

/** By the record itself, or those of the record of another collection that an atom names (M8). */
export type OracleScopes =
  | ScopesOfAtoms
  | { readonly atom: string; readonly from: string; readonly otherwise?: ScopesOfAtoms | undefined };

export interface Verdict {
  readonly status: "applied" | "superseded" | "rejected";
  /** `collection/id` with the atoms that were superseded; no atoms for a delete. */
  readonly superseded: readonly { readonly key: string; readonly atoms: readonly string[]; readonly reason: string }[];
}

interface Written {
  readonly revision: number;
  readonly author: string;
}

interface Kept {
  readonly atoms: Atoms;
  /** Who last wrote each atom, removed ones included. */
  readonly written: { readonly [atom: string]: Written };
  readonly created: Written;
}

type State = ReadonlyMap<string, Kept>;

/**
 * A second opinion on what a space holds. It keeps the whole state of every revision, and applies mutations by the
 * words of the specification (W1 to W5, M2 to M5): slow, simple, and without a line in common with the code it judges.
 */
export class Oracle {
  private readonly collections: OracleCollections;
  private readonly states: State[] = [new Map()];
  /** The revisions by which records were erased, by `collection/id` (K2). */
  private readonly erasures = new Map<string, number[]>();
  private readonly scopes = new WeakMap<State, Map<string, readonly string[]>>();

  constructor(collections: OracleCollections) {
    this.collections = collections;
  }

  get head(): number {
    return this.states.length - 1;
  }

  /** The server was restored: all after this revision never happened. */
  restore(revision: number): void {
    this.states.length = revision + 1;
    for (const [key, all] of this.erasures)
      this.erasures.set(
        key,
        all.filter((each) => each <= revision),
      );
  }

  /**
   * The next transaction erases a record, or tells once more that it is gone.
   * - `travels`: false where its tombstone was cut, so that only copies tell of it.
   */
  erase(key: string, travels = true): void {
    if (travels) {
      const state = new Map(this.state(this.head));
      state.delete(key);
      this.states.push(state);
    }
    this.erasures.set(key, [...(this.erasures.get(key) ?? []), this.head]);
  }

  /** Whether a transaction after `since`, up to `until`, erased the record. */
  erased(since: number, until: number, key: string): boolean {
    return (this.erasures.get(key) ?? []).some((revision) => revision > since && revision <= until);
  }

  /** What a subscription holds at a revision, by `collection/id`; each record with its id. */
  view(revision: number, asked: Asked): Map<string, Atoms> {
    const seen = new Map<string, Atoms>();
    for (const [key, { atoms }] of this.state(revision)) if (this.holds(revision, asked, key)) seen.set(key, atoms);
    return seen;
  }

  /** One record at a revision, or null. */
  record(revision: number, key: string): Atoms | null {
    return this.state(revision).get(key)?.atoms ?? null;
  }

  /** Whether a record is in the subscription at a revision; with `where` or by its scope alone. */
  holds(revision: number, asked: Asked, key: string, filtered = true): boolean {
    const atoms = this.record(revision, key);
    const { where: _, ...whole } = asked;
    return atoms !== null && covers(this.scopesOf(revision, key), filtered ? asked : whole, key, atoms);
  }

  /** The scopes of a record at a revision, but `*`. */
  scopesOf(revision: number, key: string): readonly string[] {
    const state = this.state(revision);
    const known = this.scopes.get(state) ?? new Map<string, readonly string[]>();
    this.scopes.set(state, known);
    const found = known.get(key) ?? scopesIn(this.collections, key, (each) => state.get(each)?.atoms ?? null);
    known.set(key, found);
    return found;
  }

  /** The atoms of a record that any transaction after `since`, up to `until`, changed, when it was there throughout. */
  changed(since: number, until: number, key: string): Set<string> {
    const changed = new Set<string>();
    for (let revision = since + 1; revision <= until; revision++) {
      const before = this.record(revision - 1, key) ?? {};
      const after = this.record(revision, key) ?? {};
      if (before === after) continue;
      for (const atom of new Set([...Object.keys(before), ...Object.keys(after)])) {
        if (!same(before[atom] ?? null, after[atom] ?? null)) changed.add(atom);
      }
    }
    return changed;
  }

  fingerprint(revision: number, asked: Asked): { count: number; digest: string } {
    const view = this.view(revision, asked);
    return fingerprintOf(view);
  }

  /** Applies a mutation as its author's next transaction. What changes nothing takes no revision (M2). */
  apply(author: string, mutation: Mutation): Verdict {
    const work = new Transaction(this.state(this.head), this.head + 1, author, mutation, this.collections);
    for (const write of mutation.writes) work.write(write);
    const { superseded } = work;
    const stands = !(mutation.whole && superseded.length > 0);
    if (stands && work.isCircular()) return { status: "rejected", superseded: [] };
    if (stands && work.changes()) this.states.push(work.state);
    return { status: superseded.length > 0 ? "superseded" : "applied", superseded };
  }

  private state(revision: number): State {
    const state = this.states[revision];
    if (state === undefined) throw new RangeError(`the oracle knows no revision ${revision}`);
    return state;
  }
}

export type OracleCollections = { readonly [name: string]: OracleCollection };

/** The scopes of a record (M5, M8), by what stands at the same time. */
export function scopesIn(
  collections: OracleCollections,
  key: string,
  look: (key: string) => Atoms | null,
): readonly string[] {
  const atoms = look(key);
  const rule = collections[key.slice(0, key.indexOf("/"))]?.scopes;
  if (atoms === null || rule === undefined) return [];
  if (typeof rule === "function") return rule(atoms);
  const parent = parentIn(collections, key, atoms);
  return parent === null ? (rule.otherwise?.(atoms) ?? []) : scopesIn(collections, parent, look);
}

function parentIn(collections: OracleCollections, key: string, atoms: Atoms): string | null {
  const rule = collections[key.slice(0, key.indexOf("/"))]?.scopes;
  if (rule === undefined || typeof rule === "function") return null;
  const id = atoms[rule.atom];
  return typeof id === "string" && id !== "" ? `${rule.from}/${id}` : null;
}

/** Whether a subscription holds a record of this content and these scopes: by its collections and its filter too (P11). */
export function covers(scopes: readonly string[], asked: Asked, key: string, atoms: Atoms): boolean {
  const collection = key.slice(0, key.indexOf("/"));
  if (asked.collections && !asked.collections.includes(collection)) return false;
  if (asked.scope !== "*" && !scopes.some((scope) => stands(scope, asked))) return false;
  return Object.entries(asked.where ?? {}).every(([atom, condition]) => meets(atoms[atom] ?? null, condition));
}

function stands(scope: string, { scope: asked, readable }: Asked): boolean {
  if (!asked.endsWith("*")) return scope === asked;
  return scope.startsWith(asked.slice(0, -1)) && (readable?.(scope) ?? true);
}

/** One mutation at work on a copy of the state. */
class Transaction {
  readonly state: Map<string, Kept>;
  readonly superseded: { key: string; atoms: string[]; reason: string }[] = [];
  private readonly before: State;
  private readonly now: Written;
  private readonly mutation: Mutation;
  private readonly collections: OracleCollections;

  constructor(before: State, revision: number, author: string, mutation: Mutation, collections: OracleCollections) {
    this.before = before;
    this.state = new Map(before);
    this.now = { revision, author };
    this.mutation = mutation;
    this.collections = collections;
  }

  /** Whether anything is other than before: a record there or gone, an atom, or the same content anew. */
  changes(): boolean {
    if (this.state.size !== this.before.size) return true;
    for (const [key, kept] of this.state) {
      const old = this.before.get(key);
      if (old === undefined || !same(old.atoms, kept.atoms)) return true;
    }
    return false;
  }

  /** Whether any record would be its own ancestor (M8). */
  isCircular(): boolean {
    const above = (key: string) => {
      const kept = this.state.get(key);
      return kept === undefined ? null : parentIn(this.collections, key, kept.atoms);
    };
    for (const key of this.state.keys()) {
      const seen = new Set<string>();
      for (let at = above(key); at !== null && !seen.has(at); at = above(at)) {
        if (at === key) return true;
        seen.add(at);
      }
    }
    return false;
  }

  write(write: Write): void {
    const id = write.op === "delete" ? write.id : write.record.id;
    const key = `${write.collection}/${id}`;
    const base = write.base ?? this.mutation.base;
    const named = write.op === "delete" ? [] : Object.keys(write.record).filter((atom) => atom !== "id");
    const kept = this.state.get(key);
    const lose = (reason: string, atoms = named) => void this.superseded.push({ key, atoms, reason });

    const unexpected = Object.entries(write.expect ?? {}).some(
      ([atom, value]) => !same(kept?.atoms[atom] ?? null, value),
    );
    if (write.op === "insert") {
      if (kept && !same(kept.atoms, present(write.record))) return lose("exists");
      if (kept) return;
      return unexpected ? lose("expect") : this.insert(key, write.record);
    }
    if (write.op === "delete") {
      if (unexpected) return lose("expect");
      if (kept === undefined) return;
      const touched = [kept.created, ...Object.values(kept.written)].some((written) => this.foreign(written, base));
      return touched ? lose("changed") : void this.state.delete(key);
    }
    if (kept === undefined) return lose("missing");
    if (this.foreign(kept.created, base)) return lose("created");
    if (unexpected) return lose("expect");
    this.update(key, kept, write.record, base, lose);
  }

  /** A record deleted and inserted in one transaction keeps what its atoms knew; the insert's atoms replace all (M3). */
  private insert(key: string, record: JsonObject): void {
    const old = this.before.get(key);
    const atoms = present(
      Object.fromEntries(Object.entries(record).map(([atom, wish]) => [atom, resolved(null, wish)])),
    );
    const written: { [atom: string]: Written } = { ...old?.written };
    for (const atom of new Set([...Object.keys(old?.atoms ?? {}), ...Object.keys(atoms)])) {
      if (atom !== "id" && !same(old?.atoms[atom] ?? null, atoms[atom] ?? null)) written[atom] = this.now;
    }
    this.state.set(key, { atoms, written, created: this.now });
  }

  private update(
    key: string,
    kept: Kept,
    record: JsonObject,
    base: number,
    lose: (reason: string, atoms: string[]) => void,
  ): void {
    const collection = key.slice(0, key.indexOf("/"));
    const policies = this.collections[collection]?.atoms ?? {};
    const atoms: { [atom: string]: Json } = { ...kept.atoms };
    const written = { ...kept.written };
    const lost: string[] = [];
    for (const [atom, wish] of Object.entries(record)) {
      if (atom === "id") continue;
      const stands = kept.atoms[atom] ?? null;
      const value = resolved(stands, wish);
      if (same(stands, value)) continue;
      const last = kept.written[atom];
      const agreed = policies[atom] === "client" || isOperator(wish);
      if (!agreed && last !== undefined && this.foreign(last, base)) {
        lost.push(atom);
        continue;
      }
      atoms[atom] = value;
      written[atom] = this.now;
    }
    if (lost.length > 0) lose("newer", lost);
    this.state.set(key, { atoms: present(atoms), written, created: kept.created });
  }

  private foreign(written: Written, base: number): boolean {
    return written.author !== this.now.author && written.revision > base;
  }
}

function isOperator(wish: Json): boolean {
  return wish !== null && typeof wish === "object" && ("$add" in wish || "$insert" in wish || "$remove" in wish);
}

/** What an operator makes of the value that stands; any other value is itself. */
function resolved(stands: Json, wish: Json): Json {
  if (!isOperator(wish)) return wish;
  const { $add, $insert, $remove } = wish as { $add?: number; $insert?: Json[]; $remove?: Json[] };
  if ($add !== undefined) return ((stands as number | null) ?? 0) + $add;
  const left = ((stands as Json[] | null) ?? []).filter((item) => !($remove ?? []).some((gone) => same(gone, item)));
  for (const item of $insert ?? []) if (!left.some((other) => same(other, item))) left.push(item);
  return left;
}

function present(atoms: JsonObject): Atoms {
  return Object.fromEntries(Object.entries(atoms).filter(([, value]) => value !== null));
}

/** P11, for one atom. */
function meets(value: Json, condition: Json): boolean {
  const operators =
    condition !== null && typeof condition === "object" && !Array.isArray(condition) ? Object.entries(condition) : [];
  if (!operators.some(([name]) => name.startsWith("$"))) return same(value, condition);
  return operators.every(([name, operand]) => {
    if (name === "$in") return (operand as readonly Json[]).some((item) => same(item, value));
    if (name === "$ne") return !same(value, operand);
    const order = orderOf(value, operand);
    if (order === null) return false;
    return name === "$gt" ? order > 0 : name === "$gte" ? order >= 0 : name === "$lt" ? order < 0 : order <= 0;
  });
}

function orderOf(a: Json, b: Json): number | null {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return byBytes(a, b);
  return null;
}

/** Orders texts by their UTF-8 bytes. */
export function byBytes(a: string, b: string): number {
  const [x, y] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  const differs = x.findIndex((byte, i) => byte !== y[i]);
  if (differs < 0) return x.length - y.length;
  return differs >= y.length ? 1 : (x[differs] as number) - (y[differs] as number);
}

export function same(a: Json, b: Json): boolean {
  return a === b || sorted(a) === sorted(b);
}

/** RFC 8785: members by their UTF-16 units, and as ECMAScript writes values. */
function sorted(value: Json): string {
  return JSON.stringify(value, (_, item: unknown) =>
    item === null || typeof item !== "object" || Array.isArray(item)
      ? item
      : Object.fromEntries(Object.entries(item).sort(([x], [y]) => (x < y ? -1 : 1))),
  );
}

/** Count and digest of records by `collection/id`, by the words of section 3. */
export function fingerprintOf(records: ReadonlyMap<string, Atoms>): { count: number; digest: string } {
  const lanes = new Uint32Array(4);
  for (const [key, record] of records) {
    const hash = sha256(sorted([key.slice(0, key.indexOf("/")), record]));
    const words = new DataView(hash.slice().buffer);
    for (let lane = 0; lane < 4; lane++) lanes[lane] = (lanes[lane] as number) + words.getUint32(lane * 4);
  }
  return { count: records.size, digest: [...lanes].map((lane) => lane.toString(16).padStart(8, "0")).join("") };
}
