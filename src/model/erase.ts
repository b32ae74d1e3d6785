import type { Batch, Loaded } from "./batch.ts";
import { Lacking } from "./decide.ts";
import type { Rejection, Write } from "./mutation.ts";
import type { Rules } from "./push.ts";
import { type Author, type Key, keyParts } from "./record.ts";
import type { Collection, Collections } from "./schema.ts";
import { settle } from "./settle.ts";
import { recordTables } from "./tables.ts";
import { Working } from "./working.ts";

/** In whose name, and by which number of his, an erasure stands in the journal. */
export interface Eraser {
  readonly author: Author;
  readonly mutation: number;
}

/** Nothing that stands is newer than this: an erasure asks nobody. */
const NEWEST = Number.MAX_SAFE_INTEGER;

/**
 * Erases records (K2): those that are there are deleted, as by a mutation that nothing stands against, and the tombstones of
 * those that have gone are told again, so that each replica hears of it. Records that never were make no revision.
 *
 * @throws Lacking where too little was loaded.
 */
export function eraseRecords(
  loaded: Loaded,
  keys: readonly Key[],
  eraser: Eraser,
  rules: Rules,
): Batch | { readonly rejected: Rejection } {
  const working = new Working(loaded);
  for (const transaction of loaded.tables ?? []) recordTables(working, transaction, rules);
  const there = keys.filter((key) => working.row(key) !== null);
  const writes = there.filter((key) => working.row(key)?.data !== null).map(deletionOf);
  const gone = there.filter((key) => working.row(key)?.data === null);
  if (writes.length > 0) {
    const client = { author: eraser.author, last: 0, acked: 0, was: [], seen: rules.now };
    const sender = { user: { id: "" }, client, may: () => true };
    const own = { ...rules, collections: unruled(rules.collections, there) };
    const outcome = settle(working, { id: eraser.mutation, base: NEWEST, writes }, sender, own);
    if (working.lacking !== null) throw new Lacking(working.lacking);
    if (outcome.status === "rejected") return { rejected: outcome };
  }
  if (gone.length > 0) tellAgain(working, gone, eraser, rules);
  return { ...working.batch(), erased: there };
}

function deletionOf(key: Key): Write {
  return { op: "delete", ...keyParts(key) };
}

/** One more revision of tombstones: of each scope that ever held the record. */
function tellAgain(working: Working, keys: readonly Key[], { author, mutation }: Eraser, rules: Rules): void {
  const revision = working.head.revision + 1;
  const changes = keys.map((key) => {
    const held = working.row(key);
    if (held !== null) {
      const scopes = new Map([...held.scopes].map(([scope, member]) => [scope, { ...member, revision }]));
      working.putRow({ ...held, revision, scopes });
    }
    return { change: { ...keyParts(key), before: null, after: null }, salt: rules.salt() };
  });
  working.append(author, mutation, rules.now, changes);
}

/** The collections without what is asked of who writes; one that the configuration does not name has records to erase, too. */
function unruled(collections: Collections, keys: readonly Key[]): Collections {
  const own: { [name: string]: Collection } = {};
  for (const [name, { scopes }] of Object.entries(collections)) own[name] = scopes === undefined ? {} : { scopes };
  for (const key of keys) {
    const { collection } = keyParts(key);
    if (!Object.hasOwn(own, collection)) own[collection] = {};
  }
  return own;
}
