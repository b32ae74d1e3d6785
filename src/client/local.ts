import { EMPTY } from "../model/fingerprint.ts";
import type { Outcome } from "../model/mutation.ts";
import type { Key, RecordData, Revision } from "../model/record.ts";
import type { Collections } from "../model/schema.ts";
import type { Clock } from "../util/clock.ts";
import type { Json } from "../util/json.ts";
import { type Random, randomName } from "../util/random.ts";
import { ClientError } from "./errors.ts";
import type { Emitter } from "./events.ts";
import { Gate } from "./gate.ts";
import { learn } from "./known.ts";
import {
  type CopyProgress,
  KNOWN,
  loadState,
  META,
  type Meta,
  noteOf,
  type Past,
  type Pending,
  pendingNote,
  SETTLED,
  type Settled,
  type Subscription,
  settledNote,
  subscriptionNote,
} from "./state.ts";
import type { Adopted, Batch, ClientStore, Opened, Row } from "./store/store.ts";
import { keyOfWrite, View } from "./view.ts";

function newMeta(space: string, random: Random, pending: readonly Pending[]): Meta {
  return {
    space,
    client: randomName(random),
    principal: null,
    revision: 0,
    issued: pending.length,
    acked: 0,
    was: null,
    renew: null,
    nextSubscription: 1,
    nextSeq: 1 + pending.reduce((most, { seq }) => Math.max(most, seq), 0),
  };
}

/** A queue whose client id was lost with the rest of a damaged store: it is sent under the new one. */
function renumbered(pending: readonly Pending[]): Pending[] {
  return pending.map((each, i) => ({ ...each, number: i + 1, outcome: null, under: null, held: false }));
}

/** What makes every subscription a copy again, whatever is held. */
export function emptied(subscriptions: readonly Subscription[]): Change {
  return {
    wipe: true,
    unstage: subscriptions.map(({ number }) => number),
    subscriptions: subscriptions.map((each) => ({
      ...each,
      cursor: null,
      revision: null,
      staging: null,
      fingerprint: EMPTY,
    })),
  };
}

/** One change of all that is local: it is written, adopted and shown as a whole, or not at all. */
export interface Change
  extends Pick<Batch, "unstage" | "wipe" | "adopt" | "rows" | "ends" | "stage" | "erased" | "lazy"> {
  readonly meta?: Partial<Meta> | undefined;
  /** A place in the history that has just been reached. */
  readonly reached?: Past | undefined;
  /** Replaces the list of places (a restored server has lost some). */
  readonly known?: readonly Past[];
  readonly subscriptions?: readonly Subscription[] | undefined;
  /** Subscriptions that end. Their rows are the caller's to take out. */
  readonly dropped?: readonly number[];
  /** A new mutation, the last in the queue; the view knows the base's rows of it. */
  readonly added?: Pending;
  /** Mutations that stand otherwise than before, or are offered again. */
  readonly pending?: readonly Pending[] | undefined;
  /** Mutations that leave the queue, with their outcomes: they are over (W9). Kept for R2 unless said otherwise. */
  readonly settled?:
    | readonly { readonly pending: Pending; readonly outcome: Outcome; readonly keep?: false }[]
    | undefined;
  /** Local numbers of settled mutations that are no longer kept. */
  readonly forgotten?: readonly number[] | undefined;
}

type Rows = ReadonlyMap<Key, Row | null>;
const NONE: Rows = new Map();

/** How long a settled mutation is kept, in case that the server loses it (R2), in milliseconds. */
const KEPT = 24 * 3_600_000;
/** How often those that have been kept long enough are looked for, and how many go at a time. */
const SWEEP = { every: 600_000, most: 1_000 };

/** Told of each mutation that is over, after it has left the view. */
type OnSettled = (pending: Pending, outcome: Outcome) => void;

/**
 * All that a client holds on the device: the store, what of it is kept in memory, and the view. It is changed by
 * `commit` alone, inside `gate.exclusive`; what is in memory changes only after the store has written.
 */
export class Local {
  readonly gate = new Gate();
  readonly events: Emitter;
  readonly view: View;
  readonly store: ClientStore;
  readonly clock: Clock;
  meta: Meta;
  readonly subscriptions = new Map<number, Subscription>();
  /** By local number, in that order. */
  pending = new Map<number, Pending>();
  known: readonly Past[] = [];
  /** Whether the server is asked who wrote what, and whether it said so at last; null: it has not answered (S24). */
  readonly asksAuthors: boolean;
  toldAuthors: boolean | null = null;
  /** Copies of more than a page that are under way, by the keys of their subscriptions. Replaced with each change (C15). */
  copies: { readonly [key: string]: CopyProgress } = {};
  /** Observers that are looking at a change. */
  readonly #looking = new Set<Promise<void>>();
  /** How often the base has changed. */
  changes = 0;
  readonly #watchers = new Set<() => void>();
  #unsettled = 0;
  /** When settled mutations were last looked through. */
  #swept = 0;
  readonly #onSettled: OnSettled;

  private constructor(parts: {
    store: ClientStore;
    clock: Clock;
    events: Emitter;
    meta: Meta;
    view: View;
    onSettled: OnSettled;
    asksAuthors?: boolean;
  }) {
    this.store = parts.store;
    this.clock = parts.clock;
    this.events = parts.events;
    this.meta = parts.meta;
    this.view = parts.view;
    this.#onSettled = parts.onSettled;
    this.asksAuthors = parts.asksAuthors === true;
  }

  static async open(options: {
    store: ClientStore;
    clock: Clock;
    random: Random;
    events: Emitter;
    space: string;
    collections: Collections;
    onSettled: OnSettled;
    asksAuthors?: boolean;
  }): Promise<Opened & { local: Local }> {
    const { store, space } = options;
    const opened = await store.open();
    const state = await loadState(store);
    if (state.meta !== null && state.meta.space !== space) {
      throw new ClientError(
        "other-space",
        `this store belongs to the space ${state.meta.space}; open another store for ${space}`,
      );
    }
    const meta = state.meta ?? newMeta(space, options.random, state.pending);
    const local = new Local({ ...options, meta, view: new View(options.collections) });
    for (const each of state.subscriptions) {
      local.subscriptions.set(each.number, each);
      local.#noteCopy(each);
    }
    for (const each of state.pending) local.pending.set(each.seq, each);
    local.#unsettled = local.unsettled().length;
    local.known = state.known;
    await local.#show();
    // The client id must be durable before the server hears of it, else a restart would issue its numbers again.
    if (state.meta === null) await local.commit({ meta, pending: renumbered(state.pending) });
    if (opened.damage !== null) await local.commit(emptied([...local.subscriptions.values()]));
    return { local, ...opened };
  }

  /** Writes a change, adopts it, shows it. */
  async commit(change: Change): Promise<void> {
    const meta = change.meta === undefined ? this.meta : { ...this.meta, ...change.meta };
    const known = change.known ?? (change.reached === undefined ? this.known : learn(this.known, change.reached));
    const notes = this.#notes(change, meta, known);
    const { unstage, wipe, adopt, rows, ends, stage, erased, lazy = false } = change;
    if (erased !== undefined) await this.#eraseSettled(erased, notes);
    const arriving = adopt === undefined ? rows : await this.#arriving(adopt, rows);
    const moves = wipe === true || adopt !== undefined || rows !== undefined;
    if (moves || unstage !== undefined || stage !== undefined || erased !== undefined || notes.size > 0) {
      await this.store.write({ unstage, wipe, adopt, rows, ends, stage, notes, erased, lazy });
    }
    if (moves) this.changes++;
    this.meta = meta;
    this.known = known;
    for (const each of change.subscriptions ?? []) {
      this.subscriptions.set(each.number, each);
      this.#noteCopy(each);
    }
    for (const number of change.dropped ?? []) {
      this.#noteCopy({ key: this.subscriptions.get(number)?.key ?? "", staging: null });
      this.subscriptions.delete(number);
    }
    const relaid = this.#relays(change);
    this.#adoptQueue(change);
    this.#showChange(change, arriving ?? NONE, relaid);
    for (const { pending, outcome } of change.settled ?? []) this.#onSettled(pending, outcome);
    if (change.dropped !== undefined || change.subscriptions?.some(({ revoked }) => revoked)) this.tellSubscriptions();
  }

  #noteCopy({ key, staging, copied }: Pick<Subscription, "key" | "staging" | "copied">): void {
    if (staging === "copy" && copied) this.copies = { ...this.copies, [key]: copied };
    else if (Object.hasOwn(this.copies, key)) {
      const { [key]: _, ...rest } = this.copies;
      this.copies = rest;
    }
  }

  /** Local numbers of settled mutations that have been kept long enough. */
  async outlived(): Promise<number[]> {
    const now = this.clock.now();
    if (Math.abs(now - this.#swept) < SWEEP.every) return [];
    this.#swept = now;
    const oldest = (await this.store.notes(SETTLED, SWEEP.most)).map(([, note]) => note as unknown as Settled);
    return oldest.filter(({ time }) => time < now - KEPT).map(({ seq }) => seq);
  }

  /** Makes a damaged store anew, with what of its notes can still be read, and nothing held. */
  async rebuild(): Promise<void> {
    await this.store.close();
    await this.store.open();
    const state = await loadState(this.store);
    // What was lost of the notes is still in memory.
    const subscriptions = [...this.subscriptions.values()];
    const pending = new Map([...state.pending, ...this.pending.values()].map((each) => [each.seq, each]));
    await this.store.write({ notes: new Map([[META, noteOf(this.meta)]]) });
    await this.commit({ ...emptied(subscriptions), pending: [...pending.values()] });
  }

  /** An observer looks at a change; `told` waits for it. */
  look(looking: Promise<void>): void {
    const over = looking.then(() => void this.#looking.delete(over));
    this.#looking.add(over);
  }

  /** Resolves when every observer has been told of all that is shown now. Never awaited inside the gate. */
  async told(): Promise<void> {
    await Promise.all(this.#looking);
  }

  /** Subscriptions may have become complete, or have ended: whoever waits for one looks. */
  tellSubscriptions(): void {
    for (const listener of [...this.#watchers]) listener();
  }

  /** Calls the listener then, until the returned function is called. */
  onSubscriptions(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  subscriptionOf(key: string): Subscription | undefined {
    for (const each of this.subscriptions.values()) if (each.key === key) return each;
    return undefined;
  }

  /** How many mutations have no outcome. */
  get unsettledCount(): number {
    return this.#unsettled;
  }

  /** Mutations without an outcome, in their order. */
  unsettled(): Pending[] {
    return [...this.pending.values()].filter(({ outcome }) => outcome === null);
  }

  async read(key: Key): Promise<RecordData | null> {
    const over = this.view.over(key);
    if (over !== undefined) return over;
    return (await this.store.get([key]))[0]?.data ?? null;
  }

  /** The greatest revision among the subscriptions that hold the record, 0 if none does (W1). */
  baseOf(row: Row | undefined): Revision {
    let base = 0;
    for (const number of row?.holders ?? []) base = Math.max(base, this.subscriptions.get(number)?.revision ?? 0);
    return base;
  }

  #notes(change: Change, meta: Meta, known: readonly Past[]): Map<string, Json | null> {
    const notes = new Map<string, Json | null>();
    if (meta !== this.meta) notes.set(META, noteOf(meta));
    if (known !== this.known) notes.set(KNOWN, noteOf(known));
    for (const each of change.subscriptions ?? []) notes.set(subscriptionNote(each.number), noteOf(each));
    for (const number of change.dropped ?? []) notes.set(subscriptionNote(number), null);
    for (const seq of change.forgotten ?? []) notes.set(settledNote(seq), null);
    for (const each of change.pending ?? []) notes.set(pendingNote(each.seq), noteOf(each));
    if (change.added !== undefined) notes.set(pendingNote(change.added.seq), noteOf(change.added));
    const time = this.clock.now();
    for (const { pending, outcome, keep } of change.settled ?? []) {
      const { seq, call, number, mutation, under } = pending;
      const client = under ?? this.meta.client;
      const settled: Settled = { seq, ...(call !== undefined && { call }), client, number, mutation, outcome, time };
      notes.set(pendingNote(seq), null);
      if (keep !== false) notes.set(settledNote(seq), noteOf(settled));
    }
    return notes;
  }

  /** What is kept in case that the server loses it holds no writes to records that were erased: they are not offered again. */
  async #eraseSettled(erased: readonly Key[], notes: Map<string, Json | null>): Promise<void> {
    const gone = new Set(erased);
    const kept = (await this.store.notes(SETTLED)).filter(([name]) => !notes.has(name));
    for (const [name, note] of [...kept, ...notes]) {
      if (!name.startsWith(SETTLED) || note === null) continue;
      const settled = note as unknown as Settled;
      const writes = settled.mutation.writes.filter((write) => !gone.has(keyOfWrite(write)));
      if (writes.length === settled.mutation.writes.length) continue;
      const left: Settled = { ...settled, mutation: { ...settled.mutation, writes } };
      notes.set(name, writes.length === 0 ? null : noteOf(left));
    }
  }

  #adoptQueue(change: Change): void {
    for (const { pending } of change.settled ?? []) this.pending.delete(pending.seq);
    const count = this.pending.size;
    for (const each of change.pending ?? []) this.pending.set(each.seq, each);
    // What is offered again stands where it was, before what has been made since.
    if (this.pending.size > count) this.pending = new Map([...this.pending].sort(([a], [b]) => a - b));
    if (change.added !== undefined) {
      this.pending.set(change.added.seq, change.added);
      this.#unsettled++;
    }
    if (change.pending !== undefined || change.settled !== undefined) this.#unsettled = this.unsettled().length;
  }

  /** The rows of a change; of lines taken over as they are, those that pending mutations touch. */
  async #arriving(adopt: readonly Adopted[], rows: Rows = NONE): Promise<Rows> {
    const keys = [...this.view.known].filter((key) => !rows.has(key));
    const arriving = new Map(rows);
    for (const row of await this.store.stagedRows(adopt, keys)) if (row !== undefined) arriving.set(row.key, row);
    return arriving;
  }

  /** Whether mutations lie otherwise over the base than before: an outcome alone changes nothing of what is shown. */
  #relays({ adopt, rows, wipe, settled = [], pending = [] }: Change): boolean {
    if (adopt !== undefined || rows !== undefined || wipe || settled.length > 0) return true;
    return pending.some((after) => {
      const before = this.pending.get(after.seq);
      return before?.mutation !== after.mutation || before.held !== after.held || before.refused !== after.refused;
    });
  }

  #showChange(change: Change, arriving: Rows, relaid: boolean): void {
    const { added } = change;
    if (relaid) {
      const keys = change.wipe || change.adopt ? null : new Set<Key>(change.rows?.keys());
      for (const key of this.view.touched) keys?.add(key);
      this.view.rebase(arriving, change.wipe === true);
      this.view.rebuild(this.pending.values());
      for (const key of this.view.touched) keys?.add(key);
      this.events.emit("change", { keys });
    } else if (added !== undefined) {
      this.view.add(added);
      this.events.emit("change", { keys: new Set(added.mutation.writes.map(keyOfWrite)) });
    }
  }

  /** Lays the queue over the base anew, from the store. */
  async #show(): Promise<void> {
    for (const each of this.pending.values()) await this.showBase(each);
    this.view.rebuild(this.pending.values());
  }

  /** Lets the view know the base's records that a mutation touches. */
  async showBase({ mutation }: Pick<Pending, "mutation">): Promise<ReadonlyMap<Key, Row | undefined>> {
    const keys = [...new Set(mutation.writes.map(keyOfWrite))];
    const rows = await this.store.get(keys);
    const found = new Map(keys.map((key, i) => [key, rows[i]]));
    this.view.know(found);
    return found;
  }
}
