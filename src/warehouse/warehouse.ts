import type { Auth } from "../client/bearer.ts";
import { nameFlaw, spaceFlaw, subscribedFlaw } from "../model/names.ts";
import type { Revision } from "../model/record.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { canonical, type Json } from "../util/json.ts";
import { type Random, systemRandom } from "../util/random.ts";
import { sha256Hex } from "../util/sha256.ts";
import type { Column, Pause } from "./columns.ts";
import { followJournal } from "./history.ts";
import { Exporter, type Treatments } from "./personal.ts";
import { pullAll } from "./pulling.ts";
import { type Answer, type Difference, type Session, type Sink, WarehouseError } from "./sink.ts";
import { Source } from "./source.ts";
import { type Mode, NOWHERE, type State } from "./state.ts";
import { verified } from "./verify.ts";
import { type Progress, Work } from "./work.ts";

export interface WarehouseOptions {
  /** The server's address, for instance "https://example.org". */
  readonly url: string;
  readonly space: string;
  readonly sink: Sink;
  /** Default "current". */
  readonly mode?: Mode | undefined;
  /** A scope or a pattern; `history` follows the journal, which is of the whole space. Default "*". */
  readonly scope?: string | undefined;
  /** All of them by default. */
  readonly collections?: readonly string[] | undefined;
  /** What leaves of which atom (X3). Absent: everything, as it is. Given: nothing but what it names. */
  readonly atoms?: Treatments | undefined;
  /** The secret of "hash", at least 32 characters. */
  readonly key?: string | undefined;
  /** What becomes of the row of a deleted record, in `current`: it stays with `_deleted_at`, or goes. Default "soft". */
  readonly deletes?: "soft" | "hard" | undefined;
  /** What is committed together at least: 200,000 records of a copy, or 20,000 changes of the journal, by default. */
  readonly page?: number | undefined;
  /** A bearer token, or a function that gives the present one. */
  readonly token?: Auth | undefined;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface Report {
  readonly revision: Revision;
  /** Records, or changes of the journal, that came. */
  readonly taken: number;
  /** Why generations were built anew: `new`, `expired`, `diverged`, `changed`, `damaged`, `rules`, `refresh`. */
  readonly rebuilt: readonly string[];
  readonly paused: { readonly [collection: string]: Pause };
}

export interface WarehouseStatus {
  readonly place: string;
  readonly mode: Mode;
  readonly revision: Revision;
  readonly syncedAt: string | null;
  /** A new generation is under way. */
  readonly building: string | null;
  readonly tables: readonly {
    readonly collection: string;
    readonly name: string;
    readonly columns: readonly Column[];
    readonly paused: Pause | null;
  }[];
  readonly untagged: { readonly [collection: string]: readonly string[] };
}

export interface VerifyReport {
  readonly revision: Revision;
  readonly compared: number;
  readonly differences: readonly (Difference & { readonly collection: string })[];
  /** Paused tables, which were not compared. */
  readonly skipped: readonly string[];
}

export interface Run {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** A replica of a space in a database for reports (section X). One call at a time. */
export interface Warehouse {
  /** Brings it to the head. It may be killed at any moment, and goes on exactly once. */
  sync(run?: Run): Promise<Report>;
  /** Builds tables anew beside those that are shown, and swaps; all of them by default. */
  refresh(collections?: readonly string[], run?: Run): Promise<Report>;
  /** Compares it with the space, as of one revision. It changes nothing. */
  verify(run?: Run): Promise<VerifyReport>;
  /** Null: it has never been synced. */
  status(): Promise<WarehouseStatus | null>;
  /** What a query over its tables gives. */
  query(sql: string): Promise<Answer>;
  close(): Promise<void>;
}

/**
 * Opens a warehouse.
 *
 * @throws WarehouseError `invalid` for options that do not fit.
 * @example
 * const warehouse = openWarehouse({ url: "http://127.0.0.1:4848", space: "main", sink: duckdbSink("reports.duckdb") });
 * await warehouse.sync();
 * console.log((await warehouse.query("SELECT count(*) AS n FROM tasks WHERE _deleted_at IS NULL")).rows);
 */
export function openWarehouse(options: WarehouseOptions): Warehouse {
  const flaw = flawOf(options);
  if (flaw !== null) throw new WarehouseError("invalid", flaw);
  return new Opened(options);
}

const LEAST_KEY = 32;

/** What is wrong with the options, as a sentence; null: nothing. */
export function flawOf(options: Omit<WarehouseOptions, "sink">): string | null {
  const { space, mode = "current", scope = "*", collections = [], atoms = {}, key } = options;
  const flaw = spaceFlaw(space) ?? subscribedFlaw(scope) ?? firstFlaw([...collections, ...Object.keys(atoms)]);
  if (flaw !== null) return flaw;
  if (mode === "history" && scope !== "*")
    return "history follows the journal, which is of the whole space: leave out scope";
  const all = Object.values(atoms).flatMap((tagged) => Object.values(tagged));
  if (all.includes("hash") && (key?.length ?? 0) < LEAST_KEY)
    return `"hash" needs a key of at least ${LEAST_KEY} characters`;
  const ids = Object.values(atoms).flatMap((tagged) => (Object.hasOwn(tagged, "id") ? [tagged.id] : []));
  return ids.every((id) => id === "plain" || id === "hash")
    ? null
    : 'an id is "plain" or "hash": rows are told apart by it';
}

function firstFlaw(names: readonly string[]): string | null {
  for (const name of names) {
    const flaw = nameFlaw(name);
    if (flaw !== null) return `${JSON.stringify(name)}: ${flaw}`;
  }
  return null;
}

class Opened implements Warehouse {
  readonly #options: WarehouseOptions;
  #opening: Promise<Session> | null = null;

  constructor(options: WarehouseOptions) {
    this.#options = options;
  }

  async sync(run: Run = {}): Promise<Report> {
    const work = await this.#work(run);
    return await this.#follow(work);
  }

  async refresh(collections?: readonly string[], run: Run = {}): Promise<Report> {
    const work = await this.#work(run);
    if (collections !== undefined && work.mode !== "current")
      throw new WarehouseError(
        "invalid",
        `only a warehouse of mode "current" refreshes single tables: refresh all of ${work.mode}`,
      );
    // A build of everything that is under way already is what is asked for.
    if (work.state.build === null || work.state.build.collections !== null) {
      const horizon = work.mode === "history" ? (await work.source.head()).horizon.journal : 0;
      const from = work.mode === "history" && horizon === 0 ? "journal" : "copy";
      await work.rebuild({ collections: collections ?? null, from, reason: "refresh", keep: true });
    }
    return await this.#follow(work);
  }

  async verify(run: Run = {}): Promise<VerifyReport> {
    const work = await this.#work(run);
    if (work.mode === "append")
      throw new WarehouseError("invalid", "append holds what happened, not what is there: there is nothing to compare");
    await this.#follow(work);
    return await verified(work);
  }

  async status(): Promise<WarehouseStatus | null> {
    const state = await (await this.#session()).state();
    if (state === null) return null;
    const { mode, revision, syncedAt, build, untagged } = state;
    const tables = Object.entries(state.tables).map(([collection, table]) => ({ collection, ...table }));
    const place = this.#options.sink.place;
    return { place, mode, revision, syncedAt, building: build?.reason ?? null, tables, untagged };
  }

  async query(sql: string): Promise<Answer> {
    return await this.#options.sink.query(sql);
  }

  async close(): Promise<void> {
    const session = await this.#opening?.catch(() => null);
    await session?.rollback();
    await this.#options.sink.close();
  }

  #session(): Promise<Session> {
    this.#opening ??= this.#options.sink.session();
    return this.#opening;
  }

  async #follow(work: Work): Promise<Report> {
    await (work.mode === "history" ? followJournal(work) : pullAll(work));
    const { revision, tables } = work.state;
    const paused = Object.fromEntries(
      Object.entries(tables).flatMap(([name, table]) => (table.paused === null ? [] : [[name, table.paused]])),
    );
    return { revision, taken: work.taken, rebuilt: work.rebuilt, paused };
  }

  async #work({ signal = new AbortController().signal, onProgress = () => {} }: Run): Promise<Work> {
    const { url, space, token, scope = "*", collections, atoms, key, deletes = "soft" } = this.#options;
    const { page } = this.#options;
    const { clock = systemClock, random = systemRandom } = this.#options;
    const fetch = this.#options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    const session = await this.#session();
    await session.rollback();
    const rules = rulesOf(this.#options);
    const { mode = "current" } = this.#options;
    const state: State = (await session.state()) ?? {
      ...NOWHERE,
      version: 0,
      space,
      mode,
      rules,
      syncedAt: null,
      tables: {},
      build: null,
      untagged: {},
    };
    if (state.space !== space)
      throw new WarehouseError(
        "foreign",
        `this warehouse is of the space ${state.space}, not ${space}: give each space its own`,
      );
    const work = new Work({
      session,
      source: new Source({ url, space, auth: token, fetch, clock, random, signal }),
      exporter: new Exporter(atoms, key),
      collections: collections ?? null,
      scope,
      soft: deletes === "soft",
      page: { copy: page ?? 200_000, journal: page ?? 20_000 },
      now: new Date(clock.now()).toISOString(),
      onProgress,
      state,
    });
    if (state.rules !== rules) await adopt(work, rules, mode);
    return work;
  }
}

/** Other rules mean other tables. What the old ones let through is not kept (X3). */
async function adopt(work: Work, rules: string, mode: Mode): Promise<void> {
  if (mode !== work.mode)
    throw new WarehouseError("invalid", `this warehouse is of mode ${work.mode}, not ${mode}: give each mode its own`);
  const horizon = mode === "history" ? (await work.source.head()).horizon.journal : 0;
  work.state = { ...work.state, rules, untagged: {} };
  await work.rebuild({
    collections: null,
    from: mode === "history" && horizon === 0 ? "journal" : "copy",
    reason: "rules",
    keep: false,
  });
}

/** The key itself is in no state: only a hash of it, with all else that decides the content. */
function rulesOf({
  mode = "current",
  scope = "*",
  collections,
  atoms,
  key,
  deletes = "soft",
}: WarehouseOptions): string {
  return sha256Hex(canonical([mode, scope, collections ?? null, (atoms ?? null) as Json, key ?? null, deletes]));
}
