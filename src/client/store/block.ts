import { compareKeys, type Key, keyOf, type RecordData, type Revision } from "../../model/record.ts";
import { compareUtf8 } from "../../util/utf8.ts";
import type { PutLine } from "../../wire/lines.ts";
import { TOGETHER } from "./rows.ts";
import type { Batch, RecordLine, Span, StagedLine } from "./store.ts";

/** The span of a put line whose records stand in key order, each once: a store can keep it as one block. Null otherwise. */
export function spanOf(line: RecordLine): Span | null {
  if (line.op !== "put" || line.records.length === 0) return null;
  for (let i = 1; i < line.records.length; i++) {
    if (compareUtf8(idAt(line, i - 1), idAt(line, i)) >= 0) return null;
  }
  return { first: keyOf(line.collection, idAt(line, 0)), last: keyOf(line.collection, idAt(line, -1)) };
}

function idAt({ records }: PutLine, i: number): string {
  return (records.at(i) as RecordData).id;
}

/** Index of the first span that ends at or behind the key, in a list in key order of spans that do not overlap. */
export function indexOfSpan(spans: readonly Span[], key: Key): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys((spans[middle] as Span).last, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

const RECORDS = '"records":[{';

/**
 * The texts of a put line's records, as they came: nothing is parsed. Null where they cannot be told apart so. Between two
 * records stands `},{`; where it also stands inside of one, there are more pieces than records.
 */
export function textsOfLine(text: string, count: number): string[] | null {
  const start = text.indexOf(RECORDS);
  return start < 0 || !text.endsWith("}]}") ? null : textsOfRecords(text.slice(start + RECORDS.length - 1, -2), count);
}

/** The same of records that are separated by commas. */
export function textsOfRecords(text: string, count: number): string[] | null {
  const pieces = text.slice(1, -1).split("},{");
  return pieces.length === count ? pieces.map((piece) => `{${piece}}`) : null;
}

/** A part of a staged line: records of a block separated by commas, or, where it is none, the line as it came. */
export interface Piece {
  readonly block: PieceBlock | null;
  readonly content: string;
}

export interface PieceBlock extends Span {
  readonly collection: string;
  readonly at: Revision;
  readonly count: number;
}

/** A put line whose records stand in key order as blocks, each with the text of its records; any other as it came. */
export function piecesOf({ line, text }: StagedLine): Piece[] {
  return spanOf(line) === null ? [{ block: null, content: text }] : blocksOf(line as PutLine, text);
}

/** A batch with what is staged already cut into pieces: what a database writes, and a worker can be sent. */
export type PackedBatch = Omit<Batch, "stage"> & {
  readonly stage?: readonly { readonly subscription: number; readonly pieces: readonly Piece[] }[];
};

export function packedBatch({ stage, ...rest }: Batch): PackedBatch {
  if (stage === undefined) return rest;
  const pieces = stage.map(({ subscription, lines }) => ({ subscription, pieces: lines.flatMap(piecesOf) }));
  return { ...rest, stage: pieces };
}

function blocksOf({ collection, at, records }: PutLine, text: string): Piece[] {
  const texts = textsOfLine(text, records.length) ?? records.map((data) => JSON.stringify(data));
  const pieces: Piece[] = [];
  for (let start = 0; start < records.length; start += TOGETHER) {
    const together = records.slice(start, start + TOGETHER);
    const first = keyOf(collection, (together[0] as RecordData).id);
    const last = keyOf(collection, (together.at(-1) as RecordData).id);
    pieces.push({
      block: { first, last, collection, at, count: together.length },
      content: texts.slice(start, start + TOGETHER).join(","),
    });
  }
  return pieces;
}
