import { backoff } from "../../util/backoff.ts";
import type { Clock } from "../../util/clock.ts";
import type { Random } from "../../util/random.ts";
import type { Clean, Pipeline } from "../clean/pipeline.ts";
import { pipelineOf } from "../clean/pipeline.ts";
import type { Cleaned } from "../declare.ts";
import { type Http, type Page, type ReadContext, type Source, type SourceCursor, SourceError } from "../source.ts";
import { commit, SLICE, type Standing, slices } from "./commit.ts";
import type { Incoming } from "./judge.ts";
import { Landing, type Part } from "./landing.ts";
import { suppressedReason, withoutSuppressed } from "./passed-over.ts";
import { Fenced, LEASE, Place, type PlaceParts } from "./place.ts";
import { withReplaced } from "./replaced.ts";
import { NO_COUNTS, type RunKind, type RunRow } from "./state.ts";
import { fieldsAfter, judged, Stats } from "./stats.ts";

/** Changes of a run that stay in memory between reading and committing; more are read again from the landing. */
const HELD_CHANGES = 20_000;
/** Milliseconds that a run waits for a source that says when it may be asked again. */
const PATIENCE = 300_000;
const RETRIES = { first: 1_000, most: 60_000 };

export interface RunnerParts extends PlaceParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly source: Source;
  readonly cleaned: Cleaned;
  /** Where raw pages are kept; null: nowhere for long. */
  readonly folder: string | null;
  readonly http: Http;
  /** Readings of one run, where a source is busy or cannot be reached. By default 5. */
  readonly attempts?: number;
}

export interface RunOptions {
  /** `refresh`: a complete pass. */
  readonly do?: "run" | "refresh";
  /** A backfill: only this window, ISO 8601; the cursor stays. */
  readonly window?: { readonly from: string; readonly to: string };
  /** Takes a batch that checks would hold. */
  readonly accept?: boolean;
  readonly signal?: AbortSignal;
  /** Told while it goes on. */
  readonly progress?: (row: RunRow, phase: "reading" | "committing") => void;
}

/** Another runner has the stream. */
export class Busy extends Error {
  override name = "Busy";
  constructor(task: string) {
    super(`another runner is at ${task} now`);
  }
}

/** Picks up one stream (I4): reads all of a run, judges the batch, and commits it page by page. */
export class Runner {
  readonly place: Place;
  readonly #parts: RunnerParts;
  readonly #pipeline: Pipeline;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.place = new Place(parts);
    this.#pipeline = pipelineOf(parts.cleaned);
  }

  get #judging() {
    const { cleaned, source } = this.#parts;
    return { place: this.place, cleaned, source: source.name, pipeline: this.#pipeline };
  }

  /**
   * One run. Resolves with its row, also where it was held or has failed.
   *
   * @throws Busy where another runner has the stream, Fenced where one has taken it over.
   */
  async run(options: RunOptions = {}): Promise<RunRow> {
    const kind = options.window === undefined ? "incremental" : "backfill";
    return await this.#leased(kind, options.signal, async (standing, signal) => {
      const { folder, cleaned, source } = this.#parts;
      const landing = await Landing.open(folder, `${source.name}.${cleaned.stream.name}`, standing.row.run);
      try {
        return await this.#through(standing, landing, options, signal);
      } finally {
        await landing.close();
      }
    });
  }

  /** Takes items out of quarantine, through the rules of today. Null: there were none. */
  async replay(all: readonly Incoming[]): Promise<RunRow | null> {
    if (all.length === 0) return null;
    return await this.#leased("replay", undefined, async (begun) => {
      let standing: Standing = { ...begun, row: { ...begun.row, read: all.length } };
      for (const slice of slices(all)) standing = await commit(this.#judging, slice, standing, same);
      return await this.#end(standing, { status: "done" });
    });
  }

  /** Holds the lease while something runs, and writes how it ended. */
  async #leased(
    kind: RunKind,
    outer: AbortSignal | undefined,
    work: (standing: Standing, signal: AbortSignal) => Promise<RunRow>,
  ): Promise<RunRow> {
    const { cleaned, task } = this.#parts;
    if (!(await this.place.lease())) throw new Busy(task);
    const ended = new AbortController();
    const signal = outer === undefined ? ended.signal : AbortSignal.any([outer, ended.signal]);
    let standing = await this.#begin(kind, cleaned.version);
    const renewing = this.#renew(ended);
    try {
      return await work(standing, signal);
    } catch (error) {
      if (error instanceof Fenced || ended.signal.aborted) throw ended.signal.reason ?? error;
      standing = await this.#current(standing);
      const reasons = [
        error instanceof SourceError ? `${error.code}: ${error.message}` : String((error as Error).message),
      ];
      const row = await this.#end(standing, { status: "failed", reasons });
      if (error instanceof SourceError || outer?.aborted) return row;
      throw error;
    } finally {
      ended.abort();
      await renewing;
      await this.place.release();
    }
  }

  /** A long page must not cost the lease. */
  async #renew(ended: AbortController): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      await clock.sleep(LEASE / 3, ended.signal);
      if (ended.signal.aborted) return;
      await this.place.renew().catch((error: unknown) => {
        if (error instanceof Fenced) ended.abort(error);
      });
    }
  }

  async #begin(kind: RunKind, version: string): Promise<Standing> {
    const state = await this.place.state();
    const [before] = await this.place.runs(1);
    const now = this.#parts.rules().now;
    if (before?.status === "running") {
      // Its process died: the row that it left does not say so.
      const row: RunRow = { ...before, status: "interrupted", ended: now };
      await commit(this.#judging, [], { state, row }, same);
    }
    const row: RunRow = {
      ...NO_COUNTS,
      run: state.run + 1,
      kind,
      status: "running",
      started: now,
      ended: null,
      cursorBefore: state.cursor,
      cursorAfter: state.cursor,
      version,
      held: 0,
      reasons: [],
      attempts: 1,
    };
    const started = kind === "incremental" ? now : state.started;
    return await commit(this.#judging, [], { state: { ...state, run: row.run, started }, row }, same);
  }

  /** As the last transaction left it. */
  async #current({ row }: Standing): Promise<Standing> {
    const [last] = await this.place.runs(1);
    return { state: await this.place.state(), row: last?.run === row.run ? last : row };
  }

  async #end({ state, row }: Standing, end: Partial<RunRow>): Promise<RunRow> {
    const { now } = this.#parts.rules();
    const ended = { ...row, ...end, ended: now, cursorAfter: state.cursor };
    const next = { ...ended, reasons: [...ended.reasons, ...suppressedReason(ended)] };
    const succeeded = next.status === "done" && next.kind !== "replay" ? now : state.succeeded;
    return (await commit(this.#judging, [], { state: { ...state, succeeded }, row: next }, same)).row;
  }

  async #through(begun: Standing, landing: Landing, options: RunOptions, signal: AbortSignal): Promise<RunRow> {
    const { cleaned } = this.#parts;
    const { window, accept = false } = options;
    const read = await this.#read(begun, landing, options, signal);
    const { stats, pass } = read;
    const deletes = stats.complete && pass !== null && cleaned.stream.deletes !== "unknown" && window === undefined;
    const missing = deletes ? await this.#missing(pass, stats) : 0;
    const facts = stats.of(begun.state, window !== undefined, missing);
    const { held, notes } = judged(facts, cleaned);
    const kind = window !== undefined ? "backfill" : stats.complete ? "complete" : "incremental";
    const { suppressed } = read;
    const row = { ...begun.row, kind, attempts: read.attempts, reasons: notes, read: suppressed, suppressed } as const;
    if (held.length > 0 && !accept) {
      const counts = { read: stats.read + suppressed, bytes: stats.bytes, held: stats.read };
      return await this.#end({ ...begun, row }, { ...counts, status: "held", reasons: [...held, ...notes] });
    }
    const standing = await this.#commit({ state: begun.state, row }, landing, read, options, deletes, signal);
    const { volumes } = standing.state;
    const total = facts.read;
    const state = {
      ...standing.state,
      fields: window === undefined ? fieldsAfter(facts) : begun.state.fields,
      ...(kind === "complete" && {
        refreshed: begun.row.started,
        volumes: { ...volumes, complete: [total, ...volumes.complete].slice(0, 10) },
      }),
      ...(kind === "incremental" && {
        volumes: { ...volumes, incremental: [total, ...volumes.incremental].slice(0, 10) },
      }),
    };
    return await this.#end({ ...standing, state }, { status: "done", bytes: stats.bytes });
  }

  /** Reads the run to its end, into the landing. Nothing of it is visible. */
  async #read({ state, row }: Standing, landing: Landing, options: RunOptions, signal: AbortSignal): Promise<Read> {
    const { window } = options;
    const first: SourceCursor = options.do === "refresh" || window !== undefined ? null : state.cursor;
    const stats = new Stats();
    const pages: Kept[] = [];
    let kept = true;
    /** Whether a pass begins with the next page. */
    let begins = window === undefined && first === null;
    let pass = begins ? row.run : state.pass;
    if (pass !== null) stats.goOn();
    const { cleaned, source } = this.#parts;
    const context = { source: source.name, stream: cleaned.stream.name };
    let attempts = 1;
    let suppressed = 0;
    let cursor = first;
    for (let ended = false; !ended; ) {
      try {
        for await (const read of cleaned.stream.read(this.#context(cursor, window, signal))) {
          signal.throwIfAborted();
          const whole = await withReplaced(this.place, begins ? { ...read, begins } : read);
          // Before it is landed: raw pages hold nothing of what was erased, either.
          const page = await withoutSuppressed(this.place, whole);
          suppressed += whole.changes.length - page.changes.length;
          begins = false;
          await landing.append(page);
          if (page.begins === true) pass = row.run;
          const cleans = stats.take(page, this.#pipeline, context);
          cursor = page.cursor;
          kept &&= stats.read <= HELD_CHANGES;
          if (kept) pages.push({ page, cleans });
          else pages.length = 0;
          options.progress?.({ ...row, read: stats.read, rejected: stats.rejected, bytes: stats.bytes }, "reading");
          if (page.last !== undefined) break;
        }
        ended = true;
      } catch (error) {
        if (!(error instanceof SourceError) || attempts >= (this.#parts.attempts ?? 5)) throw error;
        if (error.code === "position" && cursor !== null) {
          cursor = null;
          begins = true;
        } else if ((error.code !== "busy" && error.code !== "unreachable") || this.#tooLong(error)) throw error;
        else await this.#pause(error, attempts, signal);
        signal.throwIfAborted();
        attempts++;
      }
    }
    await landing.seal();
    return { stats, pass, attempts, suppressed, pages: kept ? pages : null };
  }

  /** A quota of a day is not waited for under a lease: a later run of the schedule comes when it is there again. */
  #tooLong({ retryAt }: SourceError): boolean {
    return retryAt !== null && retryAt - this.#parts.clock.now() > PATIENCE;
  }

  async #pause({ retryAt }: SourceError, attempt: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    const told = retryAt === null ? 0 : retryAt - clock.now();
    await clock.sleep(Math.max(told, 0) + backoff(attempt - 1, RETRIES, random), signal);
  }

  #context(cursor: SourceCursor, window: RunOptions["window"], signal: AbortSignal): ReadContext {
    const { http, clock } = this.#parts;
    return { cursor, http, signal, now: () => clock.now(), ...(window !== undefined && { window }) };
  }

  async #commit(
    begun: Standing,
    landing: Landing,
    { pages, stats }: Read,
    options: RunOptions,
    deletes: boolean,
    signal: AbortSignal,
  ): Promise<Standing> {
    const { kind } = begun.row;
    let standing = begun;
    for await (const part of pages === null ? landing.parts(SLICE) : keptParts(pages)) {
      if (part.begins) standing = begin(standing);
      const all = part.changes.map((change, i): Incoming => {
        const clean = part.cleans?.[i];
        return clean === undefined ? { change } : { change, clean };
      });
      const { end } = part;
      const split = slices(all);
      const closes = end?.last === "complete" && kind !== "backfill";
      for (const [i, slice] of split.entries()) {
        signal.throwIfAborted();
        const last = i === split.length - 1;
        standing = await commit(this.#judging, slice, standing, (next) => {
          const row = { ...next.row, read: next.row.read + slice.length, bytes: stats.bytes };
          const passRead = next.state.passRead + (next.state.pass === null ? 0 : slice.length);
          const moves = last && end !== null && !closes && kind !== "backfill";
          const state = { ...next.state, passRead, ...(moves && { cursor: end.cursor }) };
          return { state, row: { ...row, cursorAfter: state.cursor } };
        });
        options.progress?.(standing.row, "committing");
      }
      if (closes && end !== null) standing = await this.#close(standing, deletes, end.cursor);
    }
    return standing;
  }

  /** Ends a pass: what it did not show goes, and only then the cursor moves (I2). */
  async #close(begun: Standing, deletes: boolean, cursor: SourceCursor): Promise<Standing> {
    let standing = begun;
    const { pass } = standing.state;
    if (deletes && pass !== null) {
      for await (const names of this.#unseen(pass)) {
        const rows = await this.place.notes(names.map((name) => this.place.rowName(name)));
        const gone = [...rows.values()].map((text): Incoming => {
          const { key } = JSON.parse(text) as { key: string[] };
          return { change: { op: "delete", key, position: `complete pass ${pass}` } };
        });
        standing = await commit(this.#judging, gone, standing, same);
      }
    }
    return await commit(this.#judging, [], standing, ({ state, row }) => ({
      state: { ...state, cursor, pass: null, passRead: 0 },
      row: { ...row, cursorAfter: cursor },
    }));
  }

  async #missing(pass: number, stats: Stats): Promise<number> {
    let count = 0;
    for await (const names of this.#unseen(pass)) count += names.filter((name) => !stats.saw(name)).length;
    return count;
  }

  /** The names of source records that a pass has not seen. */
  async *#unseen(pass: number): AsyncGenerator<string[]> {
    const prefix = this.place.seenName("");
    let from = prefix;
    for (;;) {
      const notes = await this.place.notesFrom(prefix, from, SLICE);
      const names = notes.filter(([, text]) => text !== String(pass)).map(([name]) => name.slice(prefix.length));
      if (names.length > 0) yield names;
      const last = notes.at(-1);
      if (last === undefined || notes.length < SLICE) return;
      from = `${last[0]}\u0001`;
    }
  }
}

interface Kept {
  readonly page: Page;
  readonly cleans: readonly (Clean | undefined)[];
}

interface Read {
  readonly stats: Stats;
  readonly pass: number | null;
  readonly attempts: number;
  /** Changes that were passed over, which are in none of the pages. */
  readonly suppressed: number;
  readonly pages: readonly Kept[] | null;
}

function* keptParts(pages: readonly Kept[]): Generator<Part> {
  for (const { page, cleans } of pages) {
    const { changes, begins = false } = page;
    yield { changes, begins, end: page, cleans };
  }
}

function begin({ state, row }: Standing): Standing {
  return { row, state: { ...state, pass: row.run, passRead: 0 } };
}

const same = (standing: Standing) => standing;
