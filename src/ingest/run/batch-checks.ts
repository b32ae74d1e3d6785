import type { JsonObject } from "../../util/json.ts";

/** What is known of a run's batch before anything of it is visible. */
export interface BatchStats {
  readonly kind: "incremental" | "complete" | "backfill";
  /** Changes read. */
  readonly read: number;
  readonly puts: number;
  readonly rejected: number;
  /** By atom, of the accepted records: how many have a value. */
  readonly present: ReadonlyMap<string, number>;
  readonly accepted: number;
  /** By field of the source, the types seen, sorted. */
  readonly fields: { readonly [field: string]: readonly string[] };
  /** As the last committed run saw them; null: there was none. */
  readonly fieldsBefore: { readonly [field: string]: readonly string[] } | null;
  /** Records that a finished pass would delete. */
  readonly missing: number;
  /** Records that the stream has brought so far. */
  readonly rows: number;
  /** `read` of the last runs of this kind that were committed, the newest first. */
  readonly volumes: readonly number[];
}

/** Looks at a whole batch: the reason why it must be held, or null. */
export interface BatchCheck {
  readonly kind: "batch";
  readonly name: string;
  hold(stats: BatchStats): string | null;
}

/** Fewer records than this share of the median of the last runs hold the batch. Of complete passes, unless it says `every`. */
export function volume(atLeast: number, { every = false }: { every?: boolean } = {}): BatchCheck {
  return {
    kind: "batch",
    name: "volume",
    hold({ kind, read, volumes }) {
      if (kind === "backfill" || (kind === "incremental" && !every) || volumes.length === 0) return null;
      const usual = median(volumes);
      if (read >= usual * atLeast) return null;
      return `it gave ${read} records, and the last ${volumes.length} runs gave ${usual} (median): less than ${percent(atLeast)}`;
    },
  };
}

/** A larger share of records without a value for the atom holds the batch. */
export function nulls(atom: string, atMost: number): BatchCheck {
  return {
    kind: "batch",
    name: `nulls(${atom})`,
    hold({ accepted, present }) {
      if (accepted === 0) return null;
      const share = 1 - (present.get(atom) ?? 0) / accepted;
      return share > atMost ? `${percent(share)} have no ${atom}, and at most ${percent(atMost)} may` : null;
    },
  };
}

/** New fields, fields that are gone, and fields of another type hold the batch. */
export function drift(): BatchCheck {
  return {
    kind: "batch",
    name: "drift",
    hold(stats) {
      const found = driftOf(stats);
      return found.length === 0 ? null : `the fields of the source are others than before: ${found.join(", ")}`;
    },
  };
}

/** How the fields of a batch differ from those before it, in words. */
export function driftOf({ fields, fieldsBefore, kind }: BatchStats): string[] {
  if (fieldsBefore === null) return [];
  const found: string[] = [];
  for (const [field, types] of Object.entries(fields)) {
    const before = Object.hasOwn(fieldsBefore, field) ? fieldsBefore[field] : undefined;
    const added = types.filter((type) => type !== "null" && before?.includes(type) === false);
    if (before === undefined) found.push(`${field} is new`);
    else if (added.length > 0 && before.some((type) => type !== "null"))
      found.push(`${field} is ${added.join(" or ")}, and was ${before.join(" or ")}`);
  }
  // A few changed records need not have every field; a complete pass shows them all.
  if (kind === "complete")
    for (const field of Object.keys(fieldsBefore)) if (!Object.hasOwn(fields, field)) found.push(`${field} is gone`);
  return found;
}

/** A share such as "5%", or a number, of a total. */
export function limitOf(limit: number | `${number}%`, total: number): number {
  return typeof limit === "number" ? limit : (total * Number.parseFloat(limit)) / 100;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

/** Adds the types of a record's fields. */
export function seenFields(seen: Map<string, Set<string>>, value: JsonObject): void {
  for (const [field, each] of Object.entries(value)) {
    const type = each === null ? "null" : Array.isArray(each) ? "list" : typeof each;
    const types = seen.get(field);
    if (types === undefined) seen.set(field, new Set([type]));
    else types.add(type);
  }
}
