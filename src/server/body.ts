import type { Transform } from "node:stream";
import { constants, createBrotliDecompress, createGunzip, createZstdDecompress } from "node:zlib";
import { isObject } from "../util/json.ts";
import { Problem } from "../wire/problem.ts";

export interface BodyLimits {
  /** Bytes, as they come and after decompression. */
  readonly body: number;
  /** Nesting of an atom's value. */
  readonly depth: number;
}

/** Objects and arrays that a request wraps around an atom's value: body, mutations, mutation, writes, write, record. */
const ENVELOPE = 8;

const DECODERS: { readonly [encoding: string]: () => Transform } = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  br: createBrotliDecompress,
  // 8 MiB, what RFC 9659 allows in HTTP: a frame may else ask for 128 MiB before its first byte is known.
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } }),
};

/**
 * The JSON value of a request's body, once it is known to be within the limits (A5): size and type first, then the
 * depth, then one parse; keys that name prototypes, and keys that come twice, are refused.
 */
export async function readJson(
  request: Request,
  limits: BodyLimits,
  types: readonly string[] = ["application/json"],
): Promise<unknown> {
  checkType(request.headers.get("content-type"), types);
  return parseJson(await readBytes(request, limits.body), limits);
}

/** The JSON value of a text of known size, which an HTTP body and a message on a socket are alike (A5). */
export function parseJson(bytes: Uint8Array, limits: Pick<BodyLimits, "depth">): unknown {
  const shape = shapeOf(bytes);
  if (shape.depth > limits.depth + ENVELOPE) throw tooDeep(limits.depth);
  const value = parse(bytes);
  if (countKeys(value, "") !== shape.members)
    throw new Problem("invalid", "a key comes twice in one object of the body");
  return value;
}

function checkType(header: string | null, types: readonly string[]): void {
  const [type = "", ...parameters] = (header ?? "").split(";").map((part) => part.trim().toLowerCase());
  if (!types.includes(type)) {
    throw new Problem("invalid", `the body is JSON: send the header Content-Type: ${types[0]}`, {
      path: "content-type",
    });
  }
  for (const parameter of parameters) {
    const [name, value] = parameter.split("=");
    if (name === "charset" && value?.replaceAll('"', "") !== "utf-8") {
      throw new Problem("invalid", "the body is in UTF-8: leave out the charset", { path: "content-type" });
    }
  }
}

async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  const said = request.headers.get("content-length");
  if (Number(said ?? 0) > limit) throw tooLarge(limit);
  const encoding = (request.headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  const plain = encoding === "identity" || encoding === "";
  // HTTP holds the sender to the length that it said. This way no stream is built, which costs more than a small pull.
  if (plain && said !== null) return bufferOf(request, limit);
  if (request.body === null) return new Uint8Array();
  const raw = counted(request.body, limit);
  if (plain) return joined(raw);
  const decoder = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
  if (decoder === undefined) {
    throw new Problem("invalid", "Content-Encoding is gzip, br, zstd or identity", { path: "content-encoding" });
  }
  return decoded(raw, decoder(), limit);
}

async function bufferOf(request: Request, limit: number): Promise<Uint8Array> {
  let bytes: ArrayBuffer;
  try {
    bytes = await request.arrayBuffer();
  } catch {
    throw brokenOff();
  }
  if (bytes.byteLength > limit) throw tooLarge(limit);
  return new Uint8Array(bytes);
}

async function* counted(body: ReadableStream<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw brokenOff();
  }
}

/** Stops at the first byte too many, so that a bomb costs no more than the limit. */
async function decoded(raw: AsyncIterable<Uint8Array>, decoder: Transform, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const feeding = feed(raw, decoder);
  try {
    for await (const chunk of decoder) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      chunks.push(chunk);
    }
    await feeding;
  } catch (error) {
    decoder.destroy();
    const cause = await feeding.then(
      () => error,
      (fault: unknown) => fault,
    );
    if (error instanceof Problem) throw error;
    if (cause instanceof Problem) throw cause;
    throw new Problem("invalid", "the body is not what Content-Encoding says", { path: "content-encoding" });
  }
  return concat(chunks, size);
}

async function feed(raw: AsyncIterable<Uint8Array>, decoder: Transform): Promise<void> {
  const closed = new Promise<void>((resolve) => decoder.once("close", resolve));
  try {
    for await (const chunk of raw) {
      const written = new Promise<void>((resolve, reject) => {
        decoder.write(chunk, (error) => (error ? reject(error) : resolve()));
      });
      await Promise.race([written, closed]);
      if (decoder.destroyed) return;
    }
    decoder.end();
  } catch (error) {
    decoder.destroy(error as Error);
    throw error;
  }
}

async function joined(raw: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of raw) {
    chunks.push(chunk);
    size += chunk.length;
  }
  return concat(chunks, size);
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** How deep a JSON text nests and how many members its objects have, without building anything of it. */
function shapeOf(bytes: Uint8Array): { depth: number; members: number } {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) {
      i++;
      while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth++;
      if (depth > deepest) deepest = depth;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
    else if (byte === 0x3a) members++;
  }
  return { depth: deepest, members };
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function parse(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new Problem("invalid", "the body is not UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the body.
    const at = /position (\d+)/.exec((error as Error).message)?.[1];
    throw new Problem("invalid", at ? `the body is not JSON: it breaks at character ${at}` : "the body is not JSON");
  }
}

const PROTOTYPE = new Set(["__proto__", "constructor", "prototype"]);

function countKeys(value: unknown, path: string): number {
  if (Array.isArray(value)) {
    let count = 0;
    for (let i = 0; i < value.length; i++) {
      if (typeof value[i] === "object") count += countKeys(value[i], `${path}[${i}]`);
    }
    return count;
  }
  if (!isObject(value)) return 0;
  const keys = Object.keys(value);
  let count = keys.length;
  for (const key of keys) {
    if (PROTOTYPE.has(key)) throw new Problem("invalid", `the key ${key} is reserved`, { path: joinPath(path, key) });
    if (typeof value[key] === "object") count += countKeys(value[key], joinPath(path, key));
  }
  return count;
}

function joinPath(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function tooLarge(limit: number): Problem {
  return new Problem(
    "too-large",
    `a body has at most ${limit} bytes, before and after decompression: send it in smaller parts`,
  );
}

function brokenOff(): Problem {
  return new Problem("invalid", "the body broke off before its end");
}

function tooDeep(depth: number): Problem {
  return new Problem("invalid", `JSON nests at most ${depth} deep inside an atom`);
}
