import type { Settled } from "../client/state.ts";
import type { Overwritten } from "../model/link.ts";
import type { Rejection, Write } from "../model/mutation.ts";
import { targetOf } from "../model/mutation.ts";
import { type Author, type Key, keyOf, keyParts, type RecordData } from "../model/record.ts";
import type { JsonObject } from "../util/json.ts";

/** What lost against upstream: nothing that somebody wrote goes without a trace (S2). */
export interface Conflict {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly collection: string;
  readonly id: string;
  /** What was to be done; `insert` and `update` hold the values that lost, operators as operators. */
  readonly op: Write["op"];
  readonly atoms: JsonObject;
  /** Who wrote it, and in which revision of this space; null where that is not known. */
  readonly author: Author | null;
  readonly revision: number | null;
  /** What upstream's record is instead; null: none. */
  readonly upstream: RecordData | null;
  readonly reason: string;
}

export type Lost = Omit<Conflict, "number" | "time" | "upstream">;

/** Where a queued mutation came from, carried by its name in the queue. */
export interface Origin {
  readonly revision: number;
  readonly author: Author;
}

export function originText({ revision, author }: Origin): string {
  return JSON.stringify([revision, author]);
}

function originOf(call: string | undefined): Origin | null {
  if (call === undefined) return null;
  const [revision, author] = JSON.parse(call) as [number, Author];
  return { revision, author };
}

/** What of a mutation upstream did not take. */
export function lostOf({ mutation, outcome, call }: Settled): Lost[] {
  const origin = originOf(call);
  const from = { author: origin?.author ?? null, revision: origin?.revision ?? null };
  if (outcome.status === "applied") return [];
  // Asked for after it was acknowledged, as by a link that was restored, an outcome does not say any more which part (W6).
  if (outcome.status !== "superseded" || outcome.superseded.length === 0) {
    const reason = outcome.status === "rejected" ? `${outcome.code}: ${outcome.message}` : outcome.status;
    return mutation.writes.map((write) => ({
      ...targetOf(write),
      op: write.op,
      atoms: atomsOf(write),
      ...from,
      reason,
    }));
  }
  return outcome.superseded.map(({ collection, id, atoms, reason }) => {
    const write = mutation.writes.find((each) => keyOf(each.collection, targetOf(each).id) === keyOf(collection, id));
    const all = write === undefined ? {} : atomsOf(write);
    const lost = Object.fromEntries(Object.entries(all).filter(([atom]) => atoms.length === 0 || atoms.includes(atom)));
    return { collection, id, op: write?.op ?? "update", atoms: lost, ...from, reason };
  });
}

export function overwrittenOf({ key, atoms, author }: Overwritten): Lost {
  return { ...keyParts(key), op: "update", atoms, author, revision: null, reason: "overwritten" };
}

function atomsOf(write: Write): JsonObject {
  if (write.op === "delete") return {};
  const { id: _, ...atoms } = write.record;
  return atoms;
}

/** A record that is not here as the mirror has it (S6). */
export interface Aside extends Rejection {
  readonly key: Key;
  readonly time: number;
  /** It waits until somebody confirms it (U5). */
  readonly held?: boolean;
}
