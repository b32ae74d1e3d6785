import { type Batch, NO_FAMILIES, NOTHING_WANTED, NOTHING_WRITTEN } from "../model/batch.ts";
import { wantedOf } from "../model/decide.ts";
import { followMirror, LackingFamilies, type MirrorChange, mutationOf } from "../model/link.ts";
import type { Key, Revision } from "../model/record.ts";
import { must } from "../util/assert.ts";
import type { Ingest } from "./ingest.ts";
import { Crosswalk, type Entity, type Member, Names } from "./match/crosswalk.ts";
import { type Difference, differencesOf } from "./match/differences.ts";
import { isMatching, type Matching } from "./match/matching.ts";
import { type Decided, entityOf, merge, type OpenQuestion, questions, ReviewError, split } from "./match/review.ts";
import { ingestAuthor } from "./names.ts";
import type { Place } from "./run/place.ts";

/** Attempts to write a decision while runs go on beside it. */
const ATTEMPTS = 20;
/** Records that are read at once. */
const PAGE = 500;
/** The name under which decisions of people stand in the journal, as a source does. */
const REVIEW = "duplicates";

export interface Decision {
  /** The records that it is about, the first being that which stayed. */
  readonly records: readonly string[];
  /** The revision that it is; the head where nothing of the records changed by it. */
  readonly revision: Revision;
}

/** What a person may do about duplicates in one collection of a space (I8): each decision is one revision. */
export class Duplicates {
  readonly #collection: string;
  readonly #matching: Matching;
  readonly #place: Place;

  /** @throws ReviewError where no stream with `match: matching(…)` fills the collection. */
  constructor(ingest: Ingest, space: string, collection: string) {
    const task = ingest.tasks.find(
      (each) =>
        each.space === space &&
        each.cleaned.options.collection === collection &&
        isMatching(each.cleaned.options.match),
    );
    const match = task?.cleaned.options.match;
    if (task === undefined || !isMatching(match))
      throw new ReviewError(`no stream of the space ${space} fills ${collection} with \`match: matching(…)\``);
    this.#collection = collection;
    this.#matching = match;
    this.#place = ingest.place(task);
  }

  /** Pairs that wait for a person, the likeliest first. */
  list(limit?: number): Promise<OpenQuestion[]> {
    return questions(this.#collection, this.#matching, this.#place, limit);
  }

  /** A record with the source records that it was made of; null: there is no such one. */
  show(id: string): ReturnType<typeof entityOf> {
    return entityOf(this.#collection, id, this.#place);
  }

  /** What the source records say otherwise of each other, record by record; records without a difference are left out. */
  async *differences(): AsyncGenerator<{ readonly id: string; readonly differences: readonly Difference[] }> {
    for await (const { id, members } of this.entities()) {
      if (members.length < 2) continue;
      const differences = differencesOf(members);
      if (differences.length > 0) yield { id, differences };
    }
  }

  /** All records that were made of source records, with these. */
  async *entities(): AsyncGenerator<{ readonly id: string; readonly members: readonly Member[] }> {
    const { entities } = new Names(this.#collection);
    for (let from = entities; ; ) {
      const page = await this.#place.notesFrom(entities, from, PAGE);
      for (const [, text] of page) {
        const { id, members } = JSON.parse(text) as Entity;
        yield { id, members: await new Crosswalk(this.#collection, this.#place).members(members) };
      }
      if (page.length < PAGE) return;
      // Names end in a digest: nothing lies between.
      from = `${page.at(-1)?.[0]}!`;
    }
  }

  /** Makes one record of several; the first stays. */
  merge(ids: readonly string[]): Promise<Decision> {
    return this.#decide(() => merge(this.#collection, ids, this.#matching, this.#place));
  }

  /** Takes source records out of a record, and keeps them apart; none named: what merges brought, which undoes these. */
  split(id: string, keys: readonly string[] = []): Promise<Decision> {
    return this.#decide(() => split(this.#collection, id, keys, this.#matching, this.#place));
  }

  async #decide(decide: () => Promise<Decided>): Promise<Decision> {
    let lacking: ReadonlySet<Key> | null = null;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const decided = await decide();
      try {
        const revision = await this.#write(decided, lacking);
        if (revision !== null) return { records: decided.changed, revision };
      } catch (error) {
        if (!(error instanceof LackingFamilies)) throw error;
        lacking = error.families;
      }
    }
    throw new ReviewError("runs change the collection all the time: try again when they have ended");
  }

  /** Null: what it rests on has changed meanwhile. */
  async #write({ changes, notes, expects = new Map() }: Decided, lacking: ReadonlySet<Key> | null) {
    const { store, space, rules } = this.#place.parts;
    const mirrored = changes.map(
      (change): MirrorChange => ({ ...change, waiting: [], settled: [], whole: false, scopes: [], barred: null }),
    );
    const pushes = [{ user: { id: "" }, request: { client: "", mutations: [mutationOf(mirrored)] } }];
    const { keys, families } = mirrored.length === 0 ? NO_KEYS : wantedOf(pushes, rules(), false, lacking);
    const wanted = { ...NOTHING_WANTED, keys, families, notes: [...expects.keys()] };
    const done = await store.write(space, wanted, (loaded): Batch & { revision: Revision | null } => {
      if ([...expects].some(([name, text]) => (loaded.notes?.get(name) ?? null) !== text))
        return { ...NOTHING_WRITTEN, revision: null };
      const link = { author: ingestAuthor(REVIEW, this.#collection), origin: 0, taken: null };
      const { batch, refused } = followMirror(loaded, mirrored, link, rules());
      for (const [key, { message }] of refused) throw new ReviewError(`${key} would not be allowed: ${message}`);
      return { ...batch, notes, revision: batch.entries.at(-1)?.revision ?? loaded.head.revision };
    });
    return must(done, `the space ${space} is there`).revision;
  }
}

const NO_KEYS = { keys: new Set<Key>(), families: NO_FAMILIES };
