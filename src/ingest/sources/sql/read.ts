import { canonical, isObject, type Json, type JsonObject } from "../../../util/json.ts";
import { type Page, type ReadContext, type SourceChange, SourceError, type Stream } from "../../source.ts";
import { isLater, type Mark, type MarkValue, markOf, type Watermark, watermark } from "../../watermark.ts";
import { cursorOf, type Snapshot, type SqlCursor, type SqlRow, type SqlTable, streamName } from "./table.ts";

const LAG = 300_000;

/**
 * A table as a stream: whole each time, or from a watermark on (I2). One implementation for all databases: what differs is
 * how a snapshot gives its rows.
 */
export function tableStream(table: SqlTable, open: (context: ReadContext) => Promise<Snapshot>): Stream {
  return {
    name: streamName(table),
    key: table.key,
    deletes: table.deleted === undefined ? "by-complete-pass" : "reported",
    async *read(context) {
      const snapshot = await open(context);
      try {
        const cursor = cursorOf(table);
        if (cursor === null) yield* whole(table, snapshot, context);
        else if (context.window === undefined) yield* changed(table, cursor, snapshot, context);
        else yield* within(table, cursor, snapshot, context);
      } finally {
        await snapshot.close();
      }
    },
  };
}

/** A pass that was cut begins anew: its pages have no cursor. */
async function* whole(table: SqlTable, snapshot: Snapshot, { window }: ReadContext): AsyncGenerator<Page> {
  if (window !== undefined) throw new SourceError("protocol", `${table.table} has no \`cursor\`, so it has no windows`);
  let begins = true;
  for (const part of ["keyless", "all"] as const) {
    for await (const rows of snapshot.pages({ of: part })) {
      yield { changes: rows.map((row) => changeOf(table, row)), cursor: null, ...(begins && { begins }) };
      begins = false;
    }
  }
  yield { changes: [], cursor: null, last: "complete", ...(begins && { begins }) };
}

/** What of a run is stored between its pages. */
interface State {
  readonly mark: Mark | null;
  /** The run began at the beginning, and has not come to its end yet. */
  readonly pass: boolean;
  /** When the last run began, by the clock that stamps the rows; null: there was none. */
  readonly began: number | null;
}

async function* changed(
  table: SqlTable,
  cursor: SqlCursor,
  snapshot: Snapshot,
  { cursor: before }: ReadContext,
): AsyncGenerator<Page> {
  const { mark, pass, began } = stateOf(before);
  const water = watermark<SqlRow>(mark, {
    value: ({ v }) => v,
    key: ({ key }) => JSON.stringify(key),
    content: ({ value }) => canonical(value),
  });
  const page = (rows: readonly SqlRow[], at: State): Page => ({
    changes: rows.map((row) => changeOf(table, row)),
    cursor: jsonOf(at),
  });
  // Those without a value are read each time, and first: what gets one meanwhile stands at the end of the others.
  const parts = [...(pass ? (["keyless"] as const) : []), "unvalued"] as const;
  for (const part of parts)
    for await (const rows of snapshot.pages({ of: part })) yield page(rows, { mark: water.mark, pass, began });
  const bound = (sample: MarkValue) => bind(water, sample, snapshot, cursor, { table, began });
  if (mark !== null) bound(mark.v);
  let last = mark;
  for await (const rows of snapshot.pages({ of: "valued", from: water.from, to: null })) {
    const [first] = rows;
    if (water.from === null && first?.v != null) bound(first.v);
    const fresh = water.take(rows);
    last = snapshot.settled === null && mark === null ? null : water.mark;
    yield page(fresh, { mark: last, pass, began });
  }
  yield {
    changes: [],
    cursor: jsonOf({ mark: last, pass: false, began: snapshot.start }),
    last: pass ? "complete" : "caught-up",
  };
}

/** No mark passes the start of the run less the lag, nor what transactions that are open may still bring. */
function bind(
  water: Watermark<SqlRow>,
  sample: MarkValue,
  { start, settled }: Snapshot,
  { unit, lag = LAG }: SqlCursor,
  { table, began }: { table: SqlTable; began: number | null },
): void {
  const latest = timeLike(sample, unit, start - lag);
  if (latest !== undefined && began !== null && start < began - lag)
    throw new SourceError(
      "position",
      `the clock that stamps ${table.table} has gone back, from ${timeText(began)} to ${timeText(start)}: a complete pass is needed`,
    );
  const bound = settled === null ? water.from : (settled ?? undefined);
  const both = [latest, bound ?? undefined].filter((value) => value !== undefined);
  const [least] = both.sort((a, b) => (isLater(a, b) ? 1 : -1));
  if (least !== undefined) water.limit(least);
}

async function* within(
  table: SqlTable,
  { column, unit }: SqlCursor,
  snapshot: Snapshot,
  { window, cursor }: ReadContext,
): AsyncGenerator<Page> {
  const { from, to } = window as NonNullable<ReadContext["window"]>;
  for await (const [first] of snapshot.pages({ of: "valued", from: null, to: null })) {
    if (first?.v == null) break;
    const bounds = [from, to].map((time) => timeLike(first.v as MarkValue, unit, Date.parse(time)));
    const [begin, end] = bounds;
    if (begin === undefined || end === undefined)
      throw new SourceError("protocol", `${table.table} has no windows: ${column} is no time; say its \`unit\`?`);
    for await (const rows of snapshot.pages({ of: "valued", from: begin, to: end }))
      yield { changes: rows.map((row) => changeOf(table, row)), cursor };
    break;
  }
  yield { changes: [], cursor, last: "caught-up" };
}

/** A time in the form of another; undefined where that is none. Texts without a zone are taken as UTC. */
function timeLike(sample: MarkValue, unit: SqlCursor["unit"], time: number): MarkValue | undefined {
  if (typeof sample === "number") return unit === undefined ? undefined : unit === "seconds" ? time / 1_000 : time;
  const form = /^\d{4}-\d\d-\d\d(?:([ T])\d\d:\d\d[\d:.]*(Z|\+00(?::?00)?)?)?$/.exec(sample);
  if (form === null) return undefined;
  const iso = new Date(time).toISOString();
  const [, between, zone = ""] = form;
  return between === undefined ? iso.slice(0, 10) : `${iso.slice(0, 10)}${between}${iso.slice(11, 23)}${zone}`;
}

function changeOf({ table, key, deleted }: SqlTable, row: SqlRow): SourceChange {
  const lacks = row.key.findIndex((part) => part === null || part === "");
  if (lacks >= 0) {
    const message = `it has no key: the column ${key[lacks]} is empty`;
    const raw = JSON.stringify(row.value);
    return { op: "broken", position: `${table}#${row.key.join(",")}`, raw, code: "unreadable", message };
  }
  const parts = row.key as readonly string[];
  const position = `${table}#${parts.join(",")}`;
  const { value } = row;
  if (deleted !== undefined && isSet(value[deleted])) return { op: "delete", key: parts, position };
  return { op: "put", key: parts, value, position };
}

function isSet(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== "";
}

function stateOf(cursor: Json): State {
  if (!isObject(cursor)) return { mark: null, pass: true, began: null };
  const { mark, pass, began } = cursor as { mark?: Json; pass?: Json; began?: Json };
  return { mark: markOf(mark), pass: pass === true, began: typeof began === "number" ? began : null };
}

function jsonOf({ mark, pass, began }: State): JsonObject {
  return { mark: mark as JsonObject | null, began, ...(pass && { pass }) };
}

function timeText(time: number): string {
  return new Date(time).toISOString();
}
