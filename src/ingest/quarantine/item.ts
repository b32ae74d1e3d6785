import type { JsonObject } from "../../util/json.ts";
import type { Flaw } from "../clean/step.ts";
import type { Position, SourceKey } from "../source.ts";

/** `waiting`: for its parent; the last four are settled. */
export type ItemStatus = "open" | "waiting" | "fixed" | "replayed" | "superseded" | "discarded";

/** A record that could not be taken, with all that is needed to see why and to take it later (I6). */
export interface Item {
  readonly number: number;
  readonly status: ItemStatus;
  /** Null: it could not be read so far. */
  readonly key: SourceKey | null;
  /** Where the source record is, or would be, kept. */
  readonly name: string;
  /** The step that refused it. */
  readonly stage: "parse" | "check" | "match" | "commit";
  /** Of its first flaw. */
  readonly code: string;
  readonly path: string;
  readonly message: string;
  readonly flaws: readonly Flaw[];
  /** As the source gave it; null: it could not be read so far. */
  readonly value: JsonObject | null;
  /** The text that it was read from, where there is more to see in it. */
  readonly raw?: string;
  readonly position: Position;
  readonly at: string | null;
  readonly run: number;
  readonly seq: number;
  /** Of the rules. */
  readonly version: string;
  /** Unix milliseconds. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly times: number;
  /** Of what was refused: the same again counts up. */
  readonly digest: string;
  /** The record that it waits for, `collection/id`. */
  readonly parent?: string;
  /** What a person set right in it, so far without success. */
  readonly override?: Override;
}

export function isUnsettled({ status }: Pick<Item, "status">): boolean {
  return status === "open" || status === "waiting";
}

/** Which came later: by the source's own times where both have one, else in the order in which they came. */
export function isNewer(
  a: { readonly at: string | null; readonly seq: number },
  b: { readonly at: string | null; readonly seq: number },
): boolean {
  const [x, y] = [timeOf(a.at), timeOf(b.at)];
  return x !== null && y !== null && x !== y ? x > y : a.seq > b.seq;
}

export function timeOf(at: string | null): number | null {
  const time = at === null ? Number.NaN : Date.parse(at);
  return Number.isNaN(time) ? null : time;
}

/** Values that a person set right: kept, so that the next import of the same mistake does not undo it. */
export interface Override {
  readonly [field: string]: { readonly was: JsonObject[string] | null; readonly now: JsonObject[string] };
}

/** The record with what was set right; a field that the source has changed since is the source's again. */
export function overridden(value: JsonObject, override: Override | null): JsonObject {
  if (override === null) return value;
  const result: { [field: string]: JsonObject[string] } = { ...value };
  for (const [field, { was, now }] of Object.entries(override)) {
    const before = Object.hasOwn(value, field) ? (value[field] as JsonObject[string]) : null;
    if (JSON.stringify(before) === JSON.stringify(was)) result[field] = now;
  }
  return result;
}
