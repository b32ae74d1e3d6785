import { unreachable } from "../../util/assert.ts";
import { ofScopes } from "../scopes.ts";
import type { Query, ResultOf, Snapshot } from "../store.ts";
import type { Connection } from "./connection.ts";
import { readAt, readHashes, readHistory, readJournal } from "./journal.ts";
import { loadClient } from "./load.ts";
import { loadNotes, notesBetween } from "./notes.ts";
import { readPage } from "./page.ts";
import { readFingerprint, readRanges } from "./ranges.ts";
import { loadRow, loadRows } from "./row.ts";
import { countBehind, scan } from "./scan.ts";
import { findSpace, type Space } from "./space.ts";
import { fingerprintUnion, pageUnion, scanUnion } from "./union.ts";

/** All queries at one revision: to be called within one transaction. */
export function read<const Q extends readonly Query[]>(
  connection: Connection,
  name: string,
  queries: Q,
): Snapshot<Q> | null {
  const space = findSpace(connection, name);
  if (space === null) return null;
  const results = queries.map((query) => answer(connection, space, query));
  return { head: space.head, results: results as Snapshot<Q>["results"] };
}

function answer(connection: Connection, space: Space, query: Query): ResultOf<Query> {
  switch (query.kind) {
    case "scan":
      // The commonest question of all: whoever is at the head has nothing to read.
      if (query.after >= space.head.revision) return { changes: [], more: false };
      return ofScopes(
        query,
        (one) => scan(connection, space.id, one),
        (union) => scanUnion(connection, space.id, union),
      );
    case "page":
      return ofScopes(
        query,
        (one) => readPage(connection, space.id, one),
        (union) => pageUnion(connection, space.id, union),
      );
    case "behind":
      return countBehind(connection, space.id, query);
    case "fingerprint":
      return ofScopes(
        query,
        (one) => readFingerprint(connection, space.id, one),
        (union) => fingerprintUnion(connection, space.id, union),
      );
    case "ranges":
      return readRanges(connection, space.id, query);
    case "hashes":
      return readHashes(connection, space.id, query.revisions);
    case "scopes":
      return connection.names.scopes(space.id, query.prefix, query.after);
    case "client":
      return loadClient(connection, space.id, query.author);
    case "row":
      return loadRow(connection, space.id, query.collection, query.id);
    case "rows":
      return loadRows(connection, space.id, query.keys);
    case "journal":
      return readJournal(connection, space, query);
    case "history":
      return readHistory(connection, space, query);
    case "at":
      return readAt(connection, space, query);
    case "notes":
      return loadNotes(connection, space.id, query.names);
    case "notes-between":
      return notesBetween(connection, space.id, query);
    default:
      return unreachable(query);
  }
}
