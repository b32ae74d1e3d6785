import { record } from "../records.ts";

/** One point of a curve: what a space holds, and what a replica follows of it. */
export interface Setting {
  readonly axis: Axis;
  /** Where on the axis. */
  readonly at: number;
  readonly records: number;
  /** The records are dealt out to so many scopes, and the replica follows each; 0: it follows the whole space. */
  readonly scopes: number;
  /** How often each of the first records changes while the replica is away. */
  readonly changes: number;
}

export type Axis = "records" | "scopes" | "changes";

/** Records that change while a replica is away, and mutations of a push. */
export const CHANGED = 1_000;

export function settings(large: boolean): readonly Setting[] {
  const sizes = [1_000, 10_000, 100_000, ...(large ? [1_000_000] : [])];
  return [
    ...sizes.map((at) => ({ axis: "records" as const, at, records: at, scopes: 0, changes: 1 })),
    ...[1, 10, 100, 1_000].map((at) => ({ axis: "scopes" as const, at, records: 10_000, scopes: at, changes: 1 })),
    ...[1, 10, 100].map((at) => ({ axis: "changes" as const, at, records: 10_000, scopes: 0, changes: at })),
  ];
}

export function collectionOf({ scopes }: Setting): "tasks" | "parts" {
  return scopes === 0 ? "tasks" : "parts";
}

export function scopesOf({ scopes }: Setting): readonly string[] {
  return scopes === 0 ? ["*"] : Array.from({ length: scopes }, (_, i) => `part-${i}`);
}

export function recordOf({ scopes }: Setting, i: number, version = 0) {
  const data = record(i, version);
  return scopes === 0 ? data : { ...data, part: `part-${i % scopes}` };
}
