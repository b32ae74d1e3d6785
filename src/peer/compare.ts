import type { Local } from "../client/local.ts";
import { rowsOf } from "../client/replica.ts";
import type { Mutation, Write } from "../model/mutation.ts";
import { prefixOf } from "../model/names.ts";
import { atomOf, type Key, keyOf, keyParts, type RecordData, type Row } from "../model/record.ts";
import type { PageQuery, PageResult, ScopeName, Store } from "../store/store.ts";
import { type Json, sameJson } from "../util/json.ts";
import { originText } from "./conflicts.ts";
import type { Queued } from "./feed.ts";
import { keyOfWrite } from "./queue.ts";
import type { SpaceStore } from "./space-store.ts";

/** Writes of one mutation. */
const WRITES = 500;
const PAGE = { limit: 500, bytes: 1 << 20 };

interface Compared {
  readonly store: Store;
  readonly space: string;
  readonly scopes: readonly string[];
  readonly mirror: SpaceStore;
  readonly local: Local;
}

/**
 * What the space has otherwise than its mirror, as mutations: where the journal does not tell any more what was written
 * here, as it has been cut (S9). Each was written no later than the mirror stood when the journal was last followed.
 */
export async function offered({ store, space, scopes, mirror, local }: Compared): Promise<Queued[]> {
  const waiting = new Set([...local.pending.values()].flatMap(({ mutation }) => mutation.writes.map(keyOfWrite)));
  const aside = new Set(await mirror.asideKeys());
  const { bases, floors } = mirror.space.place;
  const base = Math.min(local.meta.revision, ...bases.map((each) => each.base));
  const writes: Write[] = [];
  const note = (key: Key, here: RecordData | null, there: RecordData | null) => {
    if (waiting.has(key) || aside.has(key)) return;
    const write = difference(key, here, there);
    if (write !== null) writes.push({ ...write, base: Math.min(base, floors[key]?.base ?? base) });
  };
  const seen = new Set<Key>();
  for (const scope of await namedScopes(store, space, scopes)) {
    for await (const records of pagesOf(store, space, scope)) {
      const fresh = records.filter(([key]) => !seen.has(key));
      const rows = await mirror.get(fresh.map(([key]) => key));
      for (const [i, [key, data]] of fresh.entries()) {
        seen.add(key);
        note(key, data, rows[i]?.data ?? null);
      }
    }
  }
  for await (const rows of rowsOf(mirror, null, null)) {
    const rest = rows.filter(({ key }) => !seen.has(key));
    for (const { key, data } of rest) note(key, await recordAt(store, space, key), data);
  }
  const origin = originText({ revision: 0, author: "" });
  const mutations: Queued[] = [];
  for (let i = 0; i < writes.length; i += WRITES) {
    const mutation: Omit<Mutation, "id"> = { base, writes: writes.slice(i, i + WRITES) };
    mutations.push({ call: origin, mutation, outcome: null, under: null, held: false, refused: null });
  }
  return mutations;
}

function difference(key: Key, here: RecordData | null, there: RecordData | null): Write | null {
  const { collection, id } = keyParts(key);
  if (here === null) return there === null ? null : { op: "delete", collection, id };
  if (there === null) return { op: "insert", collection, record: here };
  const atoms: { [atom: string]: Json } = {};
  for (const atom of new Set([...Object.keys(here), ...Object.keys(there)])) {
    if (atom !== "id" && !sameJson(atomOf(here, atom), atomOf(there, atom))) atoms[atom] = atomOf(here, atom);
  }
  if (Object.keys(atoms).length === 0) return null;
  return { op: "update", collection, record: { ...atoms, id } as RecordData };
}

async function namedScopes(store: Store, space: string, scopes: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const scope of scopes) {
    const prefix = prefixOf(scope);
    if (prefix === null) found.push(scope);
    else {
      const answer = await store.read(space, [{ kind: "scopes", prefix, after: 0 }]);
      found.push(...(answer?.results[0] ?? []).map((each: ScopeName) => each.scope));
    }
  }
  return found;
}

async function* pagesOf(store: Store, space: string, scope: string): AsyncGenerator<[Key, RecordData][]> {
  let after: Key | null = null;
  for (;;) {
    const query: PageQuery = { kind: "page", scope, after, ...PAGE };
    const page: PageResult | undefined = (await store.read(space, [query]))?.results[0];
    if (page === undefined) return;
    yield page.runs.flatMap(({ collection, records }) =>
      (JSON.parse(`[${records}]`) as RecordData[]).map((data): [Key, RecordData] => [keyOf(collection, data.id), data]),
    );
    if (!page.more) return;
    after = page.last;
  }
}

async function recordAt(store: Store, space: string, key: Key): Promise<RecordData | null> {
  const answer = await store.read(space, [{ kind: "row", ...keyParts(key) }]);
  const row: Row | null | undefined = answer?.results[0];
  return row == null || row.text === null ? null : (JSON.parse(row.text) as RecordData);
}
