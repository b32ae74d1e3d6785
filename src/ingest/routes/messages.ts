import { z } from "zod";
import { id as recordId } from "../../server/requests/parts.ts";
import type { Json } from "../../util/json.ts";
import type { ProblemBody } from "../../wire/problem.ts";
import type { StreamStatus } from "../ingest.ts";
import type { ValueOrigin } from "../lineage.ts";
import type { Difference } from "../match/differences.ts";
import type { entityOf, OpenQuestion } from "../match/review.ts";
import type { Item } from "../quarantine/item.ts";
import type { RunRow } from "../run/state.ts";
import type { Verification } from "../verify.ts";

/** Items of quarantine that one order names, and that one answer gives. */
export const MOST_ITEMS = 1_000;
/** Records that one decision about duplicates names. */
const MOST_RECORDS = 1_000;

const time = z.string().refine((text) => !Number.isNaN(Date.parse(text)), { error: "expected a time, ISO 8601" });
const flags = { accept: z.boolean().optional() };

/** `POST …/ingest/streams/{stream}` */
export const streamOrder = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("run"), ...flags }),
  z.strictObject({ do: z.literal("refresh"), ...flags }),
  z
    .strictObject({ do: z.literal("backfill"), from: time, to: time, ...flags })
    .refine(({ from, to }) => Date.parse(from) < Date.parse(to), { path: ["to"], error: "expected a later time" }),
  z.strictObject({ do: z.literal("verify") }),
]);

const number = z.int().positive();
const numbers = z.array(number).min(1).max(MOST_ITEMS);
/** What was parsed from a body is JSON. */
const json = z.custom<Json>(() => true);
const values = z.record(z.string().min(1).max(256), json);
const some = { numbers: numbers.optional(), code: z.string().max(64).optional(), path: z.string().max(256).optional() };

/** `POST …/ingest/streams/{stream}/quarantine`. Items that are settled are passed over. */
export const quarantineOrder = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("fix"), number, values }),
  z.strictObject({ do: z.literal("replay"), ...some }),
  z
    .strictObject({ do: z.literal("discard"), ...some })
    .refine((asked) => asked.numbers ?? asked.code ?? asked.path, { error: "expected numbers, a code or a path" }),
]);

/** `POST …/ingest/duplicates/{collection}` */
export const duplicatesOrder = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("merge"), ids: z.array(recordId).min(2).max(MOST_RECORDS) }),
  z.strictObject({
    do: z.literal("split"),
    id: recordId,
    keys: z.array(z.string().min(1).max(1_024)).max(MOST_RECORDS).default([]),
  }),
]);

export const itemStatus = z.enum([
  "unsettled",
  "open",
  "waiting",
  "fixed",
  "replayed",
  "superseded",
  "discarded",
  "all",
]);

export const liftOrder = z.strictObject({ collection: z.string(), id: z.string() });

export type StreamOrder = z.input<typeof streamOrder>;
export type QuarantineOrder = z.input<typeof quarantineOrder>;
export type DuplicatesOrder = z.input<typeof duplicatesOrder>;

/** Times in what follows are unix milliseconds. */
export interface StreamsResponse {
  readonly streams: readonly StreamStatus[];
}

export interface RunsResponse {
  /** The newest first. */
  readonly runs: readonly RunRow[];
}

/** The lines of an answer to a stream's order: how far it is, and at the end what came of it. */
export type RunLine =
  | {
      readonly op: "progress";
      readonly phase: "reading" | "committing" | "verifying";
      readonly read: number;
      readonly rejected: number;
    }
  | { readonly op: "run"; readonly run: RunRow }
  | { readonly op: "verification"; readonly verification: Verification }
  | { readonly op: "error"; readonly problem: ProblemBody };

export interface QuarantineResponse {
  readonly items: readonly Item[];
  /** What to ask with as `after` for more; null: these were all. */
  readonly next: number | null;
}

/** Null: nothing was replayed. */
export interface ReplayResponse {
  readonly run: RunRow | null;
}

export interface DiscardResponse {
  readonly discarded: number;
}

export interface LiftResponse {
  /** Source records that come in again from now on. */
  readonly lifted: number;
}

export interface LineageResponse {
  /** Empty: there is no such record. */
  readonly values: readonly ValueOrigin[];
}

export interface DuplicatesResponse {
  /** The likeliest first. */
  readonly pairs: readonly OpenQuestion[];
}

/** A record with the source records that it was made of. */
export type ShownEntity = NonNullable<Awaited<ReturnType<typeof entityOf>>>;

/** The lines of an answer about differences: a record each, and `end` when these were all. */
export type DifferenceLine =
  | { readonly op: "record"; readonly id: string; readonly differences: readonly Difference[] }
  | { readonly op: "end" }
  | { readonly op: "error"; readonly problem: ProblemBody };
