import { isObject, type Json } from "../../../util/json.ts";
import type { Page, SourceChange } from "../../source.ts";
import { type Paged, pagesOf } from "./paged.ts";
import { keyText } from "./shape.ts";
import type { Reader } from "./source.ts";

export const DAY = 86_400_000;

export interface Daily {
  /** The first day that there is, `2024-01-01`. */
  readonly from: string;
  /** So many days, counted back from today, may still change. */
  readonly lag: number;
  /** The pages of one day. The day, as `2024-01-01`, is the first part of each key. */
  readonly pages: (day: string) => Paged;
}

/**
 * Reads figures that the source computes for each day, and computes anew for days: a day comes whole, in one page, and
 * takes the place of what was held of it.
 */
export function daily({ from, lag, pages }: Daily): Reader {
  return async function* (run) {
    const { window } = run;
    const { day: reached = null, pass = run.cursor === null } = stateOf(run.cursor);
    const today = dayOf(run.now());
    const first = window !== undefined ? window.from.slice(0, 10) : reached === null ? from : dayAfter(reached);
    // The end is excluded: of a window that ends at midnight, the day before is the last.
    const last = window !== undefined ? dayOf(Date.parse(window.to) - 1) : today;
    const settled = dayOf(Date.parse(today) - lag * DAY);
    let held = reached;
    for (let day = first; day <= last; day = dayAfter(day)) {
      // Pages overlap: what is shown twice counts as it was shown last.
      const rows = new Map<string, SourceChange>();
      for await (const { items } of pagesOf(run, pages(day), null))
        for (const { change } of items) rows.set(keyText(change) ?? change.position, change);
      if (day < settled) held = day;
      const done = day === last;
      const cursor = window !== undefined ? run.cursor : { day: held, ...(pass && !done && { pass }) };
      const ending: Partial<Page> = done ? { last: pass && window === undefined ? "complete" : "caught-up" } : {};
      yield { changes: [...rows.values()], cursor, replaces: [[day]], ...ending };
    }
  };
}

function stateOf(cursor: Json): { day?: string | null; pass?: boolean } {
  if (!isObject(cursor)) return {};
  const { day, pass } = cursor as { day?: Json; pass?: Json };
  return { day: typeof day === "string" ? day : null, pass: pass === true };
}

/** The day, in UTC, of an instant. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function dayAfter(day: string): string {
  return dayOf(Date.parse(day) + DAY);
}
