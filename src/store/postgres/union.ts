import { EMPTY, type Fingerprint } from "../../model/fingerprint.ts";
import type { Union } from "../scopes.ts";
import type { FingerprintQuery, PageQuery, PageResult, ScanQuery, ScanResult } from "../store.ts";
import { endOf, pageOf, type RunRow, runsOf } from "./page.ts";
import { fingerprintOf, SUMS, type Sum } from "./ranges.ts";
import { MEMBERS, membersOf } from "./row.ts";
import { changedIn, changeOf, type ScanRow, wantedOf } from "./scan.ts";
import type { Session } from "./session.ts";
import { EACH, inKeyOrder } from "./source.ts";
import { arrayOf, comparable, FIRST, pairOf } from "./values.ts";

// Unions of scopes (P14): each scope is read by its own index, and what they give is merged. How far the page can reach is
// first bounded by a glance at a few rows of each scope, so that of a scope not much more is read than the page takes.

const SCOPES = "unnest($2::text::text[]) s(scope)";

/** How many pages a glance at all scopes is of. */
const GLANCE = 3;

function glanceOf({ scope, limit }: Union<{ readonly limit: number }>): number {
  return Math.ceil((GLANCE * limit) / Math.max(1, scope.length));
}

function scopesOf(scopes: readonly string[]): string {
  return arrayOf(new Set(scopes.map(comparable)));
}

/** The changes of all scopes, each scope's in its order. OFFSET 0 keeps the planner, here and below, to one look-up for each. */
function changes(more: string): string {
  return `${SCOPES} CROSS JOIN LATERAL (
    SELECT m.* FROM member m WHERE ${EACH.where} AND ${changedIn("m.seen")} AND m.seen > $3 ${more} OFFSET 0) m`;
}

/** Records by their first change. */
const firsts = (from: string) =>
  `SELECT m.collection, m.id, min(m.seen) AS seen FROM ${from} GROUP BY m.collection, m.id`;

const NEVER = "9223372036854775807";

/** `last`: the revision with which the page is full, null where all fits. A revision is never cut in two. */
const SCAN = `
  WITH near AS (
    SELECT seen FROM (${firsts(changes("ORDER BY m.seen LIMIT $7"))}) glance ORDER BY seen OFFSET $5::bigint - 1 LIMIT 1),
  first AS (
    ${firsts(changes(`AND m.seen <= coalesce((SELECT seen FROM near), ${NEVER}) ORDER BY m.seen LIMIT $5`))}
    ORDER BY seen LIMIT $5),
  filled AS (
    SELECT f.seen, count(*) OVER page AS records, sum(coalesce(r.bytes, 0)) OVER page AS bytes
    FROM first f CROSS JOIN LATERAL (
      SELECT octet_length(r.text) AS bytes FROM record r
      WHERE r.space = $1 AND r.collection = f.collection AND r.id = f.id OFFSET 0) r
    WINDOW page AS (ORDER BY f.seen)),
  last AS (SELECT min(seen) AS seen FROM filled WHERE records >= $5 OR bytes >= $6),
  changed AS (
    SELECT DISTINCT ON (m.collection, m.id) m.*
    FROM ${changes(`AND m.seen <= coalesce((SELECT seen FROM last), ${NEVER})`)}
    ORDER BY m.collection, m.id, m.seen DESC, m.scope)
  SELECT m.collection, m.id, m.seen, m.entered, m.first, m.present, r.created, r.creator, r.stamps, r.text, r.erased, r.members,
    EXISTS (SELECT FROM last, ${changes("AND m.seen > last.seen ORDER BY m.seen LIMIT 1")}) AS more
  FROM changed m CROSS JOIN LATERAL (
    SELECT r.created, r.creator, r.stamps, r.text, r.erased, ${MEMBERS} AS members FROM record r
    WHERE r.space = $1 AND r.collection = m.collection AND r.id = m.id OFFSET 0) r
  ORDER BY m.seen, m.collection, m.id`;

export async function scanUnion(session: Session, space: string, query: Union<ScanQuery>): Promise<ScanResult> {
  const { scope, collections, after, limit, bytes = Number.POSITIVE_INFINITY } = query;
  const values = [space, scopesOf(scope), after, wantedOf(collections), limit, bytes, glanceOf(query)];
  const rows = await session.query<ScanRow & { members: string | null; more: boolean }>(SCAN, values);
  return {
    changes: rows.map((row) => ({ ...changeOf(row), members: new Map(membersOf(row.members)) })),
    more: rows[0]?.more ?? false,
  };
}

export async function pageUnion(session: Session, space: string, query: Union<PageQuery>): Promise<PageResult> {
  const { scope, collections, limit, bytes } = query;
  const after = query.after === null ? FIRST : pairOf(query.after);
  const keys = (condition: string, most: string) => `
    SELECT DISTINCT m.collection, m.id FROM ${SCOPES} CROSS JOIN LATERAL (
      ${inKeyOrder(EACH, collections !== undefined, {
        columns: "",
        condition: `(m.collection, m.id) > ($3, $4) AND (m.collection, m.id) < ($9, $10) ${condition}`,
        wanted: "$5",
        limit: `LIMIT ${most}`,
      })}) m
    ORDER BY m.collection, m.id`;
  // '~' is behind all collections, as in LAST.
  const near = `(m.collection, m.id) <=
    (coalesce((SELECT collection FROM near), '~'), coalesce((SELECT id FROM near), ''))`;
  const held = `
    WITH near AS (${keys("", "$8")} OFFSET $6 LIMIT 1)
    SELECT k.collection, k.id, r.text
    FROM (${keys(`AND ${near}`, "$6::bigint + 1")} LIMIT $6::bigint + 1) k CROSS JOIN LATERAL (
      SELECT r.text FROM record r WHERE r.space = $1 AND r.collection = k.collection AND r.id = k.id OFFSET 0) r`;
  const bounds = [limit, bytes, glanceOf(query), ...endOf(query)];
  const values = [space, scopesOf(scope), ...after, wantedOf(collections), ...bounds];
  return pageOf(await session.query<RunRow>(runsOf(held), values));
}

export async function fingerprintUnion(
  session: Session,
  space: string,
  query: Union<FingerprintQuery>,
): Promise<Fingerprint> {
  const [row] = await session.query<Sum>(
    `SELECT count(*) AS count, ${SUMS} FROM (
       SELECT DISTINCT m.collection, m.id FROM ${SCOPES} CROSS JOIN LATERAL (
         SELECT m.collection, m.id FROM member m
         WHERE m.space = $1 AND m.scope = s.scope AND m.present
           AND ($3::text IS NULL OR m.collection = ANY ($3::text::text[])) OFFSET 0) m) held
     CROSS JOIN LATERAL (
       SELECT * FROM record r
       WHERE r.space = $1 AND r.collection = held.collection AND r.id = held.id OFFSET 0) r`,
    [space, scopesOf(query.scope), wantedOf(query.collections)],
  );
  return row === undefined ? EMPTY : fingerprintOf(row);
}
