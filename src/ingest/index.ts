export { byId } from "./by-id.ts";
export {
  check,
  type RecordCheck,
  type RefCheck,
  type RowCheck,
  range,
  ref,
  required,
  type UniqueCheck,
  unique,
} from "./clean/checks.ts";
export { date, instant } from "./clean/dates.ts";
export { type Normalised, type Normaliser, type Normalisers, normaliser } from "./clean/normaliser.ts";
export { country, money, phone } from "./clean/places.ts";
export type { Fix, Flaw, Step, StepContext, Stepped } from "./clean/step.ts";
export {
  bool,
  caseFold,
  collapseSpace,
  email,
  missing,
  nfc,
  noControl,
  number,
  string,
  title,
  trim,
} from "./clean/text.ts";
export { type Cleaned, type CleanOptions, clean, type IngestConfig, type Pickup, type Schedule } from "./declare.ts";
export type { Accepted, Entities, EntityReader, EntityTask, Origin, Placement, SourceRow } from "./entities.ts";
export { Ingest, IngestError, type IngestHost, type Task, type TaskStatus } from "./ingest.ts";
export type { ValueOrigin } from "./lineage.ts";
export type { Item, ItemStatus } from "./quarantine/item.ts";
export type { ItemFilter } from "./quarantine/quarantine.ts";
export { type BatchCheck, type BatchStats, drift, nulls, volume } from "./run/batch-checks.ts";
export { Fenced } from "./run/place.ts";
export { Busy, type RunOptions } from "./run/runner.ts";
export type { RunCounts, RunKind, RunRow, RunStatus, TaskState } from "./run/state.ts";
export { dueAt } from "./schedule.ts";
export * from "./source.ts";
export { type FileFormat, type FilesOptions, files } from "./sources/files/files.ts";
export { ingestOf, startIngest } from "./start.ts";
export { type Mark, Watermark, type WatermarkOptions, watermark } from "./watermark.ts";
