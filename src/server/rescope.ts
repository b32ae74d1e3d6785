import { NOTHING_WANTED, type Wanted } from "../model/batch.ts";
import { ancestry, heredityOf, parentOf } from "../model/inherit.ts";
import { ALL } from "../model/names.ts";
import type { Rules } from "../model/push.ts";
import { type Key, keyOf, type RecordData } from "../model/record.ts";
import { byDescent, rescope, setApart } from "../model/rescope.ts";
import { type Collections, collectionOf } from "../model/schema.ts";
import type { PageResult, Store } from "../store/store.ts";
import { sha256Hex } from "../util/sha256.ts";
import type { Core } from "./core.ts";
import { Questions } from "./questions.ts";

/** Records that one transaction moves between scopes. */
const STEP = 500;
const BYTES = 8_388_608;
/** Under this name a space's note says which `scopes` its memberships were made by. */
export const SCOPES_NOTE = "scopes";

export type Parts = Pick<Core, "store" | "settings" | "clock" | "stopping" | "log"> & { rules(space: string): Rules };

/** Notes by which functions the memberships of a space are made; a change of their text is a change of `scopes`. */
export async function noteScopes(store: Store, space: string, collections: Collections): Promise<void> {
  await store.setNote(space, SCOPES_NOTE, scopesNote(collections));
}

export function scopesNote(collections: Collections): string {
  return JSON.stringify(sourcesOf(collections));
}

type Sources = { readonly [collection: string]: string };

function sourcesOf(collections: Collections): Sources {
  return Object.fromEntries(Object.keys(collections).map((name) => [name, sourceOf(collections, name)]));
}

/** Who inherits is moved also where the scopes of an ancestor change. */
function sourceOf(collections: Collections, name: string): string {
  const texts = ancestry(collections, name).map((each) => textOf(collectionOf(collections, each)?.scopes));
  return texts.length === 1 && texts[0] === "" ? "" : sha256Hex(texts.join("\n")).slice(0, 32);
}

function textOf(scopes: Collections[string]["scopes"]): string {
  if (typeof scopes !== "object") return scopes === undefined ? "" : String(scopes);
  return `inherit ${scopes.atom} ${scopes.from} ${scopes.otherwise ?? ""}`;
}

/** Moves the records of every collection whose `scopes` reads otherwise than when they were put there. */
export async function rescopeSpace(parts: Parts, space: string): Promise<void> {
  const { store, rules, stopping } = parts;
  const { collections } = rules(space);
  const now = sourcesOf(collections);
  const before = JSON.parse((await store.note(space, SCOPES_NOTE)) ?? "{}") as Sources;
  const changed = (name: string) => (before[name] ?? "") !== now[name];
  for (const group of groupsOf(collections)) {
    if (!group.some(changed)) continue;
    await rescopeGroup(parts, space, group);
    if (stopping.aborted) return;
    // Group by group, so that a start that is broken off goes on where it was.
    for (const name of group) Object.assign(before, { [name]: now[name] });
    await store.setNote(space, SCOPES_NOTE, JSON.stringify(before));
  }
}

/** The collections, parents before those that inherit from them; those that inherit from each other are together. */
function groupsOf(collections: Collections): string[][] {
  const { circular } = heredityOf(collections);
  const groups: string[][] = [];
  const done = new Set<string>();
  for (const name of Object.keys(collections)) {
    const line = ancestry(collections, name).filter((each) => !done.has(each));
    const circle = line.filter((each) => circular.has(each));
    if (circle.length > 0) groups.push(circle);
    for (const each of line.reverse()) if (!circular.has(each)) groups.push([each]);
    for (const each of line) done.add(each);
  }
  return groups;
}

async function rescopeGroup(parts: Parts, space: string, group: readonly string[]): Promise<void> {
  const { store, stopping, clock, log, rules } = parts;
  const circular = heredityOf(rules(space).collections).circular.has(group[0] as string);
  let moved = 0;
  let failed = 0;
  for await (const { keys, parents, apart } of circular
    ? descending(parts, space, group)
    : inOrder(parts, space, group)) {
    if (stopping.aborted) return;
    const wanted = wantedKeys([...keys, ...parents], false);
    const batch = apart
      ? await store.write(space, wanted, (loaded) => ({ ...setApart(loaded, keys, rules(space)), failed: keys }))
      : await store.write(space, wanted, (loaded) => rescope(loaded, keys, rules(space)));
    moved += batch?.rows.length ?? 0;
    failed += batch?.failed.length ?? 0;
    await clock.sleep(0);
  }
  const collection = group.join(", ");
  log.info({ space, collection, moved, failed }, "the scopes of a collection changed: its records were moved");
}

export function wantedKeys(keys: Iterable<Key>, create: boolean): Wanted {
  return { ...NOTHING_WANTED, keys: new Set(keys), create };
}

/** Records to move in one transaction, and those that they inherit from. */
interface Chunk {
  readonly keys: readonly Key[];
  readonly parents: readonly Key[];
  /** They are their own ancestors. */
  readonly apart: boolean;
}

/** The records as they lie: their parents are in place already. */
async function* inOrder(parts: Parts, space: string, group: readonly string[]): AsyncGenerator<Chunk> {
  for await (const links of linksOf(parts, space, group)) {
    yield { keys: links.map(([key]) => key), parents: links.flatMap(([, parent]) => parent ?? []), apart: false };
  }
}

/** Parents before their children, of records that inherit from records of the same kind. Keeps all their keys in memory. */
async function* descending(parts: Parts, space: string, group: readonly string[]): AsyncGenerator<Chunk> {
  const parents = new Map<Key, Key | null>();
  for await (const links of linksOf(parts, space, group)) for (const [key, parent] of links) parents.set(key, parent);
  const { order, apart } = byDescent(parents);
  for (const [keys, isApart] of [
    [[...apart], true],
    [order, false],
  ] as const) {
    for (let i = 0; i < keys.length; i += STEP) {
      const chunk = keys.slice(i, i + STEP);
      yield { keys: chunk, parents: isApart ? [] : chunk.flatMap((key) => parents.get(key) ?? []), apart: isApart };
    }
  }
}

async function* linksOf(
  { store, rules }: Parts,
  space: string,
  group: readonly string[],
): AsyncGenerator<[Key, Key | null][]> {
  const { collections } = rules(space);
  let after: Key | null = null;
  for (let more = true; more; ) {
    const page: PageResult = await pageOf(store, space, group, after);
    yield page.runs.flatMap(({ collection, records }) => {
      const options = collectionOf(collections, collection) ?? {};
      return (JSON.parse(`[${records}]`) as RecordData[]).map((data): [Key, Key | null] => [
        keyOf(collection, data.id),
        parentOf(options, data),
      ]);
    });
    after = page.last;
    more = page.more;
  }
}

async function pageOf(store: Store, space: string, collections: readonly string[], after: Key | null) {
  const questions = new Questions();
  const place = questions.ask({ kind: "page", scope: ALL, collections, after, limit: STEP, bytes: BYTES });
  return (await questions.read(store, space)).of(place);
}
