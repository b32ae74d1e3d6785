import type { Mutation, Outcome, Write } from "../../model/mutation.ts";
import type { RecordData } from "../../model/record.ts";
import type { Clock } from "../../util/clock.ts";
import type { HeadResponse } from "../../wire/head.ts";
import type { PushRequest, PushResponse } from "../../wire/push.ts";
import { askJson, Refusal, type Space, Unreachable } from "../api.ts";
import { Failure } from "../failure.ts";
import { reasonOf } from "../output.ts";
import type { Candidate } from "./record.ts";
import type { BadRow } from "./rows.ts";

export interface Counts {
  inserted: number;
  changed: number;
  unchanged: number;
  refused: number;
  /** Rows of which somebody else wrote something while the import ran, which stands. */
  superseded: number;
}

const TRIES = 8;
const PAUSE = 500;

/**
 * Writes rows into one collection, so that a second run changes nothing.
 *
 * All writes have the head as it was at the beginning for their base: what an earlier run or anybody else wrote before
 * is overwritten by what the file says, what somebody writes while the import runs stands (W1). The client's name is
 * the same in every run, so that no run leaves a client of its own behind.
 */
export class Importer {
  readonly counts: Counts = { inserted: 0, changed: 0, unchanged: 0, refused: 0, superseded: 0 };
  readonly #space: Space;
  readonly #collection: string;
  readonly #client: string;
  readonly #clock: Clock;
  readonly #refuse: (row: BadRow) => void;
  #base = 0;
  /** The number of the last mutation that was settled. */
  #last = 0;

  constructor(space: Space, collection: string, clock: Clock, refuse: (row: BadRow) => void) {
    this.#space = space;
    this.#collection = collection;
    this.#client = `import/${collection}`;
    this.#clock = clock;
    this.#refuse = (row) => {
      this.counts.refused++;
      refuse(row);
    };
  }

  async begin(): Promise<void> {
    this.#base = await this.#readHead();
  }

  /** A row that cannot be a record. */
  refuse(row: BadRow): void {
    this.#refuse(row);
  }

  /** Rows of different ids. Those that are new come in as one transaction, the others each as one of its own. */
  async write(rows: readonly Candidate[]): Promise<void> {
    const known = await this.#known(rows);
    const fresh = rows.filter(({ record }) => !known.has(record.id));
    const there = rows.filter(({ record }) => known.has(record.id));
    const mutations = [fresh.map((row) => this.#insert(row)), ...there.map((row) => [this.#update(row)])];
    const outcomes = await this.#push(mutations).catch(tooLarge);
    if (outcomes === undefined) return this.#halve(rows);
    const [inserted, ...updated] = outcomes;
    this.#countUpdates(there, updated, inserted?.revision ?? 0);
    if (inserted?.status === "rejected") await this.#insertEach(fresh);
    else this.#countInserts(fresh.length, inserted);
  }

  /** Which of the ids are there already. An update of no atom finds out: it is superseded where its record is missing. */
  async #known(rows: readonly Candidate[]): Promise<ReadonlySet<string>> {
    const probe = rows.map(
      ({ record }): Write => ({ op: "update", collection: this.#collection, record: { id: record.id } }),
    );
    const [outcome] = await this.#push([probe]);
    if (outcome?.status === "rejected")
      throw new Failure(`${this.#space.place} refuses the import: ${outcome.message}.`);
    const known = new Set(rows.map(({ record }) => record.id));
    if (outcome?.status !== "superseded") return known;
    for (const { id, reason } of outcome.superseded) if (reason === "missing") known.delete(id);
    return known;
  }

  /** Without the atoms that are null: there is nothing yet that they could remove. */
  #insert({ record }: Candidate): Write {
    const present = Object.entries(record).filter(([, value]) => value !== null);
    return { op: "insert", collection: this.#collection, record: Object.fromEntries(present) as RecordData };
  }

  #update({ record }: Candidate): Write {
    return { op: "update", collection: this.#collection, record };
  }

  /** One row of a transaction was refused, and with it all: each as one of its own. */
  async #insertEach(rows: readonly Candidate[]): Promise<void> {
    const outcomes = await this.#push(rows.map((row) => [this.#insert(row)]));
    for (const [i, row] of rows.entries()) {
      const outcome = outcomes[i] as Outcome;
      if (outcome.status === "rejected") this.#refuse({ line: row.line, reason: reasonOf(outcome) });
      else this.#countInserts(1, outcome);
    }
  }

  #countInserts(rows: number, outcome: Outcome | undefined): void {
    const lost = outcome?.status === "superseded" ? outcome.superseded.length : 0;
    this.counts.inserted += rows - lost;
    this.counts.superseded += lost;
  }

  /** A row whose mutation took a revision, after `head` and those before it, was changed. */
  #countUpdates(rows: readonly Candidate[], outcomes: readonly Outcome[], head: number): void {
    let before = head;
    for (const [i, row] of rows.entries()) {
      const outcome = outcomes[i] as Outcome;
      if (outcome.status === "rejected") this.#refuse({ line: row.line, reason: reasonOf(outcome) });
      else if (outcome.revision > before) this.counts.changed++;
      else this.counts.unchanged++;
      if (outcome.status === "superseded") this.counts.superseded++;
      before = Math.max(before, outcome.revision);
    }
  }

  /** A request that is too large: a smaller one, down to the one row that no request can hold. */
  async #halve(rows: readonly Candidate[]): Promise<void> {
    const [first] = rows;
    if (first === undefined) return;
    if (rows.length === 1) return this.#refuse({ line: first.line, reason: "the record is too large for a request" });
    const middle = rows.length >> 1;
    await this.write(rows.slice(0, middle));
    await this.write(rows.slice(middle));
  }

  /** The outcomes of mutations of these writes. */
  async #push(mutations: readonly (readonly Write[])[]): Promise<readonly Outcome[]> {
    const settled: Outcome[] = [];
    while (settled.length < mutations.length) settled.push(...(await this.#settle(mutations.slice(settled.length))));
    return settled;
  }

  /** Settles at least the first mutation. One that the server finds malformed gives its number back empty (W7). */
  async #settle(mutations: readonly (readonly Write[])[]): Promise<readonly Outcome[]> {
    try {
      return await this.#send(mutations);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "invalid") throw error;
      const culprit = Number(/^mutations\[(\d+)\]/.exec(error.problem.path ?? "")?.[1] ?? Number.NaN);
      if (!(culprit < mutations.length)) throw error;
      if (culprit > 0) return this.#send(mutations.slice(0, culprit));
      const [empty] = await this.#send([[]]);
      const { id, revision } = empty as Outcome;
      const message = error.problem.detail ?? "malformed";
      return [{ id, revision, status: "rejected", code: "invalid-record", message, path: "" }];
    }
  }

  /** One request. What got lost on the way is sent again under the same numbers (W6). */
  async #send(mutations: readonly (readonly Write[])[]): Promise<readonly Outcome[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { outcomes } = await askJson<PushResponse>(this.#space, "/push", this.#request(mutations));
        this.#last += outcomes.length;
        return outcomes;
      } catch (error) {
        if (attempt === TRIES || !mayTryAgain(error)) throw error;
        const wait = error instanceof Refusal ? (error.problem.retryAfter ?? 0) * 1000 : 0;
        await this.#clock.sleep(Math.max(wait, PAUSE * attempt));
        // Another import runs under the same name, and has taken these numbers: nothing of ours was applied.
        if (error instanceof Refusal && isTaken(error)) await this.#readHead();
      }
    }
  }

  #request(mutations: readonly (readonly Write[])[]): PushRequest {
    return {
      client: this.#client,
      acked: this.#last,
      mutations: mutations.map((writes, i): Mutation => ({ id: this.#last + 1 + i, base: this.#base, writes })),
    };
  }

  /** Learns which number comes next; gives the head, 0 for a space that the first push will create. */
  async #readHead(): Promise<number> {
    try {
      const head = await askJson<HeadResponse>(this.#space, `?client=${encodeURIComponent(this.#client)}`);
      this.#last = head.lastMutation ?? 0;
      return head.revision;
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "unknown-space") throw error;
      this.#last = 0;
      return 0;
    }
  }
}

function isTaken(error: Refusal): boolean {
  return error.code === "rewound" || error.code === "gap";
}

function mayTryAgain(error: unknown): boolean {
  if (error instanceof Unreachable) return true;
  return error instanceof Refusal && (isTaken(error) || error.code === "rate-limited" || error.code === "unavailable");
}

function tooLarge(error: unknown): undefined {
  if (error instanceof Refusal && error.code === "too-large") return undefined;
  throw error;
}
