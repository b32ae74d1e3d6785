import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { SourceError } from "../../source.ts";

const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);

export interface TextBytes {
  /** Bytes in which ASCII is ASCII: those of the file, or UTF-8 made of UTF-16. Without a byte order mark. */
  readonly chunks: AsyncIterable<Buffer>;
  /** What they are in. */
  readonly encoding: string;
}

/** The bytes of a file, unzipped where it is gzip, whatever it is called; a byte order mark goes before `encoding`. */
export async function textBytes(path: string, encoding: string): Promise<TextBytes> {
  const zipped = await startsWith(path, [0x1f, 0x8b]);
  const chunks = bytesOf(path, zipped);
  const first = await chunks.next();
  const head: Buffer = first.done === true ? Buffer.alloc(0) : first.value;
  const wide =
    head[0] === 0xff && head[1] === 0xfe ? "utf-16le" : head[0] === 0xfe && head[1] === 0xff ? "utf-16be" : null;
  const named =
    wide ?? (/^utf-?16(le)?$/i.test(encoding) ? "utf-16le" : /^utf-?16be$/i.test(encoding) ? "utf-16be" : null);
  if (named !== null) return { chunks: narrowed(joined(head, chunks), named), encoding: "utf-8" };
  const marked = head.subarray(0, 3).equals(UTF8_BOM);
  return { chunks: joined(marked ? head.subarray(3) : head, chunks), encoding: marked ? "utf-8" : encoding };
}

async function startsWith(path: string, bytes: readonly number[]): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes.length), 0, bytes.length, 0);
    return bytesRead === bytes.length && bytes.every((byte, i) => buffer[i] === byte);
  } finally {
    await file.close();
  }
}

async function* bytesOf(path: string, zipped: boolean): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: 262_144 });
  const stream = zipped ? file.pipe(createGunzip()) : file;
  file.on("error", (error) => stream.destroy(error));
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (error) {
    const what = zipped ? "cannot be unzipped: is it whole?" : "cannot be read";
    throw new SourceError("protocol", `${path} ${what} (${(error as Error).message})`, { cause: error });
  } finally {
    file.destroy();
  }
}

async function* joined(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}

async function* narrowed(chunks: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }));
  yield Buffer.from(decoder.decode());
}
