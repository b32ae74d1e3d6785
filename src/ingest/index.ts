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
export { dueAt } from "./due.ts";
export { type Decision, Duplicates } from "./duplicates.ts";
export type { Accepted, Entities, EntityReader, EntityTask, Origin, Placement, SourceRow } from "./entities.ts";
export { IngestError } from "./error.ts";
export { Ingest, type IngestHost, type StreamStatus, type Task, type VerifyOptions } from "./ingest.ts";
export type { ValueOrigin } from "./lineage.ts";
export * from "./match/index.ts";
export type { Item, ItemStatus } from "./quarantine/item.ts";
export type { ItemFilter } from "./quarantine/quarantine.ts";
export type {
  DifferenceLine,
  DiscardResponse,
  DuplicatesOrder,
  DuplicatesResponse,
  LiftResponse,
  LineageResponse,
  QuarantineOrder,
  QuarantineResponse,
  ReplayResponse,
  RunLine,
  RunsResponse,
  ShownEntity,
  StreamOrder,
  StreamsResponse,
} from "./routes/messages.ts";
export { type BatchCheck, type BatchStats, drift, nulls, volume } from "./run/batch-checks.ts";
export { Fenced } from "./run/place.ts";
export { Busy, type RunOptions } from "./run/runner.ts";
export type { RunCounts, RunKind, RunRow, RunStatus, TaskState } from "./run/state.ts";
export * from "./source.ts";
export { type CardDav, carddav } from "./sources/definitions/carddav.ts";
export { type Ga4, type Ga4Report, ga4 } from "./sources/definitions/ga4.ts";
export { type HubSpot, type HubSpotObject, hubspot } from "./sources/definitions/hubspot.ts";
export { type Matomo, matomo } from "./sources/definitions/matomo.ts";
export { type Plausible, type PlausibleReport, plausible } from "./sources/definitions/plausible.ts";
export { type Salesforce, type SalesforceObject, salesforce } from "./sources/definitions/salesforce.ts";
export { type SurveyMonkey, surveymonkey } from "./sources/definitions/surveymonkey.ts";
export { type Typeform, typeform } from "./sources/definitions/typeform.ts";
export { type FileFormat, type FilesOptions, files } from "./sources/files/files.ts";
export { type Anchor, type Anchored, anchored } from "./sources/http/anchored.ts";
export type { Answer, Api, Ask, Failure, Question } from "./sources/http/ask.ts";
export { type Auth, basic, bearer, header, key, noAuth, type OAuth2, oauth2 } from "./sources/http/auth.ts";
export { type Daily, daily } from "./sources/http/daily.ts";
export { each } from "./sources/http/each.ts";
export {
  byLink,
  byNumber,
  byOffset,
  byToken,
  type Next,
  offsetOf,
  type Paged,
  type Place as PagePlace,
  paged,
} from "./sources/http/paged.ts";
export { type Exchange, recorded, replayed } from "./sources/http/recording.ts";
export type { Shape } from "./sources/http/shape.ts";
export { type HttpDefinition, type HttpStream, httpSource, type Reader, type Run } from "./sources/http/source.ts";
export { createHttp, type TrafficOptions } from "./sources/http/traffic.ts";
export type { FollowedTable } from "./sources/postgres/followed.ts";
export { type PostgresOptions, postgres } from "./sources/postgres/postgres.ts";
export type { SqlCursor, SqlTable } from "./sources/sql/table.ts";
export { type SqliteOptions, sqlite } from "./sources/sqlite/sqlite.ts";
export { type TidemarkOptions, tidemark } from "./sources/tidemark/tidemark.ts";
export { createIngest, type Incoming, ingestOf } from "./start.ts";
export type { DifferenceKind, SourceDifference, Verification } from "./verify.ts";
export { type Mark, type MarkValue, Watermark, type WatermarkOptions, watermark } from "./watermark.ts";
