import { parse } from "csv-parse/sync";
import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import { SourceError } from "../../source.ts";
import { ArraySplitter } from "./array.ts";
import type { TextBytes } from "./bytes.ts";
import { type Split, Splitter } from "./split.ts";

/** A record of a file, or what stands in its place. */
export type FileRecord =
  | { readonly line: number; readonly value: JsonObject }
  | {
      readonly line: number;
      readonly raw: string;
      readonly code: "unreadable" | "too-large";
      readonly message: string;
    };

export interface ReadOptions {
  readonly delimiter: string;
  /** Bytes of a record at most. */
  readonly limit: number;
}

/** Text of a broken record that is kept. */
const RAW = 4_096;
/** Records that are parsed at a time. */
const BATCH = 500;

/** One JSON object a line; empty lines are passed over. */
export async function* ndjsonRecords(text: TextBytes, { limit }: ReadOptions): AsyncGenerator<FileRecord> {
  const decode = decoderOf(text.encoding);
  for await (const split of splits(text, new Splitter({ limit, delimiter: null }))) {
    const read = textOf(split, decode, limit);
    if (typeof read !== "string") yield read;
    else if (read.trim() !== "") yield jsonRecord(read, split.line);
  }
}

/** The objects of one JSON array. */
export async function* jsonRecords(text: TextBytes, path: string, { limit }: ReadOptions): AsyncGenerator<FileRecord> {
  const decode = decoderOf(text.encoding);
  const splitter = new ArraySplitter(limit);
  const told = (error: unknown) =>
    error instanceof RangeError ? new SourceError("protocol", `${path}: ${error.message}`, { cause: error }) : error;
  try {
    for await (const chunk of text.chunks) {
      for (const split of splitter.feed(chunk)) {
        const read = textOf(split, decode, limit);
        yield typeof read === "string" ? jsonRecord(read, split.line) : read;
      }
    }
    splitter.end();
  } catch (error) {
    throw told(error);
  }
}

/** The rows of a CSV file (RFC 4180) with a header row. An empty cell is an absent field. */
export async function* csvRecords(text: TextBytes, path: string, options: ReadOptions): AsyncGenerator<FileRecord> {
  const { delimiter, limit } = options;
  const decode = decoderOf(text.encoding);
  const state: { header: string[] | null } = { header: null };
  let batch: { line: number; text: string }[] = [];
  const flush = () => {
    const rows = cellsOf(
      batch.map((each) => each.text),
      delimiter,
    ).map((cells, i): FileRecord => {
      const { line, text: raw } = batch[i] as (typeof batch)[number];
      if (typeof cells === "string") return broken(line, raw, cells);
      return rowOf(state.header as string[], cells, line, raw);
    });
    batch = [];
    return rows;
  };
  for await (const split of splits(text, new Splitter({ limit, delimiter: delimiter.charCodeAt(0) }))) {
    const read = textOf(split, decode, limit);
    if (state.header === null) {
      if (typeof read === "string" && read.trim() === "") continue;
      const flaw = typeof read !== "string" && "message" in read ? read.message : "it is no text";
      const cells = typeof read === "string" ? cellsOf([read], delimiter)[0] : flaw;
      if (typeof cells !== "object")
        throw new SourceError("protocol", `${path}:${split.line}: the header cannot be read: ${cells}`);
      state.header = headerOf(cells, path);
    } else if (typeof read !== "string") {
      yield* flush();
      yield read;
    } else if (read.trim() !== "") {
      if (batch.push({ line: split.line, text: read }) >= BATCH) yield* flush();
    }
  }
  yield* flush();
  if (state.header === null) throw new SourceError("protocol", `${path} is empty, and a header row was expected`);
}

async function* splits({ chunks }: TextBytes, splitter: Splitter): AsyncGenerator<Split> {
  for await (const chunk of chunks) yield* splitter.feed(chunk);
  yield* splitter.end();
}

function headerOf(cells: readonly string[], path: string): string[] {
  const names = cells.map((name, i) => (name.trim() === "" ? `column_${i + 1}` : name.trim()));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new SourceError("protocol", `${path}: two columns are called ${twice}`);
  return names;
}

function rowOf(header: readonly string[], cells: readonly string[], line: number, raw: string): FileRecord {
  if (cells.length !== header.length)
    return broken(line, raw, `the header has ${header.length} columns, and this row has ${cells.length}`);
  const value: { [field: string]: Json } = {};
  for (const [i, name] of header.entries()) value[name] = cells[i] === "" ? null : (cells[i] as string);
  return { line, value };
}

/** The cells of each record, or why it is no CSV. */
function cellsOf(records: readonly string[], delimiter: string): (string[] | string)[] {
  if (records.length === 0) return [];
  const options = { delimiter, relax_column_count: true } as const;
  try {
    const all: string[][] = parse(records.join("\n"), options);
    if (all.length === records.length) return all;
  } catch {
    // One of them is broken: each by itself tells which.
  }
  return records.map((record) => {
    try {
      return (parse(record, options) as string[][])[0] ?? "there is nothing";
    } catch (error) {
      return (error as Error).message;
    }
  });
}

function jsonRecord(text: string, line: number): FileRecord {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? { line, value: value as JsonObject } : broken(line, text, "a record is a JSON object");
  } catch (error) {
    return broken(line, text, `this is not JSON: ${(error as Error).message}`);
  }
}

function broken(
  line: number,
  raw: string,
  message: string,
  code: "unreadable" | "too-large" = "unreadable",
): FileRecord {
  return { line, raw: raw.slice(0, RAW).replaceAll("\0", "\u2400"), code, message };
}

type Decode = (bytes: Buffer) => string | null;

function decoderOf(encoding: string): Decode {
  try {
    const decoder = new TextDecoder(encoding, { fatal: true });
    return (bytes) => {
      try {
        return decoder.decode(bytes);
      } catch {
        return null;
      }
    };
  } catch {
    throw new SourceError(
      "protocol",
      `there is no encoding ${encoding}: expected one such as utf-8, latin1 or utf-16le`,
    );
  }
}

function textOf({ line, bytes, flaw }: Split, decode: Decode, limit: number): string | FileRecord {
  const raw = () => decode(bytes) ?? bytes.toString("latin1");
  if (flaw === "too-large") return broken(line, raw(), `the record is larger than ${limit} bytes`, "too-large");
  if (flaw === "open-quote") return broken(line, raw(), "a quote is opened here, and never closed");
  const text = decode(bytes);
  if (text === null) return broken(line, raw(), "the bytes are not of the declared encoding: is it latin1?");
  if (text.includes("\0")) return broken(line, text, "there is a NUL byte in it");
  return text;
}
