import type { RecordData, Revision } from "../model/record.ts";
import type { WireEntry } from "../wire/journal.ts";
import { pause, pullCopy } from "./pulling.ts";
import type { StoredRow } from "./sink.ts";
import type { Build, Place } from "./state.ts";
import { type Leaving, Pausing, type TableSet } from "./tables.ts";
import type { Stored } from "./values.ts";
import type { Work } from "./work.ts";

/** The journal does not go on from where the warehouse is. */
class Broken extends Error {
  override name = "Broken";
  /** Whether only a copy can tell what there is. */
  readonly cut: boolean;
  constructor(reason: string, cut: boolean) {
    super(reason);
    this.cut = cut;
  }
}

/** Brings `history` to the head: version by version, as the journal tells them (K3). */
export async function followJournal(work: Work, until = Number.POSITIVE_INFINITY): Promise<void> {
  for (;;) {
    const { build, revision, hash } = work.state;
    try {
      if (build?.ready === true) await work.swap(build);
      else if (build?.from === "copy") await pullCopy(work, build);
      else if (build !== null) return await buildFromJournal(work, build);
      else if (hash === null && revision === 0) {
        const { horizon } = await work.source.head();
        const from = horizon.journal === 0 ? "journal" : "copy";
        await work.rebuild({ collections: null, from, reason: "new", keep: true });
      } else
        return await readPages(work, { cursor: null, revision, hash }, work.shown(), until, async (tables, place) => {
          await work.commit({ ...place, tables: tables.tables, syncedAt: work.now });
        });
    } catch (error) {
      await work.session.rollback();
      if (error instanceof Pausing) await pause(work, error);
      else if (error instanceof Broken)
        await work.rebuild({
          collections: null,
          from: error.cut ? "copy" : "journal",
          reason: error.message,
          keep: true,
        });
      else await work.source.again(error);
    }
  }
}

async function buildFromJournal(work: Work, begun: Build): Promise<void> {
  let build = begun;
  const next = work.next(build.tables);
  await readPages(work, build, next, Number.POSITIVE_INFINITY, async (tables, place, last) => {
    build = { ...build, ...place, tables: tables.tables };
    if (!last) return await work.commit({ build });
    await work.complete(build, next, place);
  });
}

type Done = (tables: TableSet, place: Place, last: boolean) => Promise<void>;

/** Reads the journal on from a place; each page is committed by `done`. */
export async function readPages(work: Work, from: Place, tables: TableSet, until: Revision, done: Done): Promise<void> {
  let place = from;
  for (let last = false; !last; ) {
    const page: WireEntry[] = [];
    let changes = 0;
    while (!last && changes < work.page.journal) {
      const read = await entriesAfter(work, page.length === 0 ? place : placeOf(page.at(-1) as WireEntry));
      const wanted = read.filter(({ revision }) => revision <= until);
      last = wanted.length < read.length || read.length === 0;
      page.push(...wanted);
      changes += wanted.reduce((sum, { changes: each }) => sum + (each?.length ?? 0), 0);
    }
    await write(work, tables, page);
    work.taken += changes;
    const end = page.at(-1);
    if (end !== undefined) place = placeOf(end);
    await done(tables, place, last);
    work.onProgress({ phase: "journal", taken: work.taken, revision: place.revision });
  }
}

function placeOf({ revision, hash }: WireEntry): Place {
  return { cursor: null, revision, hash };
}

/** The entry of the place itself is read again: its hash says whether this is the same history (R2). */
async function entriesAfter(work: Work, { revision, hash }: Place): Promise<readonly WireEntry[]> {
  const read = await work.source.journal(Math.max(0, revision - 1));
  const entries = revision === 0 ? read : read.slice(1);
  if (revision > 0 && (read[0]?.revision !== revision || read[0].hash !== hash)) throw new Broken("diverged", false);
  if (entries.some(({ cut }) => cut === true)) throw new Broken("expired", true);
  return entries;
}

/** A version of a record that is being written: the columns of one row. */
interface Version {
  readonly id: string;
  readonly row: { [column: string]: Stored };
  /** It was there before this page. */
  readonly old: boolean;
}

interface Changed {
  readonly entry: WireEntry;
  readonly leaving: Leaving;
  readonly fresh: boolean;
  readonly gone: boolean;
  /** Its values were erased, and with them those of all that was before (K2). */
  readonly erased: boolean;
}

async function write(work: Work, tables: TableSet, page: readonly WireEntry[]): Promise<void> {
  const byCollection = new Map<string, Changed[]>();
  for (const entry of page) {
    for (const { collection, id, before, after, erased } of entry.changes ?? []) {
      if (work.collections !== null && !work.collections.includes(collection)) continue;
      if (tables.isPaused(collection)) continue;
      const leaving = {
        id: work.exporter.id(collection, id),
        atoms: work.exporter.atoms(collection, (after ?? {}) as RecordData),
      };
      const changed: Changed = {
        entry,
        leaving,
        fresh: before === null,
        gone: after === null,
        erased: erased !== undefined,
      };
      const list = byCollection.get(collection);
      if (list === undefined) byCollection.set(collection, [changed]);
      else list.push(changed);
    }
  }
  for (const [collection, changes] of byCollection) await writeTable(work, tables, collection, changes);
}

async function writeTable(
  work: Work,
  tables: TableSet,
  collection: string,
  changes: readonly Changed[],
): Promise<void> {
  await tables.grow(
    collection,
    changes.map(({ leaving }) => leaving),
  );
  const { session } = work;
  const table = tables.named(collection);
  const fields = tables.fields(collection);
  await erase(work, tables, collection, changes);
  const created = new Set<string>();
  const wanted = new Set<string>();
  for (const { leaving, fresh, erased } of changes) {
    if (fresh && !erased && !wanted.has(leaving.id)) created.add(leaving.id);
    else if (!created.has(leaving.id)) wanted.add(leaving.id);
  }
  const open = wanted.size === 0 ? [] : await session.open(table, fields, [...wanted], "_valid_to");
  const present = new Map<string, Version>(
    open.map((row) => [String(row.id), { id: String(row.id), row: { ...row }, old: true }]),
  );
  const closed: StoredRow[] = [];
  const added: StoredRow[] = [];
  for (const { entry, leaving, fresh, gone, erased } of changes) {
    const { id } = leaving;
    const before = present.get(id);
    if (before === undefined && erased) continue;
    if (before === undefined && !fresh) throw new Broken("damaged", false);
    const end = { _valid_to: entry.revision, _to_at: entry.at };
    if (before?.old === true) closed.push({ id, ...end });
    else if (before !== undefined) Object.assign(before.row, end);
    present.delete(id);
    if (gone) continue;
    const row: { [column: string]: Stored } = {
      ...(fresh ? {} : before?.row),
      ...tables.row(collection, leaving),
      id,
      _valid_from: entry.revision,
      _from_at: entry.at,
      _valid_to: null,
      _to_at: null,
      _exact: true,
    };
    present.set(id, { id, row, old: false });
    added.push(row);
  }
  const ends = fields.filter(({ name }) => name === "id" || name === "_valid_to" || name === "_to_at");
  if (closed.length > 0) await session.apply({ do: "patch", table, fields: ends, rows: closed, where: "_valid_to" });
  if (added.length > 0) await session.apply({ do: "insert", table, fields, rows: added });
}

/** The rows of a record that was erased stay, with their ids and times, and hold no values (K2). What came later is not there yet. */
async function erase(work: Work, tables: TableSet, collection: string, changes: readonly Changed[]): Promise<void> {
  const ids = new Set(changes.flatMap(({ leaving, erased }) => (erased ? [leaving.id] : [])));
  const columns = tables.tables[collection]?.columns ?? [];
  if (ids.size === 0 || columns.length === 0) return;
  await work.erase();
  const empty = Object.fromEntries(columns.map(({ name }) => [name, null]));
  const rows = [...ids].map((id) => ({ id, ...empty }));
  const fields = tables.fields(collection).filter(({ name }) => name === "id" || Object.hasOwn(empty, name));
  await work.session.apply({ do: "patch", table: tables.named(collection), fields, rows, where: null });
}
