import { Interrupted } from "../client/errors.ts";
import { rowsOf } from "../client/replica.ts";
import { META, type Meta, noteOf, type Pending, type Settled, type Subscription } from "../client/state.ts";
import { after as nextKey } from "../client/store/rows.ts";
import type {
  Adopted,
  Batch as ClientBatch,
  ClientStore,
  Content,
  RecordLine,
  Row,
  Span,
} from "../client/store/store.ts";
import type { MirrorChange } from "../model/link.ts";
import { type Origins, originsFrom } from "../model/origin.ts";
import { type Key, keyParts, type Revision } from "../model/record.ts";
import { doneName } from "../server/erase.ts";
import type { Held, Intake } from "../server/identity.ts";
import type { NoteRange, Store } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import { canonical, type Json } from "../util/json.ts";
import type { Lost } from "./conflicts.ts";
import { lostOf } from "./conflicts.ts";
import { nameable, rowOf, textOf } from "./mirrored.ts";
import { asideName, clientName, partialName, rowName, under } from "./names.ts";
import { byKey, keyOfWrite, settledIn } from "./queue.ts";
import { Space, type SpaceOptions } from "./space.ts";
import { Staging } from "./staging.ts";
import { type Change, leftOver, type Rows, takeIn } from "./take-in.ts";
import { linkTraces } from "./traces.ts";

/** Records that one transaction takes in. A delta of more is several revisions, and the checkpoint moves with the last. */
const STEP = 5_000;
const SCANNED = 1_000;

/**
 * A server's space as a client's store: a link is a client that keeps its replica here. What it holds of upstream, the
 * mirror, lies in the space's notes, and each write to it makes the space follow in the same transaction, so that records,
 * journal and checkpoint are never apart, whoever dies when (S1).
 */
export class SpaceStore implements ClientStore {
  readonly #space: Space;
  readonly #store: Store;
  readonly #name: string;
  readonly #link: string;
  readonly #intake: Intake | null;
  readonly #upstream: SpaceOptions["upstream"];
  readonly #clock: Clock;
  readonly #staging: Staging;
  #partial = false;
  #halted = false;
  readonly pending = new Map<string, Pending>();
  readonly #subscriptions = new Map<number, Subscription>();
  #meta: Meta | null = null;
  /** Told of what the mirror's client settles, after it is durable. */
  onLost: (lost: readonly Lost[]) => void = () => {};

  constructor(options: SpaceOptions & { readonly clock: Clock }) {
    this.#clock = options.clock;
    this.#staging = new Staging(options, (from, to) => rowsOf(this, from, to));
    this.#store = options.store;
    this.#name = options.space;
    this.#link = options.link;
    this.#intake = options.intake;
    this.#upstream = options.upstream;
    this.#space = new Space(options);
  }

  get space(): Space {
    return this.#space;
  }

  async open(): Promise<{ damage: null }> {
    await this.#space.open();
    this.pending.clear();
    this.#subscriptions.clear();
    this.#meta = null;
    this.#halted = false;
    for (const [name, value] of await this.notes("")) this.#remember(name, value);
    await this.#staging.open();
    this.#partial = (await this.#store.note(this.#name, partialName(this.#link))) !== null;
    return { damage: null };
  }

  async notes(prefix: string, limit = Number.POSITIVE_INFINITY): Promise<readonly (readonly [string, Json])[]> {
    const root = clientName(this.#link, "");
    const range = prefix === "" ? under(root) : { from: root + prefix, to: under(root + prefix).to };
    const found = await this.#between(range, limit);
    return found.map(([name, text]) => [name.slice(root.length), JSON.parse(text) as Json] as const);
  }

  async get(keys: readonly Key[]): Promise<readonly (Row | undefined)[]> {
    const names = keys.map((key) => rowName(this.#link, key));
    const answer = await this.#store.read(this.#name, [{ kind: "notes", names }]);
    return names.map((name, i) => rowOf(keys[i] as Key, answer?.results[0].get(name)));
  }

  async scan(from: Key | null, to: Key | null, limit: number): Promise<readonly Row[]> {
    const root = rowName(this.#link, "");
    const end = to === null ? under(root).to : root + nameable(to);
    const found = await this.#between({ from: root + nameable(from ?? ""), to: end }, limit);
    // Who reads through a whole mirror lets others come to their turn.
    if (found.length >= SCANNED) await this.#clock.sleep(0);
    return found.map(([name, text]) => rowOf(name.slice(root.length), text) as Row);
  }

  async staged(subscription: number, skip: number, limit: number): Promise<readonly RecordLine[]> {
    return await this.#staging.lines(subscription, skip, limit);
  }

  /** Of accounts a synchronisation is judged as a whole (U23), so that nothing of it is taken in before. */
  async spans(subscription: number): Promise<readonly Span[]> {
    return this.#intake === null ? this.#staging.spans(subscription) : [];
  }

  /** Pages are taken in as they are only where nothing that was there remains. */
  isFree = async (): Promise<boolean> => false;

  async stagedRows(adopt: readonly Adopted[], keys: readonly Key[]): Promise<readonly (Row | undefined)[]> {
    return await this.#staging.rows(adopt, keys);
  }

  async *contents(from: Key | null, to: Key | null): AsyncIterable<Content> {
    for (let at = from; ; ) {
      const rows = await this.scan(at, to, SCANNED);
      for (const { key, holders, data } of rows) {
        yield { first: key, last: key, collection: keyParts(key).collection, holders, texts: [canonical(data)] };
      }
      if (rows.length < SCANNED) return;
      at = nextKey((rows.at(-1) as Row).key);
    }
  }

  async write(batch: ClientBatch): Promise<void> {
    const settled = settledIn(batch, this.pending);
    if (batch.adopt !== undefined) {
      const { adopt, rows = NO_ROWS } = batch;
      const slice = (changes: readonly Change[], notes: Taken["notes"] = NOTHING.notes) =>
        this.#slice(changes, { ...NOTHING, notes, settled });
      await takeIn({ mirror: this, staging: this.#staging, slice }, adopt, rows);
    }
    const rows = new Map(batch.rows);
    if (batch.wipe && batch.adopt === undefined) await this.#wiped(rows);
    const filled = this.#partial && !batch.wipe ? this.#filledIn(batch) : [];
    if (filled.length > 0) for (const [key, row] of await leftOver(this, filled, rows)) rows.set(key, row);
    for (const write of settled.flatMap(({ mutation }) => mutation.writes)) {
      const key = keyOfWrite(write);
      if (!rows.has(key)) rows.set(key, (await this.get([key]))[0] ?? null);
    }
    const changed = [...rows];
    const held = await this.#heldOf(changed);
    const { ends = NOTHING.ends } = batch;
    if (batch.erased !== undefined && batch.erased.length > 0) await this.#erase(batch.erased, { settled, held });
    // All but the last part could be done again: what they hold is only compared with what comes anew.
    while (changed.length > STEP) {
      await this.#take(changed.splice(0, STEP), { ...NOTHING, settled, held, ends });
      await this.#clock.sleep(0);
    }
    const { clear, notes } = this.#staging.writing(batch);
    for (const [name, value] of batch.notes ?? []) {
      notes.set(clientName(this.#link, name), value === null ? null : JSON.stringify(value));
    }
    const partial = this.#partial && !this.#completes(batch);
    if (partial !== this.#partial) notes.set(partialName(this.#link), null);
    await this.#take(changed, { clear, notes, settled, meta: this.#metaIn(batch), log: settled, held, ends });
    this.#partial = partial;
    for (const [name, value] of batch.notes ?? []) this.#remember(name, value);
    this.#staging.wrote(batch);
    const lost = settled.flatMap(lostOf);
    if (lost.length > 0) this.onLost(lost);
  }

  /**
   * Upstream has erased records: they go here as they went there, before what else the delta says of their ids, and with them
   * what the link kept of them. The order is durable first, as where somebody gives it here (K2).
   */
  async #erase(keys: readonly Key[], { settled, held }: Pick<Taken, "settled" | "held">): Promise<void> {
    const notes = new Map<string, string | null>();
    for (const order of await this.#space.order(keys)) notes.set(doneName(order), "");
    for (const key of keys) {
      const traced = await linkTraces.find(this.#store, { space: this.#name, ...keyParts(key) });
      for (const [name, text] of traced.notes) notes.set(name, text);
    }
    const rows = keys.map((key) => [key, null] as const);
    await this.#take(rows, { ...NOTHING, notes, settled, held, erased: keys });
    await this.#store.rewrite();
  }

  /** Tries again what was set aside (S6); what waits for a confirmation only with that (U5). */
  async retry(confirmed = false): Promise<void> {
    const aside = await this.asideKeys();
    const held = confirmed ? "nothing" : null;
    for (let i = 0; i < aside.length; i += SCANNED) {
      const keys = aside.slice(i, i + SCANNED);
      const rows = await this.get(keys);
      await this.#take(
        keys.map((key, at) => [key, rows[at] ?? null] as const),
        { ...NOTHING, held },
      );
      await this.#clock.sleep(0);
    }
  }

  async asideKeys(): Promise<Key[]> {
    const root = asideName(this.#link, "");
    const found = await this.#between(under(root), Number.POSITIVE_INFINITY);
    return found.map(([name]) => name.slice(root.length));
  }

  /** The revision of upstream at which the mirror stands. */
  get revision(): Revision {
    return this.#meta?.revision ?? 0;
  }

  /** Forgets what its client knows, but for what waits to be sent: the next copy is compared with the rows that there are. */
  async forget(): Promise<void> {
    const known = (await this.notes("")).map(([name]) => name).filter((name) => !name.startsWith("pending/"));
    const notes = new Map(known.map((name) => [name, null] as const));
    await this.write({ notes, unstage: [...this.#subscriptions.keys()] });
  }

  /** It is nobody's from now on, until upstream says whose (C9). */
  async disown(): Promise<void> {
    if (this.#meta === null) return;
    await this.write({ notes: new Map([[META, noteOf({ ...this.#meta, principal: null })]]) });
  }

  /** What is being taken in is left where it is, until the store is opened again. */
  halt(): void {
    this.#halted = true;
  }

  async close(): Promise<void> {}

  async #take(rows: readonly Change[], with_: Taken): Promise<void> {
    const after = [...this.pending.values()].filter(({ seq }) => !with_.settled.some((each) => each.seq === seq));
    const waiting = byKey(after.flatMap(({ mutation }) => mutation.writes));
    const settled = byKey(with_.settled.flatMap(({ mutation }) => mutation.writes));
    const changes = rows.map(
      ([key, row]): Omit<MirrorChange, "before" | "whole" | "barred"> => ({
        key,
        after: row?.data ?? null,
        waiting: waiting.get(key) ?? [],
        settled: settled.get(key) ?? [],
        scopes: this.#scopesOf(row),
        origins: originsFrom(this.#upstream(), row === null ? with_.ends.get(key) : row.origins),
      }),
    );
    const notes = new Map<string, string | null>(with_.notes);
    for (const [key, row] of rows) notes.set(rowName(this.#link, key), row === null ? null : textOf(row));
    const base = this.#meta?.revision ?? 0;
    const { clear, log } = with_;
    await this.#space.take({
      changes,
      clear,
      notes,
      base,
      origin: originOf(rows, base, with_),
      moves: with_.meta !== null,
      log,
      held: with_.held,
      ...(with_.erased !== undefined && { erased: with_.erased }),
    });
  }

  /** What of a synchronisation waits for confirmation: it is judged as a whole, in however many transactions it comes. */
  async #heldOf(rows: readonly Change[]): Promise<Taken["held"]> {
    const intake = this.#intake;
    if (intake === null || rows.length === 0) return null;
    // Who removes a link with its records has said so: nothing is left that could be confirmed.
    if (this.#space.removing !== null) return "nothing";
    const changes = rows.map(([key, row]) => {
      const { collection } = keyParts(key);
      return { key, after: row === null ? null : intake.kept(collection, row.data) };
    });
    return await intake.held(changes);
  }

  /** The scopes by which a record came, for a collection that only upstream knows. */
  #scopesOf(row: Row | null): string[] {
    return (row?.holders ?? []).flatMap((number) => {
      const scope = this.#subscriptions.get(number)?.scope;
      return scope === undefined || scope.endsWith("*") ? [] : [scope];
    });
  }

  async #slice(rows: readonly Change[], taken: Taken): Promise<void> {
    if (this.#halted) throw new Interrupted("the link ends");
    const notes = this.#partial ? taken.notes : new Map([...taken.notes, [partialName(this.#link), "true"]]);
    await this.#take(rows, { ...taken, notes });
    this.#partial = true;
    await this.#clock.sleep(0);
  }

  /** The subscriptions that a batch completes for the first time. */
  #filledIn(batch: ClientBatch): number[] {
    const filled = this.#subscriptionsIn(batch).filter(({ number, revision }) => {
      return revision !== null && this.#subscriptions.get(number)?.revision === null;
    });
    return filled.map(({ number }) => number);
  }

  /** Whether no copy is under way any more once a batch has been written. */
  #completes(batch: ClientBatch): boolean {
    if (batch.adopt !== undefined || batch.wipe) return true;
    const after = new Map([
      ...this.#subscriptions,
      ...this.#subscriptionsIn(batch).map((each) => [each.number, each] as const),
    ]);
    return [...after.values()].every(({ revision, revoked }) => revision !== null || revoked);
  }

  #subscriptionsIn({ notes = new Map() }: ClientBatch): Subscription[] {
    return [...notes].flatMap(([name, value]) =>
      name.startsWith("subscription/") && value !== null ? [value as unknown as Subscription] : [],
    );
  }

  #metaIn({ notes }: ClientBatch): Meta | null {
    return (notes?.get(META) as unknown as Meta | undefined) ?? null;
  }

  async #wiped(rows: Map<Key, Row | null>): Promise<void> {
    let from: Key | null = null;
    for (;;) {
      const found = await this.scan(from, null, SCANNED);
      for (const { key } of found) if (!rows.has(key)) rows.set(key, null);
      if (found.length < SCANNED) return;
      from = nextKey((found.at(-1) as Row).key);
    }
  }

  #remember(name: string, value: Json | null): void {
    if (name === META) this.#meta = value as unknown as Meta;
    else if (name.startsWith("pending/")) {
      if (value === null) this.pending.delete(name);
      else this.pending.set(name, value as unknown as Pending);
    } else if (name.startsWith("subscription/")) {
      const number = Number(name.slice("subscription/".length));
      if (value === null) this.#subscriptions.delete(number);
      else this.#subscriptions.set(number, value as unknown as Subscription);
    }
  }

  async #between({ from, to }: NoteRange, limit: number): Promise<readonly (readonly [string, string])[]> {
    const most = Number.isFinite(limit) ? limit : Number.MAX_SAFE_INTEGER;
    const answer = await this.#store.read(this.#name, [{ kind: "notes-between", from, to, limit: most }]);
    return answer?.results[0] ?? [];
  }
}

interface Taken {
  readonly clear: readonly NoteRange[];
  readonly notes: ReadonlyMap<string, string | null>;
  readonly settled: readonly Settled[];
  /** What the client remembers from now on; null: the same as before. */
  readonly meta: Meta | null;
  /** Of these what lost is logged. */
  readonly log: readonly Settled[];
  readonly held: Held | "nothing" | null;
  /** Of these records no value stays. */
  readonly erased?: readonly Key[];
  /** Of records that go, who took them out upstream. */
  readonly ends: ReadonlyMap<Key, Origins>;
}

const NO_ROWS: Rows = new Map();
const NOTHING: Taken = {
  clear: [],
  notes: new Map(),
  settled: [],
  meta: null,
  log: [],
  held: null,
  ends: new Map(),
};

/** Of a copy in several parts, all but the last are as new as their newest record. */
function originOf(rows: readonly Change[], base: Revision, { meta }: Taken): Revision {
  return meta?.revision ?? rows.reduce((most, [, row]) => Math.max(most, row?.at ?? 0), base);
}
