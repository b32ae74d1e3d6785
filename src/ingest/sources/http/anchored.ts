import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import { type Page, SourceError } from "../../source.ts";
import { type Mark, markOf, watermark } from "../../watermark.ts";
import type { Answer, Question } from "./ask.ts";
import { within } from "./paged.ts";
import { type Found, found, keyText, type Shape } from "./shape.ts";
import type { Reader, Run } from "./source.ts";

/** Where a page begins: at an instant, and so many pages into what came since. */
export interface Anchor {
  /** Unix milliseconds; null is the beginning of all. */
  readonly from: number | null;
  /** 0, 1, 2 … as long as the pages hold one instant alone. */
  readonly page: number;
  /** The last key of the page before, where `page` is not 0. */
  readonly after: readonly string[] | null;
}

export interface Anchored {
  readonly shape: Shape & Required<Pick<Shape, "at">>;
  /** How many records a page may hold, one that holds fewer being the last; or whether an answer says that there are more. */
  readonly more: number | ((answer: Answer) => boolean);
  /** How late the source may show what it has changed, in milliseconds. */
  readonly lag: number;
  /** For what was changed at `from` or later, oldest first. */
  readonly question: (anchor: Anchor) => Question;
  /**
   * For what was changed at one instant, in the order of keys, after a key: where thousands share an instant, and a
   * source does not page as far as that.
   */
  readonly tied?: (at: number, after: readonly string[] | null) => Question;
}

interface Tie {
  readonly at: number;
  readonly after: readonly string[] | null;
}

/** What of a run is stored between its pages. */
interface State {
  readonly mark: Mark | null;
  /** The run began at the beginning, and has not come to its end yet. */
  readonly pass: boolean;
  readonly tie: Tie | null;
}

/**
 * Reads what has changed, oldest first. Each page is asked for anew from the last instant that was seen, not by a number of
 * records: what changes while the run reads moves to the end, and moves nothing past the reader.
 */
export function anchored(options: Anchored): Reader {
  return (run) => changesSince(run, options, stateOf(run));
}

async function* changesSince(run: Run, options: Anchored, begin: State): AsyncGenerator<Page> {
  const { shape, more, lag } = options;
  const { window } = run;
  const water = watermark<Found>(begin.mark, {
    value: ({ at }) => at,
    key: ({ change }) => keyText(change),
    content: ({ change }) => (change.op === "put" ? JSON.stringify(change.value) : change.op),
  });
  let { tie } = begin;
  let anchor: Anchor = {
    from: window === undefined ? instantIn(water.from) : Date.parse(window.from),
    page: 0,
    after: null,
  };
  let limit: number | null = null;
  for (;;) {
    const asked = run.now();
    const answer = await run.ask(
      tie !== null && options.tied ? options.tied(tie.at, tie.after) : options.question(anchor),
    );
    if (limit === null) {
      limit = startOf(answer, asked) - lag;
      water.limit(limit);
    }
    const items = found(shape, answer);
    const full = typeof more === "number" ? items.length >= more : more(answer);
    const fresh = water.take(items).filter((item) => within(run, item));

    const newest = newestOf(items, tie === null && full ? answer : null);
    const past = window !== undefined && newest !== null && newest >= Date.parse(window.to);
    let done = past || (!full && tie === null);
    if (tie !== null) {
      if (full) tie = { at: tie.at, after: lastKey(items) };
      else {
        anchor = { from: tie.at + 1, page: 0, after: null };
        // All of that instant is read, and no more can come to it.
        if (tie.at < limit) water.reach(tie.at + 1);
        tie = null;
      }
    } else if (full) {
      if (newest !== null && newest > (anchor.from ?? Number.NEGATIVE_INFINITY))
        anchor = { from: newest, page: 0, after: null };
      else if (options.tied && newest !== null) tie = { at: newest, after: null };
      else anchor = { from: anchor.from, page: anchor.page + 1, after: lastKey(items) };
    }
    done = done && tie === null;
    const changes = fresh.map(({ change }) => change);
    if (window !== undefined) yield { changes, cursor: run.cursor, ...(done && { last: "caught-up" }) };
    else {
      const cursor = jsonOf({
        mark: water.mark,
        pass: begin.pass && !done,
        tie: done || (instantIn(water.from) ?? 0) < (tie?.at ?? 0) ? null : tie,
      });
      yield { changes, cursor, ...(done && { last: begin.pass ? "complete" : "caught-up" }) };
    }
    if (done) return;
  }
}

/** When the run began, by the slower of both clocks: one that is fast must not carry the mark past what is to come. */
function startOf(answer: Answer, asked: number): number {
  const told = Date.parse(answer.headers.get("date") ?? "");
  return Number.isNaN(told) ? asked : Math.min(asked, told);
}

/** The last instant of a page. Of a page that others follow it must be the largest, else records would be left out. */
function newestOf(items: readonly Found[], checked: Answer | null): number | null {
  let newest: number | null = null;
  for (const { at } of items) {
    if (at === null) continue;
    if (checked !== null && newest !== null && at < newest)
      throw new SourceError("protocol", `${checked.position}: the records do not come in the order of their changes`);
    newest = Math.max(newest ?? at, at);
  }
  return newest;
}

function lastKey(items: readonly Found[]): readonly string[] | null {
  const change = items.findLast(({ change }) => keyText(change) !== null)?.change;
  return change === undefined || change.op === "broken" ? null : change.key;
}

/** Values of these marks are unix milliseconds. */
function instantIn(v: Mark["v"] | null): number | null {
  return typeof v === "number" ? v : null;
}

function stateOf({ cursor }: Run): State {
  if (!isObject(cursor)) return { mark: null, pass: true, tie: null };
  const { tie, pass, mark } = cursor as { tie?: Json; pass?: Json; mark?: Json };
  return { mark: markOf(mark), pass: pass === true, tie: isObject(tie) ? (tie as unknown as Tie) : null };
}

function jsonOf({ mark, pass, tie }: State): JsonObject {
  return {
    mark: mark as unknown as JsonObject | null,
    ...(pass && { pass }),
    ...(tie !== null && { tie: { at: tie.at, after: tie.after } }),
  };
}
