import { fromBase64Url, toBase64Url } from "../util/base64.ts";
import { canonical, type Json } from "../util/json.ts";
import { sha256, sha256Hex, toHex } from "../util/sha256.ts";
import { utf8 } from "../util/utf8.ts";
import type { Filter } from "./filter.ts";
import type { Key, Revision } from "./record.ts";
import type { Covered } from "./spread.ts";

/** What a subscription asks for. A cursor is good for just that. */
export interface Coverage {
  readonly scope: string;
  readonly collections?: readonly string[] | undefined;
  readonly where?: Filter | undefined;
}

/** A point of the history: a revision and the first 16 hex digits of its chain hash. */
export interface Point {
  readonly revision: Revision;
  readonly hash: string;
}

/**
 * What a replica holds of one subscription, as only the server reads it. It grants nothing.
 * - `at`: complete up to here; in a copy, the head when it began (r0); in a paged delta, its since.
 * - `copy`: a copy that is under way: the key that it reached and the head at which its last page was read; with
 *   `tail`, its pages have ended, and the delta that closes it has reached this scope revision.
 * - `paged`: a delta that is under way: the scope revision reached and the head at which its last page was read.
 */
export interface Cursor {
  readonly at: Point;
  /** Of a pattern. */
  readonly pattern?: PatternCursor | undefined;
  readonly copy?: { readonly key: Key; readonly page: Point; readonly tail?: Revision };
  readonly paged?: { readonly reached: Revision; readonly page: Point };
}

/**
 * What a replica was told of a pattern (P14).
 * - `covered`: the scopes whose content is held, or was shown by the pages of a copy under way.
 * - `target`: in an answer under way, those that it leads to, and the revision up to which scopes that the replica was not
 *   told of, or may read no more, have been caught up with.
 */
export interface PatternCursor {
  readonly covered: Covered;
  readonly target?: { readonly digest: string; readonly known: Revision; readonly caught: Revision } | undefined;
}

const VERSION = 1;
const HASH_DIGITS = 16;
const NAMES_DIGITS = 12;
/** Added to a cursor's kind where it is of a pattern. */
const PATTERN = 4;

export function pointOf(revision: Revision, hash: string): Point {
  return { revision, hash: hash.slice(0, HASH_DIGITS) };
}

/** What the cursor was given for, in 12 hex digits: the space, the scope, the collections, the filter. */
export function coverageDigest(space: string, coverage: Coverage): string {
  const collections = coverage.collections ? [...new Set(coverage.collections)].sort() : null;
  const text = canonical([space, coverage.scope, collections, (coverage.where ?? null) as Json]);
  return sha256Hex(text).slice(0, 12);
}

function spaceDigest(space: string): string {
  return sha256Hex(space).slice(0, 4);
}

export type CursorReading =
  | { readonly kind: "good"; readonly cursor: Cursor }
  /** Intact, of this space, but for another scope, filter or set of collections. */
  | { readonly kind: "changed"; readonly cursor: Cursor }
  | { readonly kind: "unreadable" };

/** An opaque text, packed rather than JSON so that "nothing new" fits into 300 bytes (P12), with a checksum. */
export function formatCursor(space: string, coverage: Coverage, cursor: Cursor): string {
  const parts: Uint8Array[] = [
    Uint8Array.of(VERSION, kindOf(cursor) + (cursor.pattern ? PATTERN : 0)),
    hexBytes(spaceDigest(space)),
    hexBytes(coverageDigest(space, coverage)),
    packPoint(cursor.at),
  ];
  if (cursor.pattern) {
    const pattern = packPattern(cursor.pattern);
    parts.push(packNumber(pattern.length), pattern);
  }
  if (cursor.copy) {
    const { page, tail, key } = cursor.copy;
    parts.push(packPoint(page), tail === undefined ? Uint8Array.of() : packNumber(tail), utf8(key));
  }
  if (cursor.paged) parts.push(packPoint(cursor.paged.page), packNumber(cursor.paged.reached));
  const body = joined(parts);
  return toBase64Url(joined([body, sha256(body).subarray(0, 3)]));
}

/** The packed form: a place in the history, a copy's page, a delta's page, a page of a copy's tail. */
function kindOf({ copy, paged }: Cursor): 0 | 1 | 2 | 3 {
  if (copy) return copy.tail === undefined ? 1 : 3;
  return paged ? 2 : 0;
}

export function readCursor(space: string, coverage: Coverage, text: string): CursorReading {
  const reading = unpack(space, text);
  if (reading === null) return { kind: "unreadable" };
  return { kind: reading.coverage === coverageDigest(space, coverage) ? "good" : "changed", cursor: reading.cursor };
}

/** For a cursor that stands for a place in the history only, as in `known` and in a push. */
export function readPoint(space: string, text: string): Point | null {
  return unpack(space, text)?.cursor.at ?? null;
}

/** The revision that a cursor of whatever space names: what to look up before it can be judged. */
export function cursorRevision(text: string): Revision | null {
  const body = intact(text);
  return body === null ? null : (unpackPoint(body, 10)?.point.revision ?? null);
}

/** The bytes of a cursor without the checksum, where that is right. */
function intact(text: string): Uint8Array | null {
  const bytes = fromBase64Url(text);
  if (bytes === null || bytes.length < 22 || bytes[0] !== VERSION) return null;
  const body = bytes.subarray(0, bytes.length - 3);
  return sha256Hex(body).slice(0, 6) === toHex(bytes.subarray(bytes.length - 3)) ? body : null;
}

function unpack(space: string, text: string): { coverage: string; cursor: Cursor } | null {
  const body = intact(text);
  if (body === null) return null;
  if (toHex(body.subarray(2, 4)) !== spaceDigest(space)) return null;
  const coverage = toHex(body.subarray(4, 10));
  const at = unpackPoint(body, 10);
  if (at === null) return null;
  if ((body[1] as number) > 3 + PATTERN) return null;
  const kind = (body[1] as number) % PATTERN;
  const place = kind === body[1] ? { start: { at: at.point }, end: at.end } : unpackStart(body, at);
  if (place === null) return null;
  const { start, end } = place;
  if (kind === 0) return { coverage, cursor: start };
  const page = unpackPoint(body, end);
  if (page === null) return null;
  if (kind === 1) {
    const key = new TextDecoder().decode(body.subarray(page.end));
    return { coverage, cursor: { ...start, copy: { key, page: page.point } } };
  }
  const reached = unpackNumber(body, page.end);
  if (reached === null) return null;
  if (kind === 3) {
    const key = new TextDecoder().decode(body.subarray(reached.end));
    return { coverage, cursor: { ...start, copy: { key, page: page.point, tail: reached.value } } };
  }
  return { coverage, cursor: { ...start, paged: { reached: reached.value, page: page.point } } };
}

function unpackStart(body: Uint8Array, at: { point: Point; end: number }): { start: Cursor; end: number } | null {
  const length = unpackNumber(body, at.end);
  if (length === null) return null;
  const end = length.end + length.value;
  const pattern = end > body.length ? null : unpackPattern(body.subarray(length.end, end));
  return pattern === null ? null : { start: { at: at.point, pattern }, end };
}

/** A flag: 1, the runs are there; 2, a target is. Then what is covered, the target, the runs. */
function packPattern({ covered, target }: PatternCursor): Uint8Array {
  const { known, digest, runs } = covered;
  return joined([
    Uint8Array.of((runs === null ? 0 : 1) + (target === undefined ? 0 : 2)),
    packNumber(known),
    hexBytes(digest),
    ...(target === undefined ? [] : [packNumber(target.known), hexBytes(target.digest), packNumber(target.caught)]),
    ...(runs ?? []).map(packNumber),
  ]);
}

function unpackPattern(bytes: Uint8Array): PatternCursor | null {
  const flags = bytes[0] ?? 0;
  const covered = unpackNames(bytes, 1);
  if (covered === null) return null;
  const target = flags & 2 ? unpackNames(bytes, covered.end) : null;
  const caught = target === null ? null : unpackNumber(bytes, target.end);
  if (flags & 2 && (target === null || caught === null)) return null;
  const runs: number[] = [];
  for (let at = caught?.end ?? covered.end; at < bytes.length; ) {
    const run = unpackNumber(bytes, at);
    if (run === null) return null;
    runs.push(run.value);
    at = run.end;
  }
  const { known, digest } = covered;
  return {
    covered: { known, digest, runs: flags & 1 ? runs : null },
    ...(target !== null &&
      caught !== null && { target: { known: target.known, digest: target.digest, caught: caught.value } }),
  };
}

function unpackNames(bytes: Uint8Array, at: number): { known: Revision; digest: string; end: number } | null {
  const known = unpackNumber(bytes, at);
  if (known === null) return null;
  const end = known.end + NAMES_DIGITS / 2;
  if (end > bytes.length) return null;
  return { known: known.value, digest: toHex(bytes.subarray(known.end, end)), end };
}

function packPoint(point: Point): Uint8Array {
  return joined([packNumber(point.revision), hexBytes(point.hash)]);
}

function unpackPoint(bytes: Uint8Array, at: number): { point: Point; end: number } | null {
  const number = unpackNumber(bytes, at);
  if (number === null) return null;
  const end = number.end + HASH_DIGITS / 2;
  if (end > bytes.length) return null;
  return { point: { revision: number.value, hash: toHex(bytes.subarray(number.end, end)) }, end };
}

/** A whole number below 2^53 in groups of 7 bits, the lowest first. */
function packNumber(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function unpackNumber(bytes: Uint8Array, at: number): { value: number; end: number } | null {
  let value = 0;
  let scale = 1;
  for (let i = at; i < bytes.length && i < at + 8; i++) {
    const byte = bytes[i] as number;
    value += (byte & 127) * scale;
    if (byte < 128) return Number.isSafeInteger(value) ? { value, end: i + 1 } : null;
    scale *= 128;
  }
  return null;
}

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
