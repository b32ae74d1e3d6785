import { META, type Meta, noteOf, type Pending, SETTLED, type Settled, type Subscription } from "../client/state.ts";
import { after as nextKey } from "../client/store/rows.ts";
import type { Batch as ClientBatch, ClientStore, Content, RecordLine, Row, StagedLine } from "../client/store/store.ts";
import type { MirrorChange } from "../model/link.ts";
import { targetOf, type Write } from "../model/mutation.ts";
import { type Origins, originsFrom } from "../model/origin.ts";
import { type Key, keyOf, keyParts, type Revision } from "../model/record.ts";
import type { Held, Intake } from "../server/identity.ts";
import type { NoteRange, Store } from "../store/store.ts";
import { canonical, type Json } from "../util/json.ts";
import type { Lost } from "./conflicts.ts";
import { lostOf } from "./conflicts.ts";
import { asideName, clientName, rowName, stagedName, stagedRoot, under } from "./names.ts";
import { Space, type SpaceOptions } from "./space.ts";

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
  readonly pending = new Map<string, Pending>();
  readonly #subscriptions = new Map<number, Subscription>();
  readonly #staged = new Map<number, number>();
  #meta: Meta | null = null;
  /** Told of what the mirror's client settles, after it is durable. */
  onLost: (lost: readonly Lost[]) => void = () => {};

  constructor(options: SpaceOptions) {
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
    this.#staged.clear();
    this.#meta = null;
    for (const [name, value] of await this.notes("")) this.#remember(name, value);
    for (const number of this.#subscriptions.keys()) this.#staged.set(number, (await this.#lines(number)).length);
    return { damage: null };
  }

  async notes(prefix: string, limit = Number.POSITIVE_INFINITY): Promise<readonly (readonly [string, Json])[]> {
    const root = clientName(this.#link, "");
    const range = prefix === "" ? under(root) : { from: root + prefix, to: after(root + prefix) };
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
    return found.map(([name, text]) => rowOf(name.slice(root.length), text) as Row);
  }

  async staged(subscription: number, skip: number, limit: number): Promise<readonly RecordLine[]> {
    const lines = await this.#lines(subscription, skip, limit);
    return lines.map(([, text]) => JSON.parse(text) as RecordLine);
  }

  /** Staged lines are never rows as they are: each record has to be taken into the space. */
  spans = async (): Promise<[]> => [];
  stagedRows = async (_: readonly unknown[], keys: readonly Key[]): Promise<undefined[]> => keys.map(() => undefined);
  isFree = async (): Promise<boolean> => false;

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
    const rows = new Map(batch.rows);
    if (batch.wipe) await this.#wiped(rows);
    const settled = this.#settled(batch);
    for (const write of settled.flatMap(({ mutation }) => mutation.writes)) {
      const key = keyOfWrite(write);
      if (!rows.has(key)) rows.set(key, (await this.get([key]))[0] ?? null);
    }
    const changed = [...rows];
    const held = await this.#heldOf(changed);
    const { ends = NOTHING.ends } = batch;
    // All but the last part could be done again: what they hold is only compared with what comes anew.
    while (changed.length > STEP) await this.#take(changed.splice(0, STEP), { ...NOTHING, settled, held, ends });
    const meta = this.#metaIn(batch);
    await this.#take(changed, { ...this.#notesOf(batch), settled, meta, log: settled, held, ends });
    for (const [name, value] of batch.notes ?? []) this.#remember(name, value);
    for (const number of batch.unstage ?? []) this.#staged.set(number, 0);
    for (const { subscription, lines } of batch.stage ?? []) {
      this.#staged.set(subscription, (this.#staged.get(subscription) ?? 0) + lines.length);
    }
    const lost = settled.flatMap(lostOf);
    if (lost.length > 0) this.onLost(lost);
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

  async close(): Promise<void> {}

  async #take(rows: readonly (readonly [Key, Row | null])[], with_: Taken): Promise<void> {
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
    });
  }

  /** What of a synchronisation waits for confirmation: it is judged as a whole, in however many transactions it comes. */
  async #heldOf(rows: readonly (readonly [Key, Row | null])[]): Promise<Taken["held"]> {
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

  #notesOf({ unstage = [], stage = [], notes = new Map() }: ClientBatch): Pick<Taken, "clear" | "notes"> {
    const own = new Map<string, string | null>();
    for (const { subscription, lines } of stage) {
      const first = unstage.includes(subscription) ? 0 : (this.#staged.get(subscription) ?? 0);
      for (const [i, line] of lines.entries()) own.set(stagedName(this.#link, subscription, first + i), lineText(line));
    }
    for (const [name, value] of notes) {
      own.set(clientName(this.#link, name), value === null ? null : JSON.stringify(value));
    }
    return { clear: unstage.map((number) => under(stagedRoot(this.#link, number))), notes: own };
  }

  #metaIn({ notes }: ClientBatch): Meta | null {
    return (notes?.get(META) as unknown as Meta | undefined) ?? null;
  }

  /** The mutations that leave the queue in this batch, with their outcomes. */
  #settled({ notes = new Map() }: ClientBatch): Settled[] {
    const gone = [...this.pending].filter(([name]) => notes.get(name) === null).map(([, each]) => each);
    const kept = new Map(
      [...notes].flatMap(([name, value]) => {
        if (!name.startsWith(SETTLED) || value === null) return [];
        const each = value as unknown as Settled;
        return [[each.seq, each] as const];
      }),
    );
    return gone.map((each) => {
      const outcome = each.outcome ?? { id: each.number, status: "unknown" as const, revision: 0 };
      const { seq, call, number, mutation } = each;
      const told = { seq, ...(call !== undefined && { call }), client: "", number, mutation, outcome, time: 0 };
      return kept.get(seq) ?? told;
    });
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

  async #lines(subscription: number, skip = 0, limit = Number.POSITIVE_INFINITY) {
    const { to } = under(stagedRoot(this.#link, subscription));
    return await this.#between({ from: stagedName(this.#link, subscription, skip), to }, limit);
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
  /** Of records that go, who took them out upstream. */
  readonly ends: ReadonlyMap<Key, Origins>;
}

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
function originOf(rows: readonly (readonly [Key, Row | null])[], base: Revision, { meta }: Taken): Revision {
  return meta?.revision ?? rows.reduce((most, [, row]) => Math.max(most, row?.at ?? 0), base);
}

function byKey(writes: readonly Write[]): ReadonlyMap<Key, Write[]> {
  const found = new Map<Key, Write[]>();
  for (const write of writes) {
    const key = keyOfWrite(write);
    const known = found.get(key);
    if (known === undefined) found.set(key, [write]);
    else known.push(write);
  }
  return found;
}

function keyOfWrite(write: Write): Key {
  const { collection, id } = targetOf(write);
  return keyOf(collection, id);
}

function rowOf(key: Key, text: string | undefined): Row | undefined {
  if (text === undefined) return undefined;
  return { key, ...(JSON.parse(text) as Omit<Row, "key">) };
}

function textOf({ key: _, ...row }: Row): string {
  return JSON.stringify(row);
}

function lineText({ line }: StagedLine): string {
  return JSON.stringify(line);
}

/** The key next to another ends with a zero, which PostgreSQL takes in no text; as keys hold no control characters, a one does. */
function nameable(key: Key): string {
  return key.endsWith("\u0000") ? `${key.slice(0, -1)}\u0001` : key;
}

/** The least name that does not begin so. */
function after(prefix: string): string {
  return under(prefix).to;
}
