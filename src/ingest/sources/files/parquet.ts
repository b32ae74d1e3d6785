import { type FileHandle, open } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type * as Hyparquet from "hyparquet";
import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import { SourceError } from "../../source.ts";
import type { FileRecord } from "./records.ts";

/** Text of a record that is too large which is kept. */
const SHOWN = 4_096;

/**
 * The rows of a Parquet file, one row group in memory at a time; a line is the number of a row. Whole numbers that no double
 * holds become texts, times ISO 8601, bytes base64. DECIMAL comes as the double that is nearest.
 *
 * @throws SourceError `protocol` where it is cut off or damaged: nobody knows what is missing.
 */
export async function* parquetRecords(path: string, { limit }: { readonly limit: number }): AsyncGenerator<FileRecord> {
  const { parquetMetadataAsync, parquetReadObjects } = await library();
  const handle = await open(path);
  try {
    const file = await bufferOf(handle);
    const metadata = await told(path, () => parquetMetadataAsync(file, { parsers: PARSERS }));
    let row = 0;
    for (const group of metadata.row_groups) {
      const rowStart = row;
      row += Number(group.num_rows);
      const rows = await told(path, () =>
        parquetReadObjects({
          file,
          metadata,
          rowStart,
          rowEnd: row,
          compressors: COMPRESSORS,
          parsers: PARSERS,
          utf8: false,
        }),
      );
      if (rows.length !== Number(group.num_rows))
        throw new SourceError("protocol", `${path} says it has ${group.num_rows} rows where ${rows.length} are`);
      for (const [i, each] of rows.entries()) yield recordOf(each, rowStart + i + 1, limit);
    }
  } finally {
    await handle.close();
  }
}

function recordOf(row: object, line: number, limit: number): FileRecord {
  const value = Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, jsonOf(cell)])) as JsonObject;
  const text = JSON.stringify(value);
  if (text.length <= limit) return { line, value };
  return { line, raw: text.slice(0, SHOWN), code: "too-large", message: `the record is larger than ${limit} bytes` };
}

function jsonOf(cell: unknown): Json {
  if (cell === undefined || cell === null) return null;
  if (typeof cell === "bigint") return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell);
  if (typeof cell === "number") return Number.isFinite(cell) ? cell : String(cell);
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString("base64");
  if (Array.isArray(cell) || ArrayBuffer.isView(cell)) return Array.from(cell as ArrayLike<unknown>, jsonOf);
  if (isObject(cell)) return Object.fromEntries(Object.entries(cell).map(([name, value]) => [name, jsonOf(value)]));
  return cell as Json;
}

/** Times with all their digits: a Date would cut them. */
const PARSERS: Partial<Hyparquet.ParquetParsers> = {
  timestampFromMilliseconds: (ms: bigint | null) => instantText(ms, 1_000n),
  timestampFromMicroseconds: (us: bigint | null) => instantText(us, 1_000_000n),
  timestampFromNanoseconds: (ns: bigint | null) => instantText(ns, 1_000_000_000n),
  dateFromDays: (days: number | null) =>
    days === null || days === undefined ? null : new Date(days * 86_400_000).toISOString().slice(0, 10),
};

function instantText(value: bigint | null | undefined, perSecond: bigint): string | null {
  if (value === null || value === undefined) return null;
  const rest = ((BigInt(value) % perSecond) + perSecond) % perSecond;
  const seconds = (BigInt(value) - rest) / perSecond;
  const date = new Date(Number(seconds) * 1_000);
  if (Number.isNaN(date.getTime())) return String(value);
  const digits = String(rest)
    .padStart(String(perSecond).length - 1, "0")
    .replace(/0+$/, "");
  return `${date.toISOString().slice(0, -5)}${digits === "" ? "" : `.${digits}`}Z`;
}

/** What the library has itself is SNAPPY; LZ4 and LZO are not there. */
const COMPRESSORS: Hyparquet.Compressors = {
  GZIP: (bytes) => gunzipSync(bytes),
  BROTLI: (bytes) => brotliDecompressSync(bytes),
  ZSTD: (bytes) => zstdDecompressSync(bytes),
};

async function bufferOf(handle: FileHandle): Promise<Hyparquet.AsyncBuffer> {
  const { size } = await handle.stat();
  return {
    byteLength: size,
    async slice(start, end = size) {
      const bytes = new Uint8Array(end - start);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new Error("it ends too soon");
        at += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = `${path} cannot be read as Parquet: is it whole? (${(error as Error).message})`;
    throw new SourceError("protocol", message, { cause: error });
  }
}

async function library(): Promise<typeof Hyparquet> {
  try {
    return await import("hyparquet");
  } catch (error) {
    const cure = "install it beside tidemark: npm install hyparquet";
    throw new SourceError("protocol", `what reads Parquet is not installed: ${cure}`, { cause: error });
  }
}
