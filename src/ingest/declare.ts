import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonObject } from "../util/json.ts";
import { sha256Hex } from "../util/sha256.ts";
import type { RecordCheck } from "./clean/checks.ts";
import { listOf, type Normalisers } from "./clean/normaliser.ts";
import type { Entities } from "./entities.ts";
import type { BatchCheck } from "./run/batch-checks.ts";
import type { Source, SourceKey, Stream } from "./source.ts";

export type Check = RecordCheck | BatchCheck;

/** What becomes of the records of a stream before anybody uses them. */
export interface CleanOptions {
  /** The collection that they become records of. */
  readonly collection: string;
  /** The id of its record; by default the key of the source. Two streams that fill one collection need `match`. */
  readonly id?: (record: JsonObject, key: SourceKey) => string;
  /** Chooses and names fields, first of all. */
  readonly shape?: (value: JsonObject) => JsonObject;
  readonly normalise?: Normalisers;
  /** Any Standard Schema; the record becomes what it gives. */
  readonly schema?: StandardSchemaV1<unknown, unknown>;
  /** Checks of records, and of the batch as a whole. */
  readonly check?: readonly Check[];
  /** How records become those of the collection; by default each is one, under its id. */
  readonly match?: Entities;
  readonly reject?: {
    /** More rejected records than this, a number or a share such as "5%", hold the batch. */
    readonly stopAbove?: number | `${number}%`;
  };
  /** A finished pass may delete this many records, or this share, whichever is more: more hold it. By default 50 and "10%". */
  readonly deletes?: { readonly atMost?: `${number}%`; readonly orCount?: number };
  /** Atoms that are personal, and how. */
  readonly personal?: { readonly [atom: string]: string };
  /** Set it to another text where functions in here changed: what they make of a record is then made anew. */
  readonly version?: string;
}

/** A stream with what becomes of its records. */
export interface Cleaned {
  readonly stream: Stream;
  readonly options: CleanOptions;
  /** Of the rules: 12 hex digits. It stands beside each value that they made (I9). */
  readonly version: string;
}

/**
 * Declares how the records of a stream come in.
 *
 * @example
 * clean(stream, {
 *   collection: "contacts",
 *   normalise: { "*": trim(), email: email(), phone: phone("DE") },
 *   schema: Contact,
 *   check: [required("email"), ref("company", "companies"), volume(0.5)],
 *   reject: { stopAbove: "5%" },
 * })
 */
export function clean(stream: Stream, options: CleanOptions): Cleaned {
  return { stream, options, version: versionOf(options) };
}

/** When: "15m" from start to start, or cron with a time zone (UTC by default). */
export type Schedule = string | { readonly cron: string; readonly timeZone?: string };

/** A source with the streams of it that are picked up, and when. */
export interface Pickup {
  readonly source: Source;
  readonly streams: readonly Cleaned[];
  /** Absent: only when somebody asks for it. */
  readonly every?: Schedule;
}

/** By space. */
export type IngestConfig = { readonly [space: string]: readonly Pickup[] };

function versionOf(options: CleanOptions): string {
  const { collection, id, shape, normalise = {}, schema, check = [], match, version = "" } = options;
  const text = JSON.stringify([
    version,
    collection,
    String(id),
    String(shape),
    Object.entries(normalise).map(([atom, own]) => [atom, listOf(own).map(({ name }) => name)]),
    schemaText(schema),
    check.flatMap((each) => (each.kind === "batch" ? [] : [each.name, "check" in each ? String(each.check) : ""])),
    match?.version ?? "",
  ]);
  return sha256Hex(text).slice(0, 12);
}

/** What a schema says of itself as JSON Schema, where it does; functions in it are seen only by `version`. */
function schemaText(schema: CleanOptions["schema"]): unknown {
  const standard = schema?.["~standard"] as
    | { vendor: string; jsonSchema?: { input(options: { target: string }): unknown } }
    | undefined;
  try {
    return standard?.jsonSchema?.input({ target: "draft-2020-12" }) ?? standard?.vendor ?? "";
  } catch {
    return standard?.vendor ?? "";
  }
}
