import { type Point, pointOf } from "../../model/cursor.ts";
import type { Key } from "../../model/record.ts";
import { PAGE_BYTES, PAGE_RECORDS } from "../mirror.ts";
import { Questions, type Reader } from "../questions.ts";

/** Characters of a page: small enough to be fetched again, large enough to be worth a request. */
const SIZE = { least: 262_144, full: 1_048_576, most: 4_194_304 };

/** Records of one scope that follow each other in the order of keys. */
export interface Span {
  readonly scope: string;
  readonly collections?: readonly string[] | undefined;
  readonly after: Key | null;
  /** The last key; null: to the end of the scope. */
  readonly to: Key | null;
}

/** What was read of a span. */
export interface Reading {
  /** Put lines without their `at`, so that equal records make equal pages, whenever they were read. */
  readonly text: string;
  readonly count: number;
  /** The last key that was read; null where there was none. */
  readonly last: Key | null;
  /** Whether something may lie behind it. */
  readonly more: boolean;
  /** The heads at which the reading began and ended. */
  readonly began: Point;
  readonly ended: Point;
}

type Source = Pick<Span, "scope" | "collections" | "after">;

/** Reads all of a span in short reads, each at whatever revision it finds (P5). */
export async function readSpan(store: Reader, space: string, { to, ...source }: Span): Promise<Reading> {
  const gathering = new Gathering(store, space, source);
  while (await gathering.read(to)) {
    // On to its end.
  }
  return gathering.reading(to !== null);
}

/**
 * Reads as much as makes a page. It ends where a page ended before, where that is known and of a size that will do: so what
 * changes in one page moves no other.
 * - `bounds`: keys at which pages ended, in their order.
 */
export async function readPage(store: Reader, space: string, source: Source, bounds: readonly Key[]): Promise<Reading> {
  const gathering = new Gathering(store, space, source);
  for (const bound of bounds) {
    while (await gathering.read(bound)) if (gathering.size >= SIZE.most) return gathering.reading(true);
    if (gathering.size >= SIZE.least) return gathering.reading(true);
  }
  while (await gathering.read(null)) if (gathering.size >= SIZE.full) return gathering.reading(true);
  return gathering.reading(false);
}

class Gathering {
  readonly #store: Reader;
  readonly #space: string;
  readonly #source: Source;
  readonly #runs: { readonly collection: string; records: string }[] = [];
  #count = 0;
  #last: Key | null;
  #began: Point | null = null;
  #ended: Point | null = null;

  constructor(store: Reader, space: string, source: Source) {
    this.#store = store;
    this.#space = space;
    this.#source = source;
    this.#last = source.after;
  }

  get size(): number {
    return this.#runs.reduce((sum, { records }) => sum + records.length, 0);
  }

  /** Reads on, to a key at most; whether something remains before it. */
  async read(to: Key | null): Promise<boolean> {
    const { scope, collections } = this.#source;
    const from = { kind: "page", scope, collections, after: this.#last } as const;
    const questions = new Questions();
    // No id holds a control character.
    const end = to === null ? {} : { to: `${to}\u0001` };
    const place = questions.ask({ ...from, ...end, limit: PAGE_RECORDS, bytes: PAGE_BYTES });
    const answers = await questions.read(this.#store, this.#space);
    const { runs, last, more } = answers.of(place);
    for (const { collection, records, count } of runs) {
      const run = this.#runs.at(-1);
      if (run?.collection === collection) run.records += `,${records}`;
      else this.#runs.push({ collection, records });
      this.#count += count;
    }
    this.#last = last ?? this.#last;
    this.#ended = pointOf(answers.head.revision, answers.head.hash);
    this.#began ??= this.#ended;
    return more;
  }

  reading(more: boolean): Reading {
    const last = this.#count === 0 ? null : this.#last;
    const began = this.#began as Point;
    // One line for each collection: how it was read leaves no trace.
    const lines = this.#runs.map(
      ({ collection, records }) => `{"op":"put","collection":"${collection}","records":[${records}]}\n`,
    );
    return { text: lines.join(""), count: this.#count, last, more, began, ended: this.#ended ?? began };
  }
}

/** The lines of a page as they stand in an answer. */
export function withRevision(text: string, at: number): string {
  return text.replaceAll(/^(\{"op":"put","collection":"[^"]*")/gm, `$1,"at":${at}`);
}
