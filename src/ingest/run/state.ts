import type { SourceCursor } from "../source.ts";

/** What a stream knows of itself between runs. */
export interface TaskState {
  readonly cursor: SourceCursor;
  /** The run that began the complete pass that is under way; null: none is. */
  readonly pass: number | null;
  /** Changes of that pass that earlier runs committed. */
  readonly passRead: number;
  /** The last run's number. */
  readonly run: number;
  /** The last change's. */
  readonly seq: number;
  /** The last item's in quarantine. */
  readonly item: number;
  /** Source records that are there. */
  readonly rows: number;
  /** Changes of the last committed runs, the newest first: of complete passes, and of the others. */
  readonly volumes: { readonly complete: readonly number[]; readonly incremental: readonly number[] };
  /** By field of the source, the types that were seen. */
  readonly fields: { readonly [field: string]: readonly string[] } | null;
  /** When its last run and its last complete pass began, and the last that committed; unix milliseconds. */
  readonly started: number | null;
  readonly refreshed: number | null;
  readonly succeeded: number | null;
}

export const NEW_TASK: TaskState = {
  cursor: null,
  pass: null,
  passRead: 0,
  run: 0,
  seq: 0,
  item: 0,
  rows: 0,
  volumes: { complete: [], incremental: [] },
  fields: null,
  started: null,
  refreshed: null,
  succeeded: null,
};

export type RunKind = "incremental" | "complete" | "backfill" | "replay";
/** `held`: a check of the batch stopped it; `interrupted`: its process died, or another runner took over. */
export type RunStatus = "running" | "done" | "held" | "failed" | "interrupted";

/** How many changes went which way. */
export interface RunCounts {
  readonly read: number;
  /** Records that were made, changed, and found as they were. */
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  /** Records in which normalisers changed something. */
  readonly fixed: number;
  readonly warned: number;
  /** To quarantine, and of these to wait for a parent. */
  readonly rejected: number;
  readonly waiting: number;
  readonly deleted: number;
  /** Older than what is known already. */
  readonly stale: number;
  /** Passed over, since they were erased here (K8). */
  readonly suppressed: number;
  /** Atoms of records that somebody had written here, and the source wrote over. */
  readonly overwrote: number;
  readonly bytes: number;
}

export const NO_COUNTS: RunCounts = {
  read: 0,
  added: 0,
  changed: 0,
  unchanged: 0,
  fixed: 0,
  warned: 0,
  rejected: 0,
  waiting: 0,
  deleted: 0,
  stale: 0,
  suppressed: 0,
  overwrote: 0,
  bytes: 0,
};

/** The row that each run leaves (I4). */
export interface RunRow extends RunCounts {
  readonly run: number;
  readonly kind: RunKind;
  readonly status: RunStatus;
  /** Unix milliseconds. */
  readonly started: number;
  readonly ended: number | null;
  readonly cursorBefore: SourceCursor;
  readonly cursorAfter: SourceCursor;
  /** Of the rules. */
  readonly version: string;
  /** Changes that were held. */
  readonly held: number;
  /** Why it was held or failed, and what else is to be told. */
  readonly reasons: readonly string[];
  readonly attempts: number;
}
