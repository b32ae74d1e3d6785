import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Json, JsonObject } from "../../../util/json.ts";
import { type Page, type ReadContext, type Source, type SourceChange, SourceError } from "../../source.ts";
import { textBytes } from "./bytes.ts";
import { parquetRecords } from "./parquet.ts";
import { csvRecords, type FileRecord, jsonRecords, ndjsonRecords, type ReadOptions } from "./records.ts";

export type FileFormat = "csv" | "ndjson" | "json" | "parquet";

export interface FilesOptions {
  /** Of the source; its stream is called `records`, unless `stream` says otherwise. */
  readonly name: string;
  readonly stream?: string;
  /** A file, or a folder whose files of these formats are all read, in the order of their names. */
  readonly path: string;
  /** By default what the names say: .csv, .tsv, .ndjson, .jsonl, .json, each also with .gz behind it; .parquet. */
  readonly format?: FileFormat;
  /** The fields that make a record's key; `"position"`: it has none but its place, file and line. */
  readonly key: readonly string[] | "position";
  /** utf-8 by default; a byte order mark goes before it. */
  readonly encoding?: string;
  /** Of CSV; a comma by default, a tab for .tsv. */
  readonly delimiter?: string;
  /** Bytes of a record at most, 1 MiB by default: a larger one goes to quarantine. */
  readonly limit?: number;
}

const FORMATS: { readonly [ending: string]: FileFormat } = {
  csv: "csv",
  tsv: "csv",
  ndjson: "ndjson",
  jsonl: "ndjson",
  json: "json",
  parquet: "parquet",
};
const PAGE = 1_000;

interface Found {
  readonly path: string;
  readonly format: FileFormat;
  readonly delimiter: string;
  readonly size: number;
  readonly mtime: number;
}

/**
 * A file, or the files of a folder, read whole when any of them has changed: what is not in them any more is gone.
 *
 * @example files({ name: "crm", path: "drop/contacts.csv", key: ["id"], encoding: "latin1" })
 */
export function files(options: FilesOptions): Source {
  const { name, stream = "records", key } = options;
  return {
    name,
    async check() {
      await foundIn(options);
    },
    streams: [
      {
        name: stream,
        key: key === "position" ? [] : key,
        deletes: "by-complete-pass",
        read: (context) => read(options, context),
      },
    ],
  };
}

async function* read(options: FilesOptions, { cursor, window }: ReadContext): AsyncGenerator<Page> {
  const found = await foundIn(options);
  const print: Json = found.map(({ path, size, mtime }) => [basename(path), size, mtime]);
  if (cursor !== null && window === undefined && JSON.stringify(cursor) === JSON.stringify(print))
    return yield { changes: [], cursor: print, last: "caught-up" };
  let changes: SourceChange[] = [];
  let begins = true;
  // A pass that was cut begins anew: its cursor is no file's.
  const page = (end: Pick<Page, "cursor" | "last">, bytes: number): Page => {
    const done: Page = { changes, bytes, ...end, ...(begins && { begins }) };
    begins = false;
    changes = [];
    return done;
  };
  for (const file of found) {
    const { path, format, delimiter } = file;
    const reading = { delimiter, limit: options.limit ?? 1_048_576 };
    const records = recordsOf(path, format, options.encoding ?? "utf-8", reading);
    for await (const record of records) {
      changes.push(changeOf(record, basename(path), options.key));
      if (changes.length >= PAGE) yield page({ cursor: [] }, 0);
    }
    const { size, mtimeMs } = await stat(path);
    if (size !== file.size || mtimeMs !== file.mtime)
      throw new SourceError(
        "busy",
        `${path} was written while it was read: whoever writes it shall rename it into its place`,
      );
    yield page({ cursor: [] }, file.size);
  }
  yield page({ cursor: print, last: "complete" }, 0);
}

async function* recordsOf(
  path: string,
  format: FileFormat,
  encoding: string,
  reading: ReadOptions,
): AsyncGenerator<FileRecord> {
  if (format === "parquet") return yield* parquetRecords(path, reading);
  const text = await textBytes(path, encoding);
  if (format === "csv") yield* csvRecords(text, path, reading);
  else if (format === "json") yield* jsonRecords(text, path, reading);
  else yield* ndjsonRecords(text, reading);
}

function changeOf(record: FileRecord, file: string, key: FilesOptions["key"]): SourceChange {
  const position = `${file}:${record.line}`;
  if ("code" in record) {
    const { raw, code, message } = record;
    return { op: "broken", position, raw, code, message };
  }
  const { value } = record;
  if (key === "position") return { op: "put", key: [position], value, position };
  const parts = key.map((field) => partOf(value, field));
  const lacks = parts.findIndex((part) => part === null);
  if (lacks < 0) return { op: "put", key: parts as string[], value, position };
  const message = `it has no key: the field ${key[lacks]} is empty`;
  return { op: "broken", position, raw: JSON.stringify(value), code: "unreadable", message };
}

function partOf(value: JsonObject, field: string): string | null {
  const part = Object.hasOwn(value, field) ? (value[field] as Json) : null;
  if (part === null || part === "") return null;
  return typeof part === "string" ? part : JSON.stringify(part);
}

async function foundIn(options: FilesOptions): Promise<Found[]> {
  const { path } = options;
  const info = await stat(path).catch((error: unknown) => {
    throw new SourceError("unreachable", `${path} cannot be read: is it there?`, { cause: error });
  });
  if (!info.isDirectory()) {
    const one = await foundAs(path, options);
    if (one === null)
      throw new SourceError("protocol", `the format of ${path} is not known by its name: give \`format\``);
    return [one];
  }
  const names = (await readdir(path)).filter((name) => !name.startsWith(".")).sort();
  const all = await Promise.all(names.map((name) => foundAs(join(path, name), options)));
  return all.filter((each) => each !== null);
}

async function foundAs(path: string, { format, delimiter }: FilesOptions): Promise<Found | null> {
  const ending = /\.([a-z]+)(\.gz)?$/i.exec(path)?.[1]?.toLowerCase() ?? "";
  const known = format ?? (Object.hasOwn(FORMATS, ending) ? FORMATS[ending] : undefined);
  const info = await stat(path);
  if (known === undefined || !info.isFile()) return null;
  return {
    path,
    format: known,
    delimiter: delimiter ?? (ending === "tsv" ? "\t" : ","),
    size: info.size,
    mtime: info.mtimeMs,
  };
}
