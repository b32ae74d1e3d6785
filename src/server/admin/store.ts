import { formatDigest } from "../../model/fingerprint.ts";
import { ALL } from "../../model/names.ts";
import type { Key } from "../../model/record.ts";
import type { StoreResponse } from "../../wire/admin.ts";
import type { Call, Core } from "../core.ts";
import { json } from "../encode.ts";
import { Questions, type Reader } from "../questions.ts";

/** Collections that are looked for: a server that takes any may have as many as its clients name. */
const COLLECTIONS = 500;
/** No id is greater: 256 bytes of the last character that there is. */
const LAST = "\u{10ffff}".repeat(64);

/** `GET …/store` (Y4), for admin: what the space holds and takes up, and how far back it can be asked. */
export async function showStore(core: Core, { request, space }: Call): Promise<Response> {
  const { store, settings } = core;
  const names = await collectionsIn(core, space);
  const questions = new Questions();
  const sums = names.map((name) => questions.ask({ kind: "fingerprint", scope: ALL, collections: [name] }));
  const answers = await questions.read(store, space);
  const { revision, time, horizon } = answers.head;
  const collections = names.map((collection, i) => {
    const { count, lanes } = answers.of(sums[i] as (typeof sums)[number]);
    return { collection, count, digest: formatDigest(lanes) };
  });
  const { journal, tombstones, outcomes } = settings.retention;
  const age = (ms: number) => (Number.isFinite(ms) ? ms : null);
  const response: StoreResponse = {
    space,
    revision,
    at: revision === 0 ? null : new Date(time).toISOString(),
    horizon: { journal: horizon.journal, tombstones: horizon.tombstones },
    collections,
    retention: { journal: age(journal), tombstones: age(tombstones), outcomes: age(outcomes) },
    bytes: await store.size(),
    disk: (await store.disk?.()) ?? null,
  };
  return json(request, response);
}

/** Those that hold a record, found by going from the end of each to the first record behind it. */
async function collectionsIn({ store }: Core, space: string): Promise<string[]> {
  const names: string[] = [];
  let after: Key | null = null;
  while (names.length < COLLECTIONS) {
    const name = await firstCollection(store, space, after);
    if (name === null) break;
    names.push(name);
    after = `${name}/${LAST}`;
  }
  return names;
}

/** That of the first record behind a key. */
async function firstCollection(store: Reader, space: string, after: Key | null): Promise<string | null> {
  const questions = new Questions();
  const place = questions.ask({ kind: "page", scope: ALL, after, limit: 1, bytes: 1 });
  const { runs } = (await questions.read(store, space)).of(place);
  return runs[0]?.collection ?? null;
}
