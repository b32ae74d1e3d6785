import { canonical, frozen, type Json, type JsonObject } from "../util/json.ts";
import { Draft } from "./draft.ts";
import type { SaltedChange } from "./entry.ts";
import { inheritanceOf } from "./inherit.ts";
import { moved } from "./membership.ts";
import { idFlaw } from "./names.ts";
import type { Rules } from "./push.ts";
import { type Author, atomOf, type Key, keyOf, keyParts, type RecordData } from "./record.ts";
import { collectionOf, type ScopesOf } from "./schema.ts";
import { type TableTransaction, tableAuthor } from "./table-change.ts";
import { checkSize, Rejected, scopesOf } from "./validate.ts";
import type { Working } from "./working.ts";

type TableRules = Pick<Rules, "collections" | "limits" | "now" | "salt">;

/**
 * Records what tables say as one revision. The table has said yes already, so that nothing is asked for permission and
 * no schema is checked; what equals the record makes no change, which is how an echo of our own writes ends.
 * Returns the records that cannot be held as they are, each with its reason.
 */
export function recordTables(
  working: Working,
  transaction: TableTransaction,
  rules: TableRules,
): { readonly key: Key; readonly reason: string }[] {
  const author = tableAuthor(transaction.origin);
  const drafts = new Map<Key, Draft>();
  const failed: { key: Key; reason: string }[] = [];
  const revision = working.head.revision + 1;
  for (const change of transaction.changes) {
    const put = (id: string, atoms: ReadonlyMap<string, Json> | null) => {
      apply(draftOf(drafts, working, change.collection, id), atoms, author, revision);
    };
    if (change.does === "remove") put(change.id, null);
    else if (change.does === "put") {
      const before = draftOf(drafts, working, change.collection, change.was ?? change.id).data;
      if (change.was !== undefined && change.was !== change.id) put(change.was, null);
      const flaw = idFlaw(change.id);
      if (flaw === null) put(change.id, valuesOf(change.atoms, change.keep, before));
      else failed.push({ key: keyOf(change.collection, change.id), reason: flaw });
    } else {
      for (const id of heldIn(working, drafts, change.collection)) if (!change.except.has(id)) put(id, null);
    }
  }
  const changes: SaltedChange[] = [];
  for (const [key, draft] of drafts) {
    try {
      const change = finish(working, draft, author, revision, rules, (reason) => failed.push({ key, reason }));
      if (change !== null) changes.push(change);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      failed.push({ key, reason: error.message });
    }
  }
  if (changes.length > 0) working.append(author, 0, rules.now, changes);
  return failed;
}

function draftOf(drafts: Map<Key, Draft>, working: Working, collection: string, id: string): Draft {
  const key = keyOf(collection, id);
  const draft = drafts.get(key) ?? new Draft(collection, id, working.row(key), "");
  drafts.set(key, draft);
  return draft;
}

function heldIn(working: Working, drafts: ReadonlyMap<Key, Draft>, collection: string): Set<string> {
  const keys = [...working.loaded.rows.keys(), ...drafts.keys()];
  return new Set(keys.map(keyParts).flatMap((parts) => (parts.collection === collection ? [parts.id] : [])));
}

/** The atoms of the row as it is now; those that were not told stand as they stood. */
function valuesOf(atoms: JsonObject, keep: readonly string[], before: RecordData | null): ReadonlyMap<string, Json> {
  const values = new Map(Object.entries(atoms));
  for (const atom of keep) values.set(atom, before === null ? null : atomOf(before, atom));
  return values;
}

const NO_OPERATORS = new Map();

function apply(draft: Draft, atoms: ReadonlyMap<string, Json> | null, author: Author, revision: number): void {
  if (atoms === null) return draft.apply({ does: "delete" }, author, revision);
  if (draft.data === null) {
    const present = new Map([...atoms].filter(([, value]) => value !== null));
    return draft.apply({ does: "insert", atoms: present, operators: NO_OPERATORS, replaces: false }, author, revision);
  }
  const gone = Object.keys(draft.data).filter((atom) => atom !== "id" && !atoms.has(atom));
  const all = new Map([...atoms, ...gone.map((atom) => [atom, null] as const)]);
  draft.apply({ does: "update", atoms: all, operators: NO_OPERATORS, superseded: [], confirmed: [] }, author, revision);
}

function finish(
  working: Working,
  draft: Draft,
  author: Author,
  revision: number,
  rules: TableRules,
  report: (reason: string) => void,
): SaltedChange | null {
  const net = draft.net();
  if (net === null) return null;
  const { collection, id, data, held } = draft;
  const text = data === null ? null : canonical(frozen(data));
  const stamps = draft.stampsAfter(net, { revision, author });
  if (text !== null) checkSize(text, stamps.size, rules.limits, "");
  const scopes = data === null ? null : scopesFor(collection, data, rules, report);
  const made = net.before === null || (net.after !== null && draft.remade);
  const created = made
    ? { created: revision, creator: author }
    : { created: held?.created ?? 0, creator: held?.creator ?? author };
  const members = moved(draft.members, scopes, revision);
  working.putRow({ collection, id, revision, ...created, text, data, stamps, parent: null, scopes: members });
  return { change: { collection, id, before: net.before, after: net.after }, salt: rules.salt() };
}

/** A row on which `scopes` fails is in the whole space and nowhere else, so that it is not lost. */
function scopesFor(
  collection: string,
  data: RecordData,
  rules: TableRules,
  report: (reason: string) => void,
): ReadonlySet<string> {
  const configured = collectionOf(rules.collections, collection);
  // An adopted collection inherits nothing (T1).
  if (configured === null || inheritanceOf(configured) !== null) return new Set();
  try {
    return scopesOf(collection, configured.scopes as ScopesOf | undefined, data, rules.limits, "");
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    report(error.message);
    return new Set();
  }
}
