import type { Key } from "../../../model/record.ts";
import { indexOfSpan, type Piece } from "../block.ts";
import { rowIn } from "../rows.ts";
import type { Adopted, RecordLine, Row, Span } from "../store.ts";
import { openedBlock } from "./blocks.ts";
import type { Statements } from "./statements.ts";

const LINE =
  "SELECT s.first, s.last, s.collection, s.at, s.subscription AS holder, t.text AS content FROM staged s JOIN texts t ON t.id = s.text";

/** Lines that have arrived and are not shown yet. A put in key order is staged as blocks, which can be adopted. */
export class StagedLines {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  drop(subscription: number): void {
    const sql = "DELETE FROM texts WHERE id IN (SELECT text FROM staged WHERE subscription = ?)";
    this.#statements.run(sql, [subscription]);
    this.#statements.run("DELETE FROM staged WHERE subscription = ?", [subscription]);
  }

  add(subscription: number, pieces: readonly Piece[]): void {
    const sql = "SELECT coalesce(max(position) + 1, 0) AS next FROM staged WHERE subscription = ?";
    let position = this.#statements.all(sql, [subscription])[0]?.["next"] as number;
    for (const { block, content } of pieces) {
      const { first = null, last = null, collection = null, at = null, count = null } = block ?? {};
      this.#insert([subscription, position++, first, last, collection, at, count], content);
    }
  }

  lines(subscription: number, skip: number, limit: number): RecordLine[] {
    const sql = `${LINE} WHERE s.subscription = ? AND s.position >= ? ORDER BY s.position LIMIT ?`;
    return this.#statements.all(sql, [subscription, skip, limit]).map((found) => {
      if (found["first"] === null) return this.#statements.parsed(found["content"], "a staged line") as RecordLine;
      const { collection, at, records } = openedBlock(this.#statements, found);
      return { op: "put", collection, at, records };
    });
  }

  spans(subscription: number): Span[] {
    const sql = "SELECT first, last FROM staged WHERE subscription = ? ORDER BY position";
    const spans = this.#statements.all(sql, [subscription]);
    const end = spans.findIndex(({ first }) => first === null);
    return (end < 0 ? spans : spans.slice(0, end)) as unknown as Span[];
  }

  /** The rows of these keys as they would be adopted. */
  rows(adopt: readonly Adopted[], keys: readonly Key[]): (Row | undefined)[] {
    const rows = new Map<Key, Row | undefined>();
    for (const { subscription, lines } of adopt) {
      const spans = this.spans(subscription).slice(0, lines);
      for (const key of keys) {
        const position = indexOfSpan(spans, key);
        const found = this.#statements.all(`${LINE} WHERE s.subscription = ? AND s.position = ?`, [
          subscription,
          position,
        ])[0];
        if (position < spans.length && found !== undefined)
          rows.set(key, rowIn(openedBlock(this.#statements, found), key) ?? rows.get(key));
      }
    }
    return keys.map((key) => rows.get(key));
  }

  #insert(fields: readonly (string | number | null)[], text: string): void {
    const id = this.#statements.run("INSERT INTO texts (text) VALUES (?)", [text]);
    const sql =
      "INSERT INTO staged (subscription, position, first, last, collection, at, count, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    this.#statements.run(sql, [...fields, id]);
  }
}
