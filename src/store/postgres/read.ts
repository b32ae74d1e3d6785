import { keyOf } from "../../model/record.ts";
import { unreachable } from "../../util/assert.ts";
import { ofScopes } from "../scopes.ts";
import type { Head, Query, ResultOf, Snapshot } from "../store.ts";
import { inOrder } from "./connection.ts";
import { readAt, readHistory, readJournal } from "./journal.ts";
import { loadClients, readHashes } from "./load.ts";
import { readScopes } from "./names.ts";
import { loadNotes, notesBetween } from "./notes.ts";
import { readPage } from "./page.ts";
import { readFingerprint, readRanges } from "./ranges.ts";
import { loadRows } from "./row.ts";
import { countBehind, scan } from "./scan.ts";
import type { Session } from "./session.ts";
import { findHead } from "./space.ts";
import { fingerprintUnion, pageUnion, scanUnion } from "./union.ts";
import { comparable } from "./values.ts";

/** All queries at one revision: to be called within one transaction that reads one moment. */
export async function read<const Q extends readonly Query[]>(
  session: Session,
  space: string,
  queries: Q,
): Promise<Snapshot<Q> | null> {
  const head = await findHead(session, space);
  if (head === null) return null;
  const results = await inOrder(queries.map((query) => answer(session, space, head, query)));
  return { head, results: results as Snapshot<Q>["results"] };
}

async function answer(session: Session, space: string, head: Head, query: Query): Promise<ResultOf<Query>> {
  switch (query.kind) {
    case "scan":
      // The commonest question of all: whoever is at the head has nothing to read.
      if (query.after >= head.revision) return { changes: [], more: false };
      return ofScopes(
        query,
        (own) => scan(session, space, own),
        (union) => scanUnion(session, space, union),
      );
    case "page":
      return ofScopes(
        query,
        (own) => readPage(session, space, own),
        (union) => pageUnion(session, space, union),
      );
    case "behind":
      return query.after >= head.revision ? 0 : countBehind(session, space, query);
    case "fingerprint":
      return ofScopes(
        query,
        (own) => readFingerprint(session, space, own),
        (union) => fingerprintUnion(session, space, union),
      );
    case "ranges":
      return readRanges(session, space, query);
    case "hashes":
      return readHashes(session, space, query.revisions);
    case "scopes":
      return readScopes(session, space, query);
    case "client":
      return (await loadClients(session, space, [query.author])).get(comparable(query.author)) ?? null;
    case "row": {
      const key = keyOf(query.collection, query.id);
      return (await loadRows(session, space, [key])).get(key) ?? null;
    }
    case "journal":
      return readJournal(session, space, head, query);
    case "history":
      return readHistory(session, space, head, query);
    case "at":
      return readAt(session, space, head, query);
    case "notes":
      return loadNotes(session, space, query.names);
    case "notes-between":
      return notesBetween(session, space, query);
    default:
      return unreachable(query);
  }
}
