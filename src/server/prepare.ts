import type { Batch, Wanted } from "../model/batch.ts";
import { ALL } from "../model/names.ts";
import type { Rules } from "../model/push.ts";
import { type Key, keyOf, type RecordData } from "../model/record.ts";
import { rescope } from "../model/rescope.ts";
import type { Collections } from "../model/schema.ts";
import type { PageResult, Store } from "../store/store.ts";
import { sha256Hex } from "../util/sha256.ts";
import type { Core } from "./core.ts";
import { logFault } from "./problem.ts";
import { Questions } from "./questions.ts";

/** Records that one transaction moves between scopes. */
const STEP = 500;
const BYTES = 8_388_608;
/** Milliseconds until a store that failed at the start is tried again. */
const RETRY = 5_000;
/** Under this name a space's note says which `scopes` its memberships were made by. */
export const SCOPES_NOTE = "scopes";

type Parts = Pick<Core, "store" | "settings" | "clock" | "stopping" | "log"> & { rules(space: string): Rules };

/**
 * Makes the spaces that the configuration lists, carries out changes of `scopes` (C8), and adopts tables, before anything is
 * answered. Null where the server was told to end before that.
 */
export async function prepare<T>(parts: Parts, adopt: () => Promise<T>): Promise<T | null> {
  const { clock, stopping, log } = parts;
  while (!stopping.aborted) {
    try {
      await createListed(parts);
      for (const space of await parts.store.spaces()) await rescopeSpace(parts, space);
      return parts.stopping.aborted ? null : await adopt();
    } catch (error) {
      logFault(log, error, { work: "start" });
      await clock.sleep(RETRY, stopping);
    }
  }
  return null;
}

const NOTHING: Batch = { entries: [], rows: [], fingerprints: [], clients: [], outcomes: [] };

function wantedKeys(keys: Iterable<Key>, create: boolean): Wanted {
  return { keys: new Set(keys), authors: new Set(), outcomes: [], hashes: [], create };
}

async function createListed({ store, settings }: Parts): Promise<void> {
  const listed = [...(settings.spaces === "open" ? [] : settings.spaces), ...(settings.adopt?.keys() ?? [])];
  if (listed.length === 0) return;
  const there = new Set(await store.spaces());
  for (const space of new Set(listed)) {
    if (there.has(space)) continue;
    await store.write(space, wantedKeys([], true), () => NOTHING);
    await noteScopes(store, space, settings.collections);
  }
}

/** Notes by which functions the memberships of a space are made; a change of their text is a change of `scopes`. */
export async function noteScopes(store: Store, space: string, collections: Collections): Promise<void> {
  await store.setNote(space, SCOPES_NOTE, JSON.stringify(sourcesOf(collections)));
}

type Sources = { readonly [collection: string]: string };

function sourcesOf(collections: Collections): Sources {
  const entries = Object.entries(collections).map(([name, { scopes }]) => [name, sourceOf(scopes)] as const);
  return Object.fromEntries(entries);
}

function sourceOf(scopes: unknown): string {
  return scopes === undefined ? "" : sha256Hex(String(scopes)).slice(0, 32);
}

/** Moves the records of every collection whose `scopes` reads otherwise than when they were put there. */
async function rescopeSpace(parts: Parts, space: string): Promise<void> {
  const { store, settings, stopping } = parts;
  const now = sourcesOf(settings.collections);
  const before = JSON.parse((await store.note(space, SCOPES_NOTE)) ?? "{}") as Sources;
  const changed = Object.keys(now).filter((name) => (before[name] ?? "") !== now[name]);
  for (const collection of changed) {
    await rescopeCollection(parts, space, collection);
    if (stopping.aborted) return;
    // Collection by collection, so that a start that is broken off goes on where it was.
    Object.assign(before, { [collection]: now[collection] });
    await store.setNote(space, SCOPES_NOTE, JSON.stringify(before));
  }
}

async function rescopeCollection(
  { store, stopping, clock, log, rules }: Parts,
  space: string,
  collection: string,
): Promise<void> {
  let after: Key | null = null;
  let moved = 0;
  let failed = 0;
  for (let more = true; more && !stopping.aborted; ) {
    const page = await pageOf(store, space, collection, after);
    const keys = page.runs.flatMap(({ records }) => {
      return (JSON.parse(`[${records}]`) as RecordData[]).map(({ id }) => keyOf(collection, id));
    });
    const batch = await store.write(space, wantedKeys(keys, false), (loaded) => rescope(loaded, rules(space)));
    moved += batch?.rows.length ?? 0;
    failed += batch?.failed.length ?? 0;
    after = page.last;
    more = page.more;
    await clock.sleep(0);
  }
  log.info({ space, collection, moved, failed }, "the scopes of a collection changed: its records were moved");
}

async function pageOf(store: Store, space: string, collection: string, after: Key | null): Promise<PageResult> {
  const questions = new Questions();
  const place = questions.ask({
    kind: "page",
    scope: ALL,
    collections: [collection],
    after,
    limit: STEP,
    bytes: BYTES,
  });
  return (await questions.read(store, space)).of(place);
}
