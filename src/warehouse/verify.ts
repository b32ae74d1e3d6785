import { readPages } from "./history.ts";
import { eachLine, loaderOf, mainRequest, takeDelta } from "./pulling.ts";
import { presentWhere } from "./shape.ts";
import type { Difference } from "./sink.ts";
import { CHECK, type Tables } from "./state.ts";
import { TableSet } from "./tables.ts";
import type { Work } from "./work.ts";

/** So many differences of a table are named. */
const MOST = 1_000;

interface Verified {
  readonly revision: number;
  readonly compared: number;
  readonly differences: (Difference & { readonly collection: string })[];
  readonly skipped: string[];
}

/**
 * Copies the space beside the tables, brings these to the revision of the copy, compares, and forgets all of it: nothing is
 * committed (X4).
 */
export async function verified(work: Work): Promise<Verified> {
  for (;;) {
    try {
      return await compared(work);
    } catch (error) {
      await work.session.rollback();
      await work.source.again(error);
    } finally {
      await work.session.rollback();
    }
  }
}

async function compared(work: Work): Promise<Verified> {
  const { session, mode, collections, state } = work;
  const shown = work.shown();
  const live: Tables = Object.fromEntries(Object.entries(state.tables).filter(([, { paused }]) => paused === null));
  const check = new TableSet({ session, mode, tables: {}, suffix: CHECK, whole: true });
  for (const [collection, table] of Object.entries(live)) await check.create(collection, table);
  const copy = loaderOf(work, check, collections, true);
  const delta = loaderOf(work, shown, collections, false, false);
  const scope = { scope: work.scope, ...(collections !== null && { collections }) };
  const main = mode === "history" || state.cursor === null ? [] : [mainRequest(work, state.cursor)];
  let of = "";
  const end = await eachLine(work, [...main, { ...scope, key: "copy", cursor: null }], async (received) => {
    const { line, text } = received;
    if (line.op === "subscription") of = line.key;
    if (of === "main") await takeDelta(delta, received);
    else if (line.op === "put" || line.op === "patch" || line.op === "remove") await copy.take(line, text);
  });
  await delta.flush();
  await copy.flush();
  let now = shown;
  if (mode === "history")
    await readPages(work, state, shown, end.revision, async (tables) => {
      now = tables;
    });
  return await differing(work, now, check, end.revision);
}

async function differing(work: Work, now: TableSet, check: TableSet, revision: number): Promise<Verified> {
  const { session, mode } = work;
  const differences: Verified["differences"] = [];
  const skipped: string[] = [];
  let rows = 0;
  for (const collection of Object.keys(check.tables)) {
    if (now.tables[collection] === undefined) await now.create(collection, null);
    if (now.isPaused(collection)) {
      skipped.push(collection);
      continue;
    }
    // Where the copy holds what the table has no column for, the columns of both are made the same.
    const columns = now.tables[collection]?.columns ?? [];
    const held = new Map(check.tables[collection]?.columns.map(({ atom, type }) => [atom, type]));
    const fields = columns.filter(({ atom, type }) => held.get(atom) === type);
    rows += await session.count(check.named(collection), presentWhere(mode));
    const where = presentWhere(mode);
    const found = await session.differences({
      table: now.named(collection),
      where,
      check: check.named(collection),
      fields,
      most: MOST,
    });
    differences.push(...found.map((each) => ({ collection, ...each })));
  }
  return { revision, compared: rows, differences, skipped };
}
