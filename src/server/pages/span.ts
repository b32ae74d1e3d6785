import { type Point, pointOf } from "../../model/cursor.ts";
import type { Key } from "../../model/record.ts";
import { PAGE_BYTES, PAGE_RECORDS } from "../mirror.ts";
import { Questions, type Reader } from "../questions.ts";

/** Characters from which on a page is full: small enough to be fetched again, large enough to be worth a request. */
const FULL = 524_288;

/** Records of one scope that follow each other in the order of keys. */
export interface Span {
  readonly scope: string;
  readonly collections?: readonly string[] | undefined;
  readonly after: Key | null;
  /** Null: as many as fill a page. */
  readonly count: number | null;
}

/** What was read of a span. */
export interface Reading {
  /** Put lines without their `at`, so that equal records make equal pages, whenever they were read. */
  readonly text: string;
  readonly count: number;
  /** The last key that was read; null where there was none. */
  readonly last: Key | null;
  readonly more: boolean;
  /** The heads at which the reading began and ended. */
  readonly began: Point;
  readonly ended: Point;
}

/** Reads a span in short reads, each at whatever revision it finds (P5). */
export async function readSpan(store: Reader, space: string, span: Span): Promise<Reading> {
  const { scope, collections } = span;
  const most = span.count ?? Number.POSITIVE_INFINITY;
  let text = "";
  let count = 0;
  let last = span.after;
  let began: Point | null = null;
  for (;;) {
    const limit = Math.min(PAGE_RECORDS, most - count);
    const questions = new Questions();
    const place = questions.ask({ kind: "page", scope, collections, after: last, limit, bytes: PAGE_BYTES });
    const { head, of } = await questions.read(store, space);
    const page = of(place);
    for (const run of page.runs) {
      text += `{"op":"put","collection":"${run.collection}","records":[${run.records}]}\n`;
      count += run.count;
    }
    last = page.last ?? last;
    const ended = pointOf(head.revision, head.hash);
    began ??= ended;
    const full = span.count === null ? text.length >= FULL : count >= most;
    if (full || !page.more) return { text, count, last: count === 0 ? null : last, more: page.more, began, ended };
  }
}

/** The lines of a page as they stand in an answer. */
export function withRevision(text: string, at: number): string {
  return text.replaceAll(/^(\{"op":"put","collection":"[^"]*")/gm, `$1,"at":${at}`);
}
