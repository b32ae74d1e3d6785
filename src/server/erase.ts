import { z } from "zod";
import type { Batch } from "../model/batch.ts";
import { Lacking, wantedOf } from "../model/decide.ts";
import { eraseRecords } from "../model/erase.ts";
import type { Rejection } from "../model/mutation.ts";
import { idFlaw, nameFlaw } from "../model/names.ts";
import type { Rules } from "../model/push.ts";
import { authorOf, type Key, keyOf } from "../model/record.ts";
import { RowBusy } from "../store/adopt.ts";
import type { ErasureOrder, Store } from "../store/store.ts";
import { toHex } from "../util/sha256.ts";
import type { ErasePlace, EraseResponse } from "../wire/erase.ts";
import { Problem } from "../wire/problem.ts";
import { readJson } from "./body.ts";
import type { Call, Core } from "./core.ts";
import { json } from "./encode.ts";
import { type Erasure, erasureName, erasureOf } from "./erasures.ts";
import { isReserved } from "./identity.ts";
import { unknownSpace } from "./questions.ts";
import { parsed } from "./requests/parts.ts";

/** The client in whose name an erasure stands in the journal, beside who ordered it. */
const CLIENT = "erase";
/** Attempts to decide, each with the descendants that the one before lacked. */
const ATTEMPTS = 6;
/** More than there are: an order that was given has to be possible, however many descendants move (M8). */
const DESCENDANTS = 1_000_000_000;
/** Looks for what keeps values beside the records: whoever writes meanwhile may have made more. */
const LOOKS = 20;

export interface RecordName {
  readonly space: string;
  readonly collection: string;
  readonly id: string;
}

/** What keeps values of records beside them, in notes and files of its own, and how they are found. */
export interface Traces {
  find(store: Store, record: RecordName): Promise<Traced>;
}

export interface Traced {
  /** Notes that go, or of which this is left. */
  readonly notes: ReadonlyMap<string, string | null>;
  /** What was found, for people. */
  readonly places: readonly ErasePlace[];
  /** Whose record it is, where it would come again from there: it has to be erased there. */
  readonly owner?: string;
  /** Takes it out of files; before the notes go, by which they are found. */
  clean?(): Promise<void>;
}

export type Erasing = Pick<Core, "store" | "pages" | "clock"> & {
  readonly traces: readonly Traces[];
  rules(space: string): Rules;
};

/** Carries out one order, as often as it is given: what is erased already stays so (K2). */
export async function carryOut(parts: Erasing, order: ErasureOrder): Promise<ErasePlace[]> {
  const { store, pages } = parts;
  const places = new Map<string, number>();
  const count = (found: readonly ErasePlace[]) => {
    for (const { place, count } of found) places.set(place, (places.get(place) ?? 0) + count);
  };
  let traced = await tracedIn(parts, order);
  for (const { places } of traced) count(places);
  for (const { clean } of traced) await clean?.();
  const history = await changesOf(store, order);
  const erasure = await write(parts, order, traced);
  for (let look = 0; look < LOOKS; look++) {
    traced = (await tracedIn(parts, order)).filter(({ notes }) => notes.size > 0);
    if (traced.length === 0) break;
    for (const { clean } of traced) await clean?.();
    await store.write(order.space, { ...wantedOf([], parts.rules(order.space), false) }, () => {
      return { entries: [], rows: [], fingerprints: [], clients: [], outcomes: [], notes: notesOf(traced) };
    });
  }
  pages.clear(order.space);
  await store.rewrite();
  await store.setNote(order.space, erasureName(order.order), JSON.stringify({ ...erasure, done: true }));
  return [...history, ...[...places].map(([place, count]) => ({ place, count }))];
}

async function tracedIn({ store, traces }: Erasing, record: RecordName): Promise<Traced[]> {
  const found: Traced[] = [];
  for (const each of traces) found.push(await each.find(store, record));
  return found;
}

function notesOf(traced: readonly Traced[]): Map<string, string | null> {
  return new Map(traced.flatMap(({ notes }) => [...notes]));
}

async function changesOf(store: Store, { space, collection, id }: RecordName): Promise<ErasePlace[]> {
  const answer = await store.read(space, [
    { kind: "row", collection, id },
    { kind: "history", collection, id, limit: Number.MAX_SAFE_INTEGER },
  ]);
  const [row = null, items = []] = answer?.results ?? [];
  const found = [
    { place: "data", count: row === null || row.text === null ? 0 : 1 },
    { place: "journal", count: items.filter(({ erased }) => erased !== true).length },
  ];
  return found.filter(({ count }) => count > 0);
}

/** The revision by which it travels. Where the record never was there is none, and only notes go. */
async function write(parts: Erasing, order: ErasureOrder, traced: readonly Traced[]): Promise<Erasure> {
  const { store } = parts;
  const { space, author } = order;
  const key = keyOf(order.collection, order.id);
  let lacking: ReadonlySet<Key> = new Set([key]);
  for (let attempt = 1; ; attempt++) {
    const own = parts.rules(space);
    const rules = { ...own, limits: { ...own.limits, descendants: DESCENDANTS } };
    const wanted = { ...wantedOf([], rules, false, lacking), keys: new Set([key]) };
    try {
      const batch = await store.write(space, wanted, (loaded): Batch & { erasure: Erasure } => {
        const erased = eraseRecords(loaded, [key], { author, mutation: 0 }, rules);
        if ("rejected" in erased) throw new Refused(erased.rejected);
        const erasure = erasureOf(loaded, key, erased);
        const notes = new Map([...notesOf(traced), [erasureName(order.order), JSON.stringify(erasure)] as const]);
        return { ...erased, notes, erasure };
      });
      if (batch === null) throw unknownSpace();
      return batch.erasure;
    } catch (error) {
      if (error instanceof RowBusy) throw new Problem("unavailable", error.message, { retryAfter: 1 });
      if (error instanceof Refused)
        throw new Problem("invalid", `it cannot be deleted: ${error.message}`, { path: "id" });
      if (!(error instanceof Lacking) || attempt === ATTEMPTS) throw error;
      lacking = new Set([...lacking, ...error.families]);
    }
  }
}

class Refused extends Error {
  override name = "Refused";
  constructor({ message }: Rejection) {
    super(message);
  }
}

export const eraseBody = z.object({ collection: z.string(), id: z.string() });

/** `POST …/erase` (K2): removes a record for good, wherever it went, for admin. */
export async function erase(core: Core, { request, space, user }: Call): Promise<Response> {
  const { collection, id } = parsed(eraseBody, await readJson(request, core.settings.limits));
  const flaw = nameFlaw(collection) ?? idFlaw(id);
  if (flaw !== null) throw new Problem("invalid", flaw, { path: nameFlaw(collection) === null ? "id" : "collection" });
  if (isReserved(space)) {
    throw new Problem("invalid", "accounts are not erased so: delete the user, and cut the journal", { path: "space" });
  }
  const { store, clock, random } = core;
  if ((await store.head(space)) === null) throw unknownSpace();
  for (const { owner } of await tracedIn(core.erasing, { space, collection, id })) {
    if (owner === undefined) continue;
    throw new Problem("invalid", `the record comes from ${owner}: erase it there, from where it travels here`, {
      path: "id",
    });
  }
  const order: ErasureOrder = {
    order: toHex(random.bytes(16)),
    space,
    collection,
    id,
    time: clock.now(),
    author: authorOf(user.id, CLIENT),
  };
  // The order is durable before anything of it is done, so that whoever dies now carries it out later.
  await store.order(order);
  const removed = await carryOut(core.erasing, order);
  const head = await store.head(space);
  const response: EraseResponse = { collection, id, order: order.order, revision: head?.revision ?? 0, removed };
  return json(request, response);
}
