import { type Json, sameJson } from "../util/json.ts";
import type { Add, Amend, RejectedCode, SupersededReason, Write } from "./mutation.ts";
import { merged } from "./policy.ts";
import { type Author, atomOf, type RecordData, type Revision, type Stamp } from "./record.ts";
import { type Collection, policyOf } from "./schema.ts";

/** A record as a write finds it: the server's, with what earlier writes of the same mutation did to it. */
export interface Standing {
  /** Null: it is not there. */
  readonly data: RecordData | null;
  readonly created: Revision;
  readonly creator: Author;
  readonly stamps: ReadonlyMap<string, Stamp>;
  /** Atoms that this very mutation has written already: no conflict. */
  readonly written: ReadonlySet<string>;
}

/** Whoever writes, and what it knew. */
export interface Writer {
  readonly base: Revision;
  /** The revision that the mutation had in a history that a restore has lost (R2). */
  readonly lost: Revision | undefined;
  /** Whether what stands so stamped is the writer's own (W2). */
  owns(author: Author, revision: Revision): boolean;
}

/** What a write does to a record. Atoms hold their new values, null: removed; those that already stand are left out. */
export type Verdict =
  | {
      readonly does: "insert";
      readonly atoms: ReadonlyMap<string, Json>;
      readonly operators: Operators;
      readonly replaces: boolean;
    }
  | {
      readonly does: "update";
      readonly atoms: ReadonlyMap<string, Json>;
      readonly operators: Operators;
      /** Atoms at which the server's value stands (W1). */
      readonly superseded: readonly string[];
      /** Atoms whose value stands already, but which the writer confirms from a later lost revision (R2). */
      readonly confirmed: readonly string[];
    }
  | { readonly does: "delete" }
  | { readonly does: "nothing" }
  | { readonly does: "lose"; readonly reason: SupersededReason; readonly atoms: readonly string[] }
  | { readonly does: "fail"; readonly code: RejectedCode; readonly reason: string; readonly atom: string };

export type Operators = ReadonlyMap<string, Add | Amend>;

/** One write against one record: rules W1, W2, W3, W5, and `lost` of R2. */
export function verdictOf(
  write: Write,
  standing: Standing,
  writer: Writer,
  collection: Collection,
  depth: number,
): Verdict {
  if (write.op === "delete") return deletion(write, standing, writer);
  return write.op === "insert"
    ? insertion(write, standing, writer, collection, depth)
    : update(write, standing, writer, collection, depth);
}

function deletion(write: Write, standing: Standing, writer: Writer): Verdict {
  if (!expected(write, standing)) return { does: "lose", reason: "expect", atoms: [] };
  if (standing.data === null) return { does: "nothing" };
  if (replaced(standing, writer) || [...standing.stamps.keys()].some((atom) => stands(atom, standing, writer))) {
    return { does: "lose", reason: "changed", atoms: [] };
  }
  return { does: "delete" };
}

function insertion(
  write: Write & { op: "insert" },
  standing: Standing,
  writer: Writer,
  collection: Collection,
  depth: number,
): Verdict {
  const { data } = standing;
  const atoms = atomsOf(write.record);
  const replaces = data !== null && revives(standing, writer);
  if (data !== null && !replaces) {
    return sameRecord(data, write.record) ? { does: "nothing" } : { does: "lose", reason: "exists", atoms };
  }
  if (!expected(write, standing)) return { does: "lose", reason: "expect", atoms };
  const values = new Map<string, Json>();
  const operators = new Map<string, Add | Amend>();
  for (const atom of atoms) {
    const sent = write.record[atom] as Json;
    const result = merged(policyOf(collection, atom), null, sent, seen(write, atom), depth);
    if ("refused" in result) return { does: "fail", ...result.refused, atom };
    if (result.value !== null) values.set(atom, result.value);
    if (result.operator) operators.set(atom, result.operator);
  }
  return { does: "insert", atoms: values, operators, replaces };
}

function update(
  write: Write & { op: "update" },
  standing: Standing,
  writer: Writer,
  collection: Collection,
  depth: number,
): Verdict {
  const { data } = standing;
  const atoms = atomsOf(write.record);
  if (data === null) return { does: "lose", reason: "missing", atoms };
  if (replaced(standing, writer)) return { does: "lose", reason: "created", atoms };
  if (!expected(write, standing)) return { does: "lose", reason: "expect", atoms };
  const values = new Map<string, Json>();
  const operators = new Map<string, Add | Amend>();
  const superseded: string[] = [];
  const confirmed: string[] = [];
  for (const atom of atoms) {
    const current = atomOf(data, atom);
    const result = merged(policyOf(collection, atom), current, write.record[atom] as Json, seen(write, atom), depth);
    if ("refused" in result) return { does: "fail", ...result.refused, atom };
    if (sameJson(current, result.value)) {
      if (lostBefore(standing.stamps.get(atom), writer)) confirmed.push(atom);
    } else if (!result.over && stands(atom, standing, writer)) superseded.push(atom);
    else {
      values.set(atom, result.value);
      if (result.operator) operators.set(atom, result.operator);
    }
  }
  return { does: "update", atoms: values, operators, superseded, confirmed };
}

function atomsOf(record: RecordData): string[] {
  return Object.keys(record).filter((name) => name !== "id");
}

function seen(write: Write, atom: string): Json {
  return write.from !== undefined && Object.hasOwn(write.from, atom) ? (write.from[atom] as Json) : null;
}

function expected(write: Write, { data }: Standing): boolean {
  if (write.expect === undefined) return true;
  return Object.entries(write.expect).every(([atom, value]) =>
    sameJson(data === null ? null : atomOf(data, atom), value),
  );
}

/** Whether someone else wrote the atom after the base (W1), so that the server's value stands. */
function stands(atom: string, standing: Standing, writer: Writer): boolean {
  const stamp = standing.stamps.get(atom);
  if (stamp === undefined || stamp.revision <= writer.base || standing.written.has(atom)) return false;
  return !writer.owns(stamp.author, stamp.revision) && !lostBefore(stamp, writer);
}

/** Of two writes of a lost history to one atom the one with the greater lost revision wins (R2). */
function lostBefore(stamp: Stamp | undefined, writer: Writer): boolean {
  return writer.lost !== undefined && stamp?.lost !== undefined && stamp.lost < writer.lost;
}

/**
 * Whether the record is another one of the same id than the writer knew (W3). One that came back out of the lost history
 * is the one that a writer of the lost history knew (R2).
 */
function replaced(standing: Standing, writer: Writer): boolean {
  if (standing.created <= writer.base || writer.owns(standing.creator, standing.created)) return false;
  const restored = writer.lost !== undefined && [...standing.stamps.values()].some((stamp) => stamp.lost !== undefined);
  return !restored;
}

/** Whether all that stands came out of the lost history, from before the writer's place in it (R2). */
function revives(standing: Standing, writer: Writer): boolean {
  const stamps = [...standing.stamps.values()];
  return writer.lost !== undefined && stamps.length > 0 && stamps.every((stamp) => lostBefore(stamp, writer));
}

function sameRecord(a: RecordData, b: RecordData): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => sameJson(atomOf(a, name), atomOf(b, name)));
}
