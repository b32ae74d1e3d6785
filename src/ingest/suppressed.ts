import { createHmac } from "node:crypto";
import { NOTHING_WANTED, NOTHING_WRITTEN } from "../model/batch.ts";
import type { Store } from "../store/store.ts";
import type { Random } from "../util/random.ts";
import { toHex } from "../util/sha256.ts";
import type { EntityReader } from "./entities.ts";
import { INGEST, rootOf, under } from "./names.ts";

/** The space's key, by which nobody else can tell from a suppression whom it is about. */
export const SUPPRESSION_KEY = `${INGEST}suppression-key`;
const MANY = 1_000_000;

/**
 * Source records that were erased and do not come in again (K8). Of each a note is kept under a digest of its key, that holds a
 * digest of the record that it was part of, so that who names the record can lift it.
 */
export function suppressionNote(key: string, root: string, name: string): string {
  return `${root}suppressed/${digest(key, [root, name])}`;
}

function digest(key: string, parts: readonly string[]): string {
  return createHmac("sha256", key).update(JSON.stringify(parts)).digest("hex");
}

export async function suppressionKey(reader: Pick<EntityReader, "notes">): Promise<string | null> {
  return (await reader.notes([SUPPRESSION_KEY])).get(SUPPRESSION_KEY) ?? null;
}

/** The key of a space, made where there is none: never anew, since with it all suppressions would be lost. */
export async function madeSuppressionKey(store: Store, space: string, random: Random): Promise<string> {
  const made = toHex(random.bytes(32));
  const done = await store.write(space, { ...NOTHING_WANTED, notes: [SUPPRESSION_KEY] }, ({ notes }) => {
    const key = notes?.get(SUPPRESSION_KEY);
    if (key !== undefined) return { ...NOTHING_WRITTEN, key };
    return { ...NOTHING_WRITTEN, notes: new Map([[SUPPRESSION_KEY, made]]), key: made };
  });
  return done?.key ?? made;
}

/** Of these source records of a stream, those that are suppressed. */
export async function suppressedOf(
  reader: Pick<EntityReader, "notes">,
  root: string,
  names: readonly string[],
  key: string | null,
): Promise<ReadonlySet<string>> {
  if (key === null) return new Set();
  const of = new Map(names.map((name) => [suppressionNote(key, root, name), name]));
  const there = await reader.notes([...of.keys()]);
  return new Set([...there.keys()].map((note) => of.get(note) as string));
}

/** The notes by which the source records of an erased record are suppressed from now on. */
export async function suppressing(
  reader: Pick<EntityReader, "notes">,
  root: string,
  names: readonly string[],
  { key, collection, id }: { readonly key: string; readonly collection: string; readonly id: string },
): Promise<Map<string, string>> {
  const known = await suppressedOf(reader, root, names, key);
  const about = digest(key, [collection, id]);
  return new Map(
    names.filter((name) => !known.has(name)).map((name) => [suppressionNote(key, root, name), about] as const),
  );
}

/** Lets the source records of an erased record come in again, of all these streams. Gives how many were suppressed. */
export async function lift(
  store: Store,
  space: string,
  tasks: readonly string[],
  { collection, id }: { readonly collection: string; readonly id: string },
): Promise<number> {
  const key = await store.note(space, SUPPRESSION_KEY);
  if (key === null) return 0;
  const about = digest(key, [collection, id]);
  const notes = new Map<string, null>();
  for (const task of tasks) {
    const query = { kind: "notes-between", ...under(`${rootOf(task)}suppressed/`), limit: MANY } as const;
    const found = (await store.read(space, [query]))?.results[0] ?? [];
    for (const [name, text] of found) if (text === about) notes.set(name, null);
  }
  if (notes.size > 0) await store.write(space, NOTHING_WANTED, () => ({ ...NOTHING_WRITTEN, notes }));
  return notes.size;
}
