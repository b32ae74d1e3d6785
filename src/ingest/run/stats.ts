import type { Clean, Pipeline } from "../clean/pipeline.ts";
import type { Cleaned } from "../declare.ts";
import type { Page } from "../source.ts";
import { type BatchStats, driftOf, limitOf, seenFields, volume } from "./batch-checks.ts";
import { Digests } from "./digests.ts";
import { nameOf } from "./judge.ts";
import type { TaskState } from "./state.ts";

/** A complete pass that gives less than half of what the last ones gave is broken, where nothing else is declared. */
const USUAL_VOLUME = volume(0.5);
const DELETES = { atMost: "10%", orCount: 50 } as const;

/** What is counted of a run while it is read, so that the batch can be judged before anything of it is visible (I7). */
export class Stats {
  read = 0;
  puts = 0;
  rejected = 0;
  bytes = 0;
  accepted = 0;
  /** Whether a pass is read to its end. */
  complete = false;
  readonly #present = new Map<string, number>();
  readonly #fields = new Map<string, Set<string>>();
  /** The names that were seen; null where no pass is under way. */
  #seen: Digests | null = null;

  /** A complete pass begins. */
  begin(): void {
    this.#seen = new Digests();
  }

  /** Goes on with a pass that an earlier run began. */
  goOn(): void {
    this.#seen ??= new Digests();
  }

  /** Takes a page; gives what the pipeline made of each of its changes. */
  take(page: Page, pipeline: Pipeline, context: { source: string; stream: string }): (Clean | undefined)[] {
    if (page.begins === true) this.begin();
    this.bytes += page.bytes ?? 0;
    if (page.last === "complete") this.complete = true;
    return page.changes.map((change) => {
      this.read++;
      if (change.op !== "delete") this.#seen?.add(nameOf(change));
      if (change.op === "broken") this.rejected++;
      if (change.op !== "put") return undefined;
      this.puts++;
      seenFields(this.#fields, change.value);
      const done = pipeline(change.key, change.value, { ...context, position: change.position });
      if (done.flaws.some(({ level }) => level === "reject")) this.rejected++;
      else {
        this.accepted++;
        for (const [atom, value] of Object.entries(done.record))
          if (value !== null) this.#present.set(atom, (this.#present.get(atom) ?? 0) + 1);
      }
      return done;
    });
  }

  saw(name: string): boolean {
    return this.#seen?.has(name) === true;
  }

  get fields(): { readonly [field: string]: readonly string[] } {
    return Object.fromEntries([...this.#fields].map(([field, types]) => [field, [...types].sort()]));
  }

  of(state: TaskState, backfill: boolean, missing: number): BatchStats {
    const kind = backfill ? "backfill" : this.complete ? "complete" : "incremental";
    return {
      kind,
      read: this.read + (kind === "complete" ? state.passRead : 0),
      puts: this.puts,
      rejected: this.rejected,
      accepted: this.accepted,
      present: this.#present,
      fields: this.fields,
      fieldsBefore: state.fields,
      missing,
      rows: state.rows,
      volumes: kind === "complete" ? state.volumes.complete : state.volumes.incremental,
    };
  }
}

/** Why a batch is held, and what else is to be told of it. */
export function judged(stats: BatchStats, { options }: Cleaned): { held: string[]; notes: string[] } {
  const checks = (options.check ?? []).filter((each) => each.kind === "batch");
  const all = checks.some(({ name }) => name === "volume") ? checks : [USUAL_VOLUME, ...checks];
  const held = all.flatMap((each) => each.hold(stats) ?? []);
  const { stopAbove } = options.reject ?? {};
  if (stopAbove !== undefined && stats.rejected > limitOf(stopAbove, stats.read))
    held.push(`${stats.rejected} of ${stats.read} records are rejected, and at most ${stopAbove} may be`);
  const { atMost = DELETES.atMost, orCount = DELETES.orCount } = options.deletes ?? {};
  if (stats.missing > Math.max(orCount, limitOf(atMost, stats.rows)))
    held.push(
      `${stats.missing} of ${stats.rows} records are missing, and would be deleted: more than ${orCount} and ${atMost}`,
    );
  const notes = stats.kind === "backfill" ? [] : driftOf(stats).map((each) => `the field ${each}`);
  return { held, notes };
}

/** Fields as a later run is compared with: those of a complete pass, or those that changes have added. */
export function fieldsAfter(stats: BatchStats): TaskState["fields"] {
  const { fields, fieldsBefore, kind } = stats;
  if (kind === "complete" || fieldsBefore === null) return fields;
  const merged: { [field: string]: readonly string[] } = { ...fieldsBefore };
  for (const [field, types] of Object.entries(fields)) {
    const before = Object.hasOwn(merged, field) ? (merged[field] ?? []) : [];
    merged[field] = [...new Set([...before, ...types])].sort();
  }
  return merged;
}
