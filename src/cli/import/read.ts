import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Failure, misuse } from "../failure.ts";
import { csvRows } from "./csv.ts";
import { arrayRows, ndjsonRows } from "./json.ts";
import { type Row, UnreadableFile } from "./rows.ts";

export type Format = "csv" | "ndjson" | "json";

export interface Source {
  readonly rows: AsyncIterable<Row>;
  /** Bytes of the file; 0 where that is not known. */
  readonly size: number;
  /** Bytes read so far. */
  read(): number;
}

export interface SourceOptions {
  readonly format: Format | undefined;
  readonly delimiter: string | undefined;
  readonly parsed: ReadonlySet<string> | "all";
  readonly header: (columns: readonly string[]) => void;
}

const FORMATS: { readonly [ending: string]: Format } = {
  csv: "csv",
  tsv: "csv",
  ndjson: "ndjson",
  jsonl: "ndjson",
  json: "json",
};

/** Opens a file, `-` being standard input, as a stream of rows. */
export async function openSource(file: string, options: SourceOptions): Promise<Source> {
  const ending = /\.([a-z]+)$/i.exec(file)?.[1]?.toLowerCase() ?? "";
  const format = options.format ?? FORMATS[ending];
  if (format === undefined) {
    throw misuse(`The format of ${file} is not known by its name: add --format csv, ndjson or json.`);
  }
  const found = file === "-" ? null : await stat(file);
  if (found?.isDirectory()) throw misuse(`${file} is a folder, and a file was expected.`);
  const stream = file === "-" ? process.stdin : createReadStream(file);
  let read = 0;
  const text = decoded(stream, (bytes) => {
    read += bytes;
  });
  const delimiter = options.delimiter ?? (ending === "tsv" ? "\t" : ",");
  const { parsed, header } = options;
  const rows = {
    csv: () => csvRows(text, { delimiter, parsed, header }),
    ndjson: () => ndjsonRows(text),
    json: () => arrayRows(text),
  };
  return { rows: rows[format](), size: found?.size ?? 0, read: () => read };
}

/** Text of UTF-8 bytes, without the byte order mark; other encodings are refused rather than guessed. */
async function* decoded(stream: AsyncIterable<unknown>, count: (bytes: number) => void): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  const decode = (bytes?: Uint8Array) => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch {
      throw new UnreadableFile(line, "the text is not UTF-8: convert the file (iconv -f latin1 -t utf-8)");
    }
  };
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    count(chunk.length);
    const text = decode(chunk);
    yield text;
    line += text.split("\n").length - 1;
  }
  yield decode();
}

export function unreadable(file: string, error: unknown): unknown {
  return error instanceof UnreadableFile ? new Failure(`${file}:${error.line}: ${error.message}.`) : error;
}
