import { addFingerprints, EMPTY, type Fingerprint } from "../../model/fingerprint.ts";
import { keyOf, type Membership, type Revision } from "../../model/record.ts";
import { must } from "../../util/assert.ts";
import { compareUtf8 } from "../../util/utf8.ts";
import { changedSince, type LaneColumns, lanesOf } from "../codec.ts";
import type { Union } from "../scopes.ts";
import type { FingerprintQuery, PageQuery, PageResult, ScanChange, ScanQuery, ScanResult } from "../store.ts";
import type { Connection } from "./connection.ts";
import { loadMembers } from "./row.ts";
import { collectionsOf, segmentsOf } from "./segments.ts";

// Unions of scopes (P14): each scope is read by its own index, and what they give is merged. Of a scope no more is read
// than what lies before the last of what the others have given.

/** A change of one membership, as its index gives it. */
interface Seen {
  readonly scope: number;
  readonly collection: number;
  readonly id: string;
  readonly seen: Revision;
}

interface Found {
  readonly text: string | null;
  readonly created: Revision;
  readonly stamps: string | null;
  readonly erased: Revision | null;
  readonly members: ReadonlyMap<string, Membership>;
}

/** ?3 is null for all collections, or a JSON array of their numbers. */
const CHANGES = `SELECT scope, collection, id, seen FROM member INDEXED BY member_changed
  WHERE space = ?1 AND scope = ?2 AND (?3 IS NULL OR collection IN (SELECT value FROM json_each(?3)))`;

export function scanUnion(connection: Connection, space: number, query: Union<ScanQuery>): ScanResult {
  const changes = new UnionChanges(connection, space, query);
  const latest = new Map<string, { seen: Seen; found: Found }>();
  let rest = query.bytes ?? Number.POSITIVE_INFINITY;
  let last = query.after;
  let full = false;
  for (const seen of changes.first()) {
    // A revision is never cut in two: a page that is full ends with the one at which it became so.
    full = (latest.size >= query.limit || rest <= 0) && seen.seen > last;
    if (full) break;
    last = seen.seen;
    const place = `${seen.collection}/${seen.id}`;
    const known = latest.get(place);
    const found = known?.found ?? recordOf(connection, space, seen);
    if (known === undefined) rest -= found.text?.length ?? 0;
    latest.delete(place);
    latest.set(place, { seen, found });
  }
  return {
    changes: [...latest.values()].map(({ seen, found }) => changeOf(connection, seen, found)),
    more: full || changes.beyond(last),
  };
}

/** Of how many pages what the scopes give is gathered before it is cut to one. */
const MERGED = 3;

function bySeen(a: Seen, b: Seen): number {
  return a.seen - b.seen;
}

class UnionChanges {
  readonly #connection: Connection;
  readonly #space: number;
  readonly #scopes: readonly number[];
  readonly #collections: string | null;
  readonly #query: Union<ScanQuery>;
  /** Whether the first changes are all that there are. */
  #all = true;

  constructor(connection: Connection, space: number, query: Union<ScanQuery>) {
    this.#connection = connection;
    this.#space = space;
    this.#query = query;
    this.#scopes = numbersOf(connection, space, query.scope);
    const collections = collectionsOf(connection, space, query.collections).map(({ id }) => id);
    this.#collections = query.collections === undefined ? null : JSON.stringify(collections);
  }

  /**
   * By revision, none of them divided. Of a scope that gave as many as the limit nothing is known beyond its last, but the
   * page is full by then, since they are of as many records.
   */
  first(): readonly Seen[] {
    const { after, limit } = this.#query;
    let rows: Seen[] = [];
    let bound = Number.MAX_SAFE_INTEGER;
    for (const scope of this.#scopes) {
      const own = this.#rows(scope, "AND seen > ?4 AND seen <= ?5 ORDER BY seen LIMIT ?6", after, bound, limit);
      if (own.length === 0) continue;
      const last = (own.at(-1) as Seen).seen;
      if (own.length < limit) rows.push(...own);
      else rows.push(...own.filter(({ seen }) => seen < last), ...this.#rows(scope, "AND seen = ?4", last));
      if (own.length === limit) this.#all = false;
      if (rows.length < MERGED * limit) continue;
      rows.sort(bySeen);
      bound = (rows[limit - 1] as Seen).seen;
      rows = rows.filter(({ seen }) => seen <= bound);
      this.#all = false;
    }
    return rows.sort(bySeen);
  }

  beyond(last: Revision): boolean {
    if (this.#all) return false;
    return this.#scopes.some((scope) => this.#rows(scope, "AND seen > ?4 LIMIT 1", last).length > 0);
  }

  #rows(scope: number, rest: string, ...values: number[]): Seen[] {
    return this.#connection.all<Seen>(`${CHANGES} ${rest}`, this.#space, scope, this.#collections, ...values);
  }
}

function recordOf(connection: Connection, space: number, { collection, id }: Seen): Found {
  const row = connection.one<Omit<Found, "members"> & { scopes: string }>(
    "SELECT text, created, stamps, erased, scopes FROM record WHERE space = ? AND collection = ? AND id = ?",
    space,
    collection,
    id,
  );
  const { scopes, ...found } = must(row, "a membership is of a record");
  return { ...found, members: new Map(loadMembers(connection, space, collection, id, scopes)) };
}

function changeOf({ names }: Connection, { scope, collection, id }: Seen, found: Found): ScanChange {
  return {
    collection: names.text(collection),
    id,
    member: must(found.members.get(names.text(scope)), "a record names the scopes of its memberships"),
    members: found.members,
    text: found.text,
    erased: found.erased,
    changedSince: (revision) => changedSince(found, revision),
  };
}

export function pageUnion(connection: Connection, space: number, query: Union<PageQuery>): PageResult {
  const scopes = numbersOf(connection, space, query.scope);
  const runs: { collection: string; records: string; count: number }[] = [];
  let last: string | null = null;
  let { limit, bytes } = query;
  const collections = collectionsOf(connection, space, query.collections);
  for (const { collection, name, from, to } of segmentsOf(collections, query.after, query.to ?? null)) {
    for (let after = from; ; ) {
      const ids = nextIds(connection, space, scopes, { collection, after, to }, limit + 1);
      for (const id of ids) {
        const { text, size } = textOf(connection, space, collection, id);
        if (last !== null && (limit === 0 || size > bytes)) return { runs, last, more: true };
        const run = runs.at(-1);
        if (run?.collection === name) {
          run.records += `,${text}`;
          run.count++;
        } else runs.push({ collection: name, records: text, count: 1 });
        last = keyOf(name, id);
        after = id;
        limit = Math.max(0, limit - 1);
        bytes -= size;
      }
      if (ids.length === 0) break;
    }
  }
  return { runs, last, more: false };
}

/** The ids behind one that any of the scopes holds, in order. */
function nextIds(
  connection: Connection,
  space: number,
  scopes: readonly number[],
  { collection, after, to }: { readonly collection: number; readonly after: string; readonly to: string | null },
  count: number,
): readonly string[] {
  const ids = new Set<string>();
  let bound: string | null = null;
  const cut = () => {
    const first = [...ids].sort(compareUtf8).slice(0, count);
    ids.clear();
    for (const id of first) ids.add(id);
    if (first.length === count) bound = first[count - 1] as string;
    return first;
  };
  for (const scope of scopes) {
    // A blob is greater than every text: no bound is one beyond all ids.
    const own = connection.all<{ id: string }>(
      `SELECT id FROM member WHERE space = ? AND scope = ? AND collection = ? AND id > ? AND id < coalesce(?, x'')
         AND id <= coalesce(?, x'') AND present = 1 ORDER BY id LIMIT ?`,
      space,
      scope,
      collection,
      after,
      to,
      bound,
      count,
    );
    for (const { id } of own) ids.add(id);
    if (ids.size >= MERGED * count) cut();
  }
  return cut();
}

function textOf(connection: Connection, space: number, collection: number, id: string): { text: string; size: number } {
  const row = connection.one<{ text: string; size: number }>(
    "SELECT text, octet_length(text) AS size FROM record WHERE space = ? AND collection = ? AND id = ?",
    space,
    collection,
    id,
  );
  return must(row, "a membership is of a record");
}

export function fingerprintUnion(connection: Connection, space: number, query: Union<FingerprintQuery>): Fingerprint {
  const scopes = JSON.stringify(numbersOf(connection, space, query.scope));
  let total = EMPTY;
  for (const { id } of collectionsOf(connection, space, query.collections)) {
    const row = connection.one<LaneColumns & { count: number }>(
      `SELECT count(*) AS count,
         coalesce(sum(lane0), 0) & 0xffffffff AS lane0, coalesce(sum(lane1), 0) & 0xffffffff AS lane1,
         coalesce(sum(lane2), 0) & 0xffffffff AS lane2, coalesce(sum(lane3), 0) & 0xffffffff AS lane3
       FROM (SELECT DISTINCT member.id FROM json_each(?2) AS wanted CROSS JOIN member
         ON member.space = ?1 AND member.scope = wanted.value AND member.collection = ?3 AND member.present = 1) AS held
       CROSS JOIN record ON record.space = ?1 AND record.collection = ?3 AND record.id = held.id`,
      space,
      scopes,
      id,
    );
    if (row) total = addFingerprints(total, { count: row.count, lanes: lanesOf(row) });
  }
  return total;
}

/** The scopes that the space knows. */
function numbersOf(connection: Connection, space: number, scopes: readonly string[]): readonly number[] {
  return [...new Set(scopes)].flatMap((scope) => connection.names.find(space, "scope", scope) ?? []);
}
