import { indexOfSpan, spanOf } from "../client/store/block.ts";
import { after } from "../client/store/rows.ts";
import type { Adopted, Batch, RecordLine, Row, Span } from "../client/store/store.ts";
import { compareKeys, type Key, keyOf, keyParts, type Revision } from "../model/record.ts";
import type { NoteRange, Store } from "../store/store.ts";
import { authoredOf, originsAt } from "../wire/authors.ts";
import type { PutLine } from "../wire/lines.ts";
import { pageName, pagesRoot, stagedName, stagedRoot, under } from "./names.ts";

/** What is remembered of a staged line beside its text. */
interface Kept {
  /** Where it is a put in key order; null: anything else. */
  readonly span: Span | null;
  readonly at: Revision;
  /** Its records are in the mirror, and its text is gone. */
  readonly taken: boolean;
}

/** A staged line that can be taken in as it is. */
export interface Page {
  readonly subscription: number;
  readonly position: number;
  readonly span: Span;
  readonly taken: boolean;
}

const READ = 1_000;

/**
 * What a link has received and not taken in (P5): lines in the notes of its space, each with a small note of what it spans,
 * so that none has to be read before its turn. Of a page that has been taken in only that note is left.
 */
export class Staging {
  readonly #store: Store;
  readonly #space: string;
  readonly #link: string;
  readonly #rows: (from: Key, to: Key) => AsyncIterable<readonly Row[]>;
  readonly #kept = new Map<number, Kept[]>();

  /** - `rows`: those of the mirror from a key, inclusive, to a key, exclusive. */
  constructor(
    { store, space, link }: { readonly store: Store; readonly space: string; readonly link: string },
    rows: (from: Key, to: Key) => AsyncIterable<readonly Row[]>,
  ) {
    this.#store = store;
    this.#space = space;
    this.#link = link;
    this.#rows = rows;
  }

  async open(): Promise<void> {
    this.#kept.clear();
    const root = pagesRoot(this.#link);
    const { from, to } = under(root);
    for (let next = from; ; ) {
      const found = await this.#between({ from: next, to }, READ);
      for (const [name, text] of found) {
        const number = Number(name.slice(root.length).split("/")[0]);
        this.#keep(number, JSON.parse(text) as Kept);
      }
      if (found.length < READ) return;
      next = `${found.at(-1)?.[0]}\u0001`;
    }
  }

  spans(subscription: number): Span[] {
    const spans = this.#of(subscription).map(({ span }) => span);
    const end = spans.indexOf(null);
    return (end < 0 ? spans : spans.slice(0, end)) as Span[];
  }

  async lines(subscription: number, skip: number, limit: number): Promise<RecordLine[]> {
    const lines: RecordLine[] = [];
    const end = Math.min(skip + limit, this.#of(subscription).length);
    for (let position = skip; position < end; position++) lines.push(await this.line(subscription, position));
    return lines;
  }

  /** A staged line; what has been taken in already is read from the mirror. */
  async line(subscription: number, position: number): Promise<RecordLine> {
    const { span, at, taken } = this.#of(subscription)[position] as Kept;
    if (taken && span !== null) return await this.#rebuilt(subscription, span, at);
    const names = [stagedName(this.#link, subscription, position)];
    const answer = await this.#store.read(this.#space, [{ kind: "notes", names }]);
    return JSON.parse(answer?.results[0].get(names[0] as string) ?? "") as RecordLine;
  }

  /** The rows of these keys as they would be adopted. */
  async rows(adopt: readonly Adopted[], keys: readonly Key[]): Promise<(Row | undefined)[]> {
    const found = new Map<Key, Row>();
    for (const { subscription, lines } of adopt) {
      const spans = this.spans(subscription).slice(0, lines);
      const wanted = new Map<number, Set<Key>>();
      for (const key of keys) {
        const position = indexOfSpan(spans, key);
        const span = spans[position];
        if (span === undefined || compareKeys(span.first, key) > 0) continue;
        wanted.set(position, (wanted.get(position) ?? new Set()).add(key));
      }
      for (const [position, some] of wanted) {
        const line = (await this.line(subscription, position)) as PutLine;
        for (const row of rowsOfPage(line, subscription)) if (some.has(row.key)) found.set(row.key, row);
      }
    }
    return keys.map((key) => found.get(key));
  }

  /** What is adopted, in key order. */
  pages(adopt: readonly Adopted[]): Page[] {
    const pages = adopt.flatMap(({ subscription, lines }) =>
      this.#of(subscription)
        .slice(0, lines)
        .map(({ span, taken }, position): Page => ({ subscription, position, span: span as Span, taken })),
    );
    return pages.sort((a, b) => compareKeys(a.span.first, b.span.first));
  }

  /** The notes that say that a page has been taken in; `took` says it here afterwards. */
  taking({ subscription, position }: Page): Map<string, string | null> {
    const kept: Kept = { ...(this.#of(subscription)[position] as Kept), taken: true };
    return new Map([
      [stagedName(this.#link, subscription, position), null],
      [pageName(this.#link, subscription, position), JSON.stringify(kept)],
    ]);
  }

  took({ subscription, position }: Page): void {
    const all = this.#of(subscription);
    all[position] = { ...(all[position] as Kept), taken: true };
  }

  /** What a batch changes here, in the store; `wrote` says it here afterwards. */
  writing(batch: Batch): { readonly clear: NoteRange[]; readonly notes: Map<string, string | null> } {
    const gone = goneIn(batch);
    const notes = new Map<string, string | null>();
    for (const { subscription, lines } of batch.stage ?? []) {
      const first = gone.includes(subscription) ? 0 : this.#of(subscription).length;
      for (const [i, { text, line }] of lines.entries()) {
        notes.set(stagedName(this.#link, subscription, first + i), text);
        notes.set(pageName(this.#link, subscription, first + i), JSON.stringify(keptOf(line)));
      }
    }
    const roots = gone.flatMap((number) => [stagedRoot(this.#link, number), pagesRoot(this.#link, number)]);
    return { clear: roots.map(under), notes };
  }

  wrote(batch: Batch): void {
    for (const number of goneIn(batch)) this.#kept.delete(number);
    for (const { subscription, lines } of batch.stage ?? []) {
      for (const { line } of lines) this.#keep(subscription, keptOf(line));
    }
  }

  async #rebuilt(subscription: number, span: Span, at: Revision): Promise<PutLine> {
    const taken: Row[] = [];
    for await (const rows of this.#rows(span.first, after(span.last))) {
      for (const row of rows) if (row.holders.includes(subscription)) taken.push(row);
    }
    const records = taken.map(({ data }) => data);
    const authors = authoredOf(taken.map(({ origins }) => origins));
    return { op: "put", collection: keyParts(span.first).collection, at, records, ...authors };
  }

  #of(subscription: number): Kept[] {
    return this.#kept.get(subscription) ?? [];
  }

  #keep(subscription: number, kept: Kept): void {
    const known = this.#kept.get(subscription);
    if (known === undefined) this.#kept.set(subscription, [kept]);
    else known.push(kept);
  }

  async #between({ from, to }: NoteRange, limit: number) {
    const answer = await this.#store.read(this.#space, [{ kind: "notes-between", from, to, limit }]);
    return answer?.results[0] ?? [];
  }
}

/** A page as rows that its subscription alone holds. */
export function rowsOfPage(line: PutLine, subscription: number): Row[] {
  const { collection, at, records } = line;
  return records.map((data, i) => {
    const origins = originsAt(line, i);
    return { key: keyOf(collection, data.id), at, holders: [subscription], data, ...(origins && { origins }) };
  });
}

function keptOf(line: RecordLine): Kept {
  return { span: spanOf(line), at: line.at, taken: false };
}

/** Subscriptions of which nothing that was staged is left. */
function goneIn({ unstage = [], adopt = [] }: Batch): number[] {
  return [...unstage, ...adopt.map(({ subscription }) => subscription)];
}
