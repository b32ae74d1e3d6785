import type { Batch } from "../model/batch.ts";
import type { Entry } from "../model/entry.ts";
import { contentOf, type Mutation, type Outcome } from "../model/mutation.ts";
import { authorOf } from "../model/record.ts";
import type { Atoms } from "./oracle.ts";

/** What a server has settled: author, number and content in one text. */
type Outcomes = Map<string, Outcome>;

/** A moment of the server to which it may be restored. */
export interface Moment {
  readonly entries: readonly Entry[];
  readonly outcomes: Outcomes;
}

/** A collection whose inserts mark mutations: the record's id is the mutation's tag, and nobody ever deletes one. */
export const LOG = "log";

/**
 * What really happened on the server of a simulation, written down as each commit is made, and judged at once: revisions
 * are dense (M1), time does not run backwards (M6), no mutation applies twice (W6), and each change starts where the last
 * one ended.
 */
export class Chronicle {
  readonly entries: Entry[] = [];
  /** Records by `collection/id`: the fold of all changes. */
  records = new Map<string, Atoms>();
  /** The revision that holds a tagged mutation, in the present history. */
  readonly applied = new Map<string, number>();
  /** How often the server was restored. */
  histories = 0;
  private outcomes: Outcomes = new Map();
  /** Tags by the names under which clients sent them. */
  private readonly tags = new Map<string, string>();

  get head(): number {
    return this.entries.length;
  }

  /** A push is about to be answered: which tag stands behind which client's number. */
  sent(user: string, client: string, mutation: Mutation, tag: string): void {
    this.tags.set(nameOf(authorOf(user, client), mutation.id, contentOf(mutation)), tag);
  }

  committed(batch: Batch): void {
    for (const entry of batch.entries) this.enter(entry);
    for (const { author, id, content, outcome } of batch.outcomes) {
      const name = nameOf(author, id, content);
      if (this.outcomes.has(name)) throw new Error(`[W6] mutation ${id} of ${author} was settled twice`);
      this.outcomes.set(name, outcome);
    }
  }

  /** What the present history made of a tagged mutation, under whichever number. */
  outcomesOf(tag: string): Outcome[] {
    return [...this.outcomes].filter(([name]) => this.tags.get(name) === tag).map(([, outcome]) => outcome);
  }

  moment(): Moment {
    return { entries: [...this.entries], outcomes: new Map(this.outcomes) };
  }

  restored({ entries, outcomes }: Moment): void {
    this.histories++;
    this.outcomes = new Map(outcomes);
    this.entries.length = 0;
    this.records = new Map();
    this.applied.clear();
    for (const entry of entries) this.enter(entry);
  }

  private enter(entry: Entry): void {
    const last = this.entries.at(-1);
    if (entry.revision !== this.head + 1) throw new Error(`[M1] revision ${entry.revision} follows ${this.head}`);
    if (last !== undefined && entry.time < last.time) throw new Error(`[M6] time runs backwards at ${entry.revision}`);
    this.entries.push(entry);
    for (const { change } of entry.changes) {
      const { collection, id, before, after } = change;
      const key = `${collection}/${id}`;
      const old = this.records.get(key);
      if ((before === null) !== (old === undefined))
        throw new Error(`[M6] revision ${entry.revision} does not follow on ${key}`);
      if (after === null) this.records.delete(key);
      else this.records.set(key, present({ ...old, ...after, id }));
      if (collection === LOG && before === null) this.mark(id, entry.revision);
    }
  }

  private mark(tag: string, revision: number): void {
    const earlier = this.applied.get(tag);
    if (earlier !== undefined) throw new Error(`[W6] ${tag} applied twice, at ${earlier} and at ${revision}`);
    this.applied.set(tag, revision);
  }
}

function nameOf(author: string, id: number, content: string): string {
  return `${author}\n${id}\n${content}`;
}

function present(atoms: Atoms): Atoms {
  return Object.fromEntries(Object.entries(atoms).filter(([, value]) => value !== null));
}
