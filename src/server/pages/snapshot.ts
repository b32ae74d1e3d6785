import type { Point } from "../../model/cursor.ts";
import type { Key } from "../../model/record.ts";
import type { Reading, Span } from "./span.ts";

/** One page of a snapshot: what it holds is found by its name, or read again from where it lies. */
export interface Page extends Pick<Span, "after"> {
  /** SHA-256 of its text. */
  readonly digest: string;
  readonly count: number;
  readonly last: Key;
  readonly more: boolean;
  /** The head at which its reading ended. */
  readonly head: Point;
}

interface Source {
  /** Reads the page behind a key. */
  read(after: Key | null): Promise<Reading>;
  /** Takes the text of a page; gives its digest. */
  keep(reading: Reading): string;
  /** Told of the keys at which the pages ended, but the last, once all have been read. */
  complete(bounds: readonly Key[]): Promise<void>;
}

/**
 * The pages of one scope, read once for all who copy it: whoever comes first reads, and the others wait for the same
 * page. What is not asked for is not read.
 */
export class Snapshot {
  readonly #source: Source;
  readonly #pages: Page[] = [];
  #reading: Promise<void> | null = null;
  #at: Point | null = null;
  #complete = false;

  constructor(source: Source) {
    this.#source = source;
  }

  /** The head before anything was read: the delta since then makes its pages a copy. Null: nothing was read yet. */
  get at(): Point | null {
    return this.#at;
  }

  /** The head at which the last page was read so far. */
  get head(): Point | null {
    return this.#pages.at(-1)?.head ?? this.#at;
  }

  get count(): number {
    return this.#pages.reduce((sum, { count }) => sum + count, 0);
  }

  /** A page by its place; null behind the last one. */
  async page(place: number): Promise<Page | null> {
    while (this.#pages.length <= place && !this.#complete) {
      this.#reading ??= this.#next().finally(() => {
        this.#reading = null;
      });
      await this.#reading;
    }
    return this.#pages[place] ?? null;
  }

  async #next(): Promise<void> {
    const after = this.#pages.at(-1)?.last ?? null;
    const reading = await this.#source.read(after);
    const { began, ended, last, count, more } = reading;
    this.#at ??= began;
    const pages = this.#pages;
    if (last !== null) pages.push({ digest: this.#source.keep(reading), after, count, last, more, head: ended });
    if (!more) await this.#source.complete(pages.slice(0, -1).map((page) => page.last));
    this.#complete = !more;
  }
}
