import type { Key } from "../../../model/record.ts";
import type { Json } from "../../../util/json.ts";
import type { PackedBatch } from "../block.ts";
import type { Adopted, Content, RecordLine, Row, Span } from "../store.ts";
import type { SqlDriver } from "./driver.ts";
import { SqlRows } from "./rows.ts";
import { StagedLines } from "./staged.ts";
import { Statements } from "./statements.ts";

/** What a client store does, on one open database; all of it at once, as SQLite does. */
export class OpenDatabase {
  readonly #statements: Statements;
  readonly #rows: SqlRows;
  readonly #staged: StagedLines;

  constructor(db: SqlDriver, name: string) {
    this.#statements = new Statements(db, name);
    this.#rows = new SqlRows(this.#statements);
    this.#staged = new StagedLines(this.#statements);
  }

  /** What was found to be damaged since it was opened. */
  get suspect(): string | null {
    return this.#statements.suspect;
  }

  notes(prefix: string, limit = -1): (readonly [string, Json])[] {
    const sql = "SELECT name, value FROM notes WHERE name >= ? AND name < ? ORDER BY name LIMIT ?";
    // Names are ASCII, so that everything with the prefix sorts before this.
    const notes = this.#statements.all(sql, [prefix, `${prefix}\u{10ffff}`, limit]);
    return notes.map(({ name, value }) => [name as string, this.#statements.parsed(value, `the note ${name}`) as Json]);
  }

  get(keys: readonly Key[]): (Row | undefined)[] {
    return keys.map((key) => this.#rows.get(key));
  }

  scan(from: Key | null, to: Key | null, limit: number): Row[] {
    return this.#rows.scan(from, to, limit);
  }

  staged(subscription: number, skip: number, limit: number): RecordLine[] {
    return this.#staged.lines(subscription, skip, limit);
  }

  spans(subscription: number): Span[] {
    return this.#staged.spans(subscription);
  }

  isFree(span: Span): boolean {
    return this.#rows.isFree(span);
  }

  stagedRows(adopt: readonly Adopted[], keys: readonly Key[]): (Row | undefined)[] {
    return this.#staged.rows(adopt, keys);
  }

  contents(from: Key | null, to: Key | null): Generator<Content> {
    return this.#rows.contents(from, to);
  }

  write(batch: PackedBatch): void {
    this.#statements.transaction(batch.lazy === true, () => this.#apply(batch));
    if (batch.erased !== undefined && batch.erased.length > 0) this.#statements.rewrite();
  }

  close(): void {
    this.#statements.close();
  }

  #apply(batch: PackedBatch): void {
    for (const subscription of batch.unstage ?? []) this.#staged.drop(subscription);
    if (batch.wipe) this.#rows.wipe();
    for (const { subscription, pieces } of batch.stage ?? []) this.#staged.add(subscription, pieces);
    for (const adopted of batch.adopt ?? []) {
      this.#rows.adopt(adopted);
      this.#staged.drop(adopted.subscription);
    }
    if (batch.rows !== undefined) this.#rows.write(batch.rows);
    for (const [name, value] of batch.notes ?? []) {
      if (value === null) this.#statements.run("DELETE FROM notes WHERE name = ?", [name]);
      else
        this.#statements.run("INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)", [name, JSON.stringify(value)]);
    }
  }
}
