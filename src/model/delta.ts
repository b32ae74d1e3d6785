import type { Json } from "../util/json.ts";
import type { Matcher } from "./filter.ts";
import { atomOf, type Membership, type RecordData, type Revision, type Stamp } from "./record.ts";

/** A record as a scope saw it change. `data` and `stamps` are asked for only where they are needed. */
export interface Change {
  readonly id: string;
  readonly member: Membership;
  /** The record's canonical text; null where it is deleted. It is here also where the record only left the scope. */
  readonly text: string | null;
  readonly created: Revision;
  stamps(): ReadonlyMap<string, Stamp>;
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
  const moved = entered || matcher.atoms.some((atom) => (change.stamps().get(atom)?.revision ?? 0) > since);
  if (matcher.matches(data)) return moved ? { op: "put" } : patch(change, since, data);
  return moved && mayHold ? { op: "remove" } : null;
}

function patch(change: Change, since: Revision, parsed?: RecordData): Step {
  let data = parsed;
  const atoms: { [atom: string]: Json } = {};
  let changed = false;
  for (const [atom, stamp] of change.stamps()) {
    if (stamp.revision <= since) continue;
    changed = true;
    data ??= JSON.parse(change.text as string) as RecordData;
    atoms[atom] = atomOf(data, atom);
  }
  return changed ? { op: "patch", atoms } : null;
}
