import type { Author, Revision } from "../../model/record.ts";
import { outcomeOf } from "../codec.ts";
import type { ClientRow, Loaded, OutcomeRow, Wanted } from "../store.ts";
import type { Connection } from "./connection.ts";
import { loadFamilies } from "./families.ts";
import { readHashes } from "./journal.ts";
import { loadNotes } from "./notes.ts";
import { loadRows } from "./row.ts";
import type { Space } from "./space.ts";

/** All that a batch of pushes touches, as it stands. */
export function load(connection: Connection, space: Space, wanted: Wanted): Loaded {
  const rows = loadRows(connection, space.id, wanted.keys);
  const families = loadFamilies(connection, space.id, wanted.families, rows);
  const clients = new Map<Author, ClientRow>();
  for (const author of wanted.authors) {
    const client = loadClient(connection, space.id, author);
    if (client) clients.set(author, client);
  }
  return {
    head: space.head,
    rows,
    families,
    clients,
    outcomes: loadOutcomes(connection, space.id, wanted),
    hashes: readHashes(connection, space.id, wanted.hashes),
    ...(wanted.notes && { notes: loadNotes(connection, space.id, wanted.notes) }),
  };
}

export function loadClient(connection: Connection, space: number, author: Author): ClientRow | null {
  const number = connection.names.find(space, "author", author);
  if (number === undefined) return null;
  const row = connection.one<{ last: number; acked: number; was: string; seen: number }>(
    "SELECT last, acked, was, seen FROM client WHERE space = ? AND author = ?",
    space,
    number,
  );
  if (row === undefined) return null;
  const was = (JSON.parse(row.was) as [Author, Revision][]).map(([who, revision]) => ({ author: who, revision }));
  return { author, last: row.last, acked: row.acked, was, seen: row.seen };
}

interface OutcomeColumns {
  readonly id: number;
  readonly content: string;
  readonly status: string;
  readonly revision: Revision;
  readonly time: number;
  readonly detail: string | null;
}

function loadOutcomes(
  connection: Connection,
  space: number,
  wanted: Wanted,
): ReadonlyMap<Author, ReadonlyMap<number, OutcomeRow>> {
  const outcomes = new Map<Author, Map<number, OutcomeRow>>();
  for (const { author, from, to } of wanted.outcomes) {
    const number = connection.names.find(space, "author", author);
    if (number === undefined) continue;
    const found = connection.all<OutcomeColumns>(
      `SELECT id, lower(hex(content)) AS content, status, revision, time, detail FROM outcome
       WHERE space = ? AND author = ? AND id BETWEEN ? AND ?`,
      space,
      number,
      from,
      to,
    );
    const mine = outcomes.get(author) ?? new Map<number, OutcomeRow>();
    for (const row of found) {
      const { id, content, time } = row;
      mine.set(id, { author, id, content, outcome: outcomeOf(row), time });
    }
    if (mine.size > 0) outcomes.set(author, mine);
  }
  return outcomes;
}
