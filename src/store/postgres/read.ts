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

/** What is answered by looking at the head first. */
type AtHead = Extract<Query, { readonly kind: "scan" | "behind" | "journal" | "history" | "at" }>;
type Anywhere = Exclude<Query, AtHead>;

const AT_HEAD: ReadonlySet<string> = new Set<AtHead["kind"]>(["scan", "behind", "journal", "history", "at"]);

/**
 * All queries at one revision: to be called within one transaction that reads one moment. What can be asked without
 * knowing the head goes out together with the question for it.
 */
export async function read<const Q extends readonly Query[]>(
  session: Session,
  space: string,
  queries: Q,
): Promise<Snapshot<Q> | null> {
  const asked = findHead(session, space);
  const answers = queries.map((query) =>
    isAtHead(query)
      ? asked.then((found) => found && answerAtHead(session, space, found, query))
      : answer(session, space, query),
  );
  const [, ...results] = await inOrder<unknown>([asked, ...answers]);
  const head = await asked;
  return head === null ? null : { head, results: results as unknown as Snapshot<Q>["results"] };
}

function isAtHead(query: Query): query is AtHead {
  return AT_HEAD.has(query.kind);
}

async function answerAtHead(session: Session, space: string, head: Head, query: AtHead): Promise<ResultOf<AtHead>> {
  switch (query.kind) {
    case "scan":
      // The commonest question of all: whoever is at the head has nothing to read.
      if (query.after >= head.revision) return { changes: [], more: false };
      return ofScopes(
        query,
        (own) => scan(session, space, own),
        (union) => scanUnion(session, space, union),
      );
    case "behind":
      return query.after >= head.revision ? 0 : countBehind(session, space, query);
    case "journal":
      return readJournal(session, space, head, query);
    case "history":
      return readHistory(session, space, head, query);
    case "at":
      return readAt(session, space, head, query);
    default:
      return unreachable(query);
  }
}

async function answer(session: Session, space: string, query: Anywhere): Promise<ResultOf<Anywhere>> {
  switch (query.kind) {
    case "page":
      return ofScopes(
        query,
        (own) => readPage(session, space, own),
        (union) => pageUnion(session, space, union),
      );
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
    case "rows":
      return loadRows(session, space, query.keys);
    case "notes":
      return loadNotes(session, space, query.names);
    case "notes-between":
      return notesBetween(session, space, query);
    default:
      return unreachable(query);
  }
}
