import { GENESIS } from "../../model/entry.ts";
import type { Author, Revision } from "../../model/record.ts";
import { outcomeOf } from "../codec.ts";
import type { ClientRow, Loaded, OutcomeRow, Wanted } from "../store.ts";
import { inOrder } from "./connection.ts";
import { countDescendants, loadFamilies } from "./families.ts";
import { loadNotes } from "./notes.ts";
import { loadRows } from "./row.ts";
import type { Session } from "./session.ts";
import { lockHead } from "./space.ts";
import { arrayOf, columnsOf, comparable } from "./values.ts";

/**
 * All that a batch of pushes touches, as it stands, under the space's lock: all is asked in one go, but for families that
 * have members.
 */
export async function load(session: Session, space: string, wanted: Wanted): Promise<Loaded | null> {
  const head = lockHead(session, space);
  const rows = loadRows(session, space, [...wanted.keys]);
  const descendants = countDescendants(session, space, wanted.families);
  const clients = loadClients(session, space, [...wanted.authors]);
  const outcomes = loadOutcomes(session, space, wanted.outcomes);
  const hashes = readHashes(session, space, wanted.hashes);
  const notes = loadNotes(session, space, wanted.notes ?? []);
  await inOrder<unknown>([head, rows, descendants, clients, outcomes, hashes, notes]);
  const found = await head;
  if (found === null) return null;
  const all = new Map(await rows);
  return {
    head: found,
    families: await loadFamilies(session, space, wanted.families, await descendants, all),
    rows: all,
    clients: await clients,
    outcomes: await outcomes,
    hashes: await hashes,
    ...(wanted.notes && { notes: await notes }),
  };
}

interface ClientColumns {
  readonly author: Author;
  readonly last: string;
  readonly acked: string;
  readonly was: string;
  readonly seen: string;
}

export async function loadClients(
  session: Session,
  space: string,
  authors: readonly Author[],
): Promise<ReadonlyMap<Author, ClientRow>> {
  if (authors.length === 0) return new Map();
  const found = await session.query<ClientColumns>(
    "SELECT author, last, acked, was, seen FROM client WHERE space = $1 AND author = ANY ($2::text::text[])",
    [space, arrayOf(authors.map(comparable))],
  );
  return new Map(found.map((row) => [row.author, clientOf(row)]));
}

function clientOf({ author, last, acked, was, seen }: ClientColumns): ClientRow {
  const former = (JSON.parse(was) as [Author, Revision][]).map(([who, revision]) => ({ author: who, revision }));
  return { author, last: Number(last), acked: Number(acked), was: former, seen: Number(seen) };
}

interface OutcomeColumns {
  readonly author: Author;
  readonly id: string;
  readonly content: string;
  readonly status: string;
  readonly revision: string;
  readonly time: string;
  readonly detail: string | null;
}

async function loadOutcomes(
  session: Session,
  space: string,
  wanted: Wanted["outcomes"],
): Promise<ReadonlyMap<Author, ReadonlyMap<number, OutcomeRow>>> {
  const outcomes = new Map<Author, Map<number, OutcomeRow>>();
  if (wanted.length === 0) return outcomes;
  const ranges = wanted.map(({ author, from, to }) => [comparable(author), from, to]);
  const found = await session.query<OutcomeColumns>(
    `SELECT o.author, o.id, encode(o.content, 'hex') AS content, o.status, o.revision, o.time, o.detail
     FROM unnest($2::text::text[], $3::text::bigint[], $4::text::bigint[]) w(author, "from", "to")
     CROSS JOIN LATERAL (
       SELECT * FROM outcome o
       WHERE o.space = $1 AND o.author = w.author AND o.id BETWEEN w."from" AND w."to" OFFSET 0) o`,
    [space, ...columnsOf(ranges, 3)],
  );
  for (const row of found) {
    const { author, content, status, detail } = row;
    const id = Number(row.id);
    const mine = outcomes.get(author) ?? new Map<number, OutcomeRow>();
    outcomes.set(author, mine);
    const outcome = outcomeOf({ id, status, revision: Number(row.revision), detail });
    mine.set(id, { author, id, content, outcome, time: Number(row.time) });
  }
  return outcomes;
}

/** The chain hashes that are still known. */
export async function readHashes(
  session: Session,
  space: string,
  revisions: readonly Revision[],
): Promise<ReadonlyMap<Revision, string>> {
  if (revisions.length === 0) return new Map();
  const found = await session.query<{ revision: string; hash: string }>(
    `SELECT revision, encode(hash, 'hex') AS hash FROM entry
     WHERE space = $1 AND revision = ANY ($2::text::bigint[])`,
    [space, arrayOf(revisions)],
  );
  const hashes = new Map(found.map(({ revision, hash }) => [Number(revision), hash]));
  if (revisions.includes(0)) hashes.set(0, GENESIS);
  return hashes;
}
