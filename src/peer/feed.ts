import type { Local } from "../client/local.ts";
import type { Pending } from "../client/state.ts";
import type { JournalEntry } from "../model/entry.ts";
import { isOfLink, isWithin, writesOf } from "../model/link.ts";
import type { Mutation, Write } from "../model/mutation.ts";
import { originIn, ownOrigin } from "../model/origin.ts";
import { type Key, keyOf, type Origin, type Revision, type Row } from "../model/record.ts";
import type { Collections } from "../model/schema.ts";
import type { Store } from "../store/store.ts";
import { LIMITS } from "../wire/limits.ts";
import { originText } from "./conflicts.ts";
import { rowName } from "./names.ts";
import { baseAt } from "./place.ts";
import { keyOfWrite } from "./queue.ts";
import type { SpaceStore } from "./space-store.ts";

/** So many mutations wait in the client's queue at most; what comes behind them waits in the journal. */
const QUEUED = 500;
/** Entries that are read at a time. */
const SLICE = 100;

/** A mutation on its way into the queue. */
export type Queued = Omit<Pending, "seq" | "number">;

export interface FeedOptions {
  readonly store: Store;
  readonly space: string;
  readonly link: string;
  readonly scopes: readonly string[];
  readonly collections: Collections;
  /** Of this space, by which upstream is told where something was written; null: nothing is told. */
  readonly identity: string | null;
  readonly mirror: SpaceStore;
  readonly local: Local;
}

/** The journal has been cut behind the link's place: what was written there has to be found by comparing (S9). */
export class JournalCut extends Error {
  override name = "JournalCut";
  readonly horizon: Revision;
  constructor(horizon: Revision) {
    super(`the journal has been cut up to ${horizon}, where this link had not sent all of it`);
    this.horizon = horizon;
  }
}

/** Takes what is written here from the journal into the queue for upstream, each entry once and in order (S2). */
export class Feed {
  readonly #options: FeedOptions;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Queues what there is, as far as the queue has room; true where something was queued. */
  async feed(): Promise<boolean> {
    let queued = false;
    // Whether it wants to know authors is not known before it has answered, and nothing is sent before that.
    if (this.#options.local.toldAuthors === null) return false;
    for (;;) {
      const room = QUEUED - this.#options.local.unsettledCount;
      if (room <= 0) return queued;
      const done = await this.#options.local.gate.exclusive(() => this.#slice(Math.min(room, SLICE)));
      if (done === null) return queued;
      queued ||= done > 0;
    }
  }

  /** Whether there are entries that have not been looked at. */
  async hasMore(): Promise<boolean> {
    const { store, space, mirror } = this.#options;
    return ((await store.head(space))?.revision ?? 0) > mirror.space.place.taken;
  }

  /** How many mutations one slice queued; null: there was nothing left. */
  async #slice(limit: number): Promise<number | null> {
    const { store, space, mirror } = this.#options;
    const { place } = mirror.space;
    const answer = await store.read(space, [{ kind: "journal", after: place.taken, limit }]);
    if (answer === null || answer.results[0].length === 0) return null;
    const pending: Queued[] = [];
    let taken = place.taken;
    let part = place.part;
    for (const entry of answer.results[0]) {
      // Of what was cut at least the horizon's own entry is left, as a stub.
      if (entry.cut) throw new JournalCut(answer.head.horizon.journal);
      const mutations = await this.#mutationsOf(entry, pending);
      const rest = mutations.slice(part);
      const fits = rest.slice(0, limit - pending.length);
      const origin = this.#originOf(entry);
      pending.push(...fits.map((mutation) => queuedAs({ ...mutation, ...(origin && { origin }) }, entry)));
      if (fits.length < rest.length) {
        part += fits.length;
        break;
      }
      taken = entry.revision;
      part = 0;
    }
    await this.queue(pending, taken, part);
    return pending.length;
  }

  /** Queues mutations, and notes in the same transaction how far the journal has been followed. Inside the gate. */
  async queue(pending: readonly Queued[], taken: Revision, part: number): Promise<void> {
    const { local, mirror } = this.#options;
    for (const each of pending) await local.showBase(each);
    const { meta } = local;
    const numbered = pending.map((each, i): Pending => {
      // Under an id that is about to change, a number would be somebody else's (R3).
      return { ...each, seq: meta.nextSeq + i, number: meta.renew === null ? meta.issued + i + 1 : 0 };
    });
    const issued = meta.renew === null ? meta.issued + pending.length : meta.issued;
    await mirror.space.taking(taken, part, () =>
      pending.length === 0
        ? mirror.write({ notes: new Map() })
        : local.commit({ meta: { nextSeq: meta.nextSeq + pending.length, issued }, pending: numbered }),
    );
  }

  /** What an entry goes upstream as; nothing where it came from a link, or is of no record that this one is about. */
  async #mutationsOf(
    entry: JournalEntry & { readonly cut: false },
    before: readonly Queued[],
  ): Promise<Omit<Mutation, "id">[]> {
    if (isOfLink(entry.author)) return [];
    const { collections, mirror, local } = this.#options;
    const keys = entry.changes.map(({ change }) => keyOf(change.collection, change.id));
    const concerned = await this.#concerned(keys, entry.revision);
    const changes = entry.changes.flatMap(({ change }, i) => (concerned.has(keys[i] as Key) ? [change] : []));
    const { revision } = local.meta;
    const writes = writesOf(changes, collections).map((write): Write => {
      const key = keyOfWrite(write);
      // Who wrote it had not seen what upstream wrote since an earlier write to it that waits.
      const earlier = [...local.pending.values(), ...before].flatMap(({ mutation }) =>
        mutation.writes.filter((each) => keyOfWrite(each) === key).map((each) => each.base ?? mutation.base),
      );
      return { ...write, base: Math.min(baseAt(mirror.space.place, entry.revision, key, revision), ...earlier) };
    });
    const at = new Date(entry.time).toISOString();
    const mutations: Omit<Mutation, "id">[] = [];
    for (let i = 0; i < writes.length; i += LIMITS.writes) {
      const part = writes.slice(i, i + LIMITS.writes);
      mutations.push({ base: Math.max(...part.map(({ base = 0 }) => base)), at, writes: part });
    }
    return mutations;
  }

  /** Who wrote an entry, here or further down, where upstream wants to know it (S24). */
  #originOf({ author, revision, mutation, changes }: JournalEntry & { readonly cut: false }): Origin | undefined {
    const { identity, local } = this.#options;
    if (identity === null || local.toldAuthors !== true) return undefined;
    // A mutation from below has one author, so that all its changes have the same origin.
    const below = changes.find(({ change }) => change.origin !== undefined)?.change.origin;
    return originIn(below, null) ?? { server: identity, ...ownOrigin(author, revision, mutation) };
  }

  /** Those of the records that upstream has, or that were in the link's scopes when the entry was written. */
  async #concerned(keys: readonly Key[], revision: Revision): Promise<ReadonlySet<Key>> {
    const { store, space, link, scopes } = this.#options;
    if (keys.length === 0) return new Set();
    const names = keys.map((key) => rowName(link, key));
    const rows = keys.map((key) => {
      const cut = key.indexOf("/");
      return { kind: "row" as const, collection: key.slice(0, cut), id: key.slice(cut + 1) };
    });
    const answer = await store.read(space, [{ kind: "notes", names }, ...rows]);
    const [mirrored, ...here] = (answer?.results ?? [new Map()]) as [ReadonlyMap<string, string>, ...(Row | null)[]];
    return new Set(
      keys.filter((_, i) => {
        const row = here[i];
        return mirrored.has(names[i] as string) || (row != null && isWithin(row.scopes, scopes, revision - 1));
      }),
    );
  }
}

function queuedAs(mutation: Omit<Mutation, "id">, { revision, author }: JournalEntry & { readonly cut: false }) {
  const call = originText({ revision, author });
  return { call, mutation, outcome: null, under: null, held: false, refused: null };
}
