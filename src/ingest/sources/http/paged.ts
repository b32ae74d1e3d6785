import { isObject, type Json } from "../../../util/json.ts";
import { type SourceCursor, SourceError } from "../../source.ts";
import type { Answer, Question } from "./ask.ts";
import { type Found, found, keyText, type Shape, valueAt } from "./shape.ts";
import type { Reader, Run } from "./source.ts";

/** Where the next page is; null is the first. Only the paging reads it. */
export type Place = Json;

/** The place of the page after this one; null where this was the last. */
export type Next = (answer: Answer, items: readonly Found[], place: Place) => Place;

export interface Paged {
  readonly shape: Shape;
  readonly question: (place: Place) => Question;
  readonly next: Next;
}

/** Reads all that there is, page by page, each time: the way of lists that cannot be asked for what has changed. */
export function paged(options: Paged): Reader {
  return async function* (run) {
    const from = isObject(run.cursor) ? ((run.cursor as { place?: Json }).place ?? null) : null;
    for await (const { items, place } of pagesOf(run, options, from)) {
      const changes = items.filter((item) => within(run, item)).map(({ change }) => change);
      const cursor: SourceCursor = run.window !== undefined ? run.cursor : place === null ? null : { place };
      yield { changes, cursor, ...(place === null && { last: run.window === undefined ? "complete" : "caught-up" }) };
    }
  };
}

/** Whether a record is in the window that is asked for; one without a time is, since nobody can tell. */
export function within({ window }: Run, { at }: Found): boolean {
  if (window === undefined || at === null) return true;
  return at >= Date.parse(window.from) && at < Date.parse(window.to);
}

export interface ReadPage {
  readonly items: Found[];
  /** Of the next page; null after the last. */
  readonly place: Place;
}

/**
 * The pages from a place on.
 *
 * @throws SourceError `position` where the place, from an earlier run, is not known any more; `protocol` where pages go in a circle.
 */
export async function* pagesOf(
  { ask }: Pick<Run, "ask">,
  { shape, question, next }: Paged,
  from: Place,
): AsyncGenerator<ReadPage> {
  let place = from;
  do {
    const answer = await ask(question(place)).catch((error: unknown) => {
      if (from === null || place !== from || !(error instanceof SourceError) || error.code !== "protocol") throw error;
      throw new SourceError(
        "position",
        `${error.message} (where an earlier run had come to; a complete pass is needed)`,
      );
    });
    const items = found(shape, answer);
    const following = next(answer, items, place);
    if (following !== null && JSON.stringify(following) === JSON.stringify(place))
      throw new SourceError("protocol", `${answer.position}: the next page is this page again`);
    place = following;
    yield { items, place };
  } while (place !== null);
}

/** A token for the next page in the answer: `byToken("paging.next.after")`. The place is the token. */
export function byToken(way: string): Next {
  return (answer) => {
    const token = valueAt(answer.body, way);
    return typeof token === "string" || typeof token === "number" ? (token === "" ? null : token) : null;
  };
}

/** An address in the answer, or in its header `Link` (RFC 8288) where no way is given. The place is the address, to be asked as it is. */
export function byLink(way?: string): Next {
  return (answer) => {
    const link = way === undefined ? linkOf(answer.headers) : valueAt(answer.body, way);
    return typeof link === "string" && link !== "" ? link : null;
  };
}

function linkOf(headers: Headers): string | null {
  for (const link of (headers.get("link") ?? "").split(/,(?=\s*<)/)) {
    const match = /<([^>]*)>(.*)/.exec(link);
    if (match !== null && /;\s*rel="?next"?/i.test(match[2] ?? "")) return match[1] ?? null;
  }
  return null;
}

/** Pages with numbers: the place is the number of the next. It ends with a page that is not full. */
export function byNumber(size: number, first = 1): Next {
  return (_, items, place) => (items.length < size ? null : (typeof place === "number" ? place : first) + 1);
}

interface OffsetPlace {
  readonly offset: number;
  /** The last keys before it, which the next page must show again. */
  readonly before: readonly string[];
}

/**
 * Pages by offset, each beginning `overlap` records before the end of the one before: where a record is deleted while a
 * pass reads, all that follow move up by one. Where a page shows none of those again, more moved than that, and it goes back.
 */
export function byOffset(size: number, overlap = Math.ceil(size / 10)): Next {
  return (_, items, place) => {
    const { offset, before } = offsetOf(place);
    const keys = items.map(({ change }) => keyText(change) ?? "");
    const moved = before.length > 0 && !before.some((key) => keys.includes(key));
    // Back by a page: the beginning needs nothing before it, so this ends.
    if (moved) return { offset: Math.max(0, offset - size), before: offset > size ? before : [] };
    if (items.length < size) return null;
    return { offset: offset + size - overlap, before: overlap === 0 ? [] : keys.slice(-overlap) };
  };
}

/** The offset of a place that `byOffset` made. */
export function offsetOf(place: Place): OffsetPlace {
  if (!isObject(place)) return { offset: 0, before: [] };
  const { offset, before } = place as { offset?: Json; before?: Json };
  return { offset: Number(offset ?? 0), before: Array.isArray(before) ? before.map(String) : [] };
}
