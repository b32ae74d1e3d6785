import type { Json } from "../util/json.ts";
import type { Matcher } from "./filter.ts";
import { atomOf, type Membership, type RecordData, type Revision } from "./record.ts";

/** A record as a scope saw it change. */
export interface Change {
  readonly id: string;
  readonly member: Membership;
  /** The record's canonical text; null where it is deleted. It is here also where the record only left the scope. */
  readonly text: string | null;
  /** The revision at which the record, or one of the same id before it, was last erased (K2); null: never. */
  readonly erased: Revision | null;
  /** The atoms that were written after a revision, removed ones included. Asked for only where it is needed. */
  changedSince(revision: Revision): readonly string[];
}

/** Whether a replica may hold something of a record that was erased since (K2). */
export function isErased({ member, erased }: Change, since: Revision, shown: Revision): boolean {
  return erased !== null && erased > since && member.first <= shown;
}

export type Step =
  | { readonly op: "put" }
  | { readonly op: "patch"; readonly atoms: { readonly [atom: string]: Json } }
  | { readonly op: "remove" }
  | null;

/**
 * What a delta since `since` says of one record (P2).
 * - `shown`: the head at which the replica's last page was read, `since` where there was none: what had been in the
 *   scope by then may be held, and must be removed (P5).
 */
export function stepOf(change: Change, since: Revision, shown: Revision, matcher: Matcher | null): Step {
  const { member, text } = change;
  const mayHold = member.first <= shown;
  if (!member.present || text === null) return mayHold ? { op: "remove" } : null;
  const entered = member.entered > since;
  if (matcher === null) return entered ? { op: "put" } : patch(change, since);
  const data = JSON.parse(text) as RecordData;
  const moved = entered || matchedAnew(matcher, change, since);
  if (matcher.matches(data)) return moved ? { op: "put" } : patch(change, since, data);
  return moved && mayHold ? { op: "remove" } : null;
}

function patch(change: Change, since: Revision, parsed?: RecordData): Step {
  const changed = change.changedSince(since);
  if (changed.length === 0) return null;
  const data = parsed ?? (JSON.parse(change.text as string) as RecordData);
  const atoms: { [atom: string]: Json } = {};
  for (const atom of changed) atoms[atom] = atomOf(data, atom);
  return { op: "patch", atoms };
}

/** Whether an atom was written that decides on which side of the filter the record is. */
function matchedAnew(matcher: Matcher, change: Change, since: Revision): boolean {
  const changed = change.changedSince(since);
  return matcher.atoms.some((atom) => changed.includes(atom));
}
