import { ALL } from "../../model/names.ts";
import type { Revision } from "../../model/record.ts";
import { must } from "../../util/assert.ts";
import { compareUtf8 } from "../../util/utf8.ts";
import type { ScopeName } from "../store.ts";
import type { Connection } from "./connection.ts";

const KINDS = { scope: 1, author: 2, collection: 3 } as const;
export type NameKind = keyof typeof KINDS;

/** Names remembered before all are forgotten: some megabytes. */
const MOST_REMEMBERED = 50_000;

/** Names as the small numbers that stand for them in the tables. A number is of one space only. */
export class Names {
  readonly #connection: Connection;
  /** By space, kind and text. */
  readonly #numbers = new Map<number, Record<NameKind, Map<string, number>>>();
  readonly #texts = new Map<number, string>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The number of a name, or undefined where the space has never used it. */
  find(space: number, kind: NameKind, text: string): number | undefined {
    const known = this.#numbers.get(space)?.[kind].get(text);
    if (known !== undefined) return known;
    const row = this.#connection.one<{ id: number }>(
      "SELECT id FROM name WHERE space = ? AND kind = ? AND text = ?",
      space,
      KINDS[kind],
      text,
    );
    if (row) this.#remember(space, kind, text, row.id);
    return row?.id;
  }

  /** The number of a name, given out now where there was none; that of a scope since a revision. */
  intern(space: number, kind: NameKind, text: string, since: Revision | null = null): number {
    const known = this.find(space, kind, text);
    if (known !== undefined) return known;
    const id = this.#connection.run(
      "INSERT INTO name (space, kind, text, since) VALUES (?, ?, ?, ?)",
      space,
      KINDS[kind],
      text,
      since,
    );
    this.#remember(space, kind, text, Number(id.lastInsertRowid));
    return Number(id.lastInsertRowid);
  }

  text(id: number): string {
    const known = this.#texts.get(id);
    if (known !== undefined) return known;
    const row = must(
      this.#connection.one<{ text: string }>("SELECT text FROM name WHERE id = ?", id),
      "a number has a name",
    );
    if (this.#texts.size >= MOST_REMEMBERED) this.forget();
    this.#texts.set(id, row.text);
    return row.text;
  }

  /** Those of a space's scopes that begin with a prefix and are newer than a revision, by that and by name. */
  scopes(space: number, prefix: string, after: Revision): ScopeName[] {
    // Few scopes are new, so these are found by age; all of them by their names, which lie together.
    const found =
      after > 0
        ? this.#connection.all<ScopeName>(
            "SELECT text AS scope, since FROM name WHERE space = ? AND since > ? ORDER BY since, text",
            space,
            after,
          )
        : this.#connection.all<ScopeName>(
            "SELECT text AS scope, since FROM name WHERE space = ? AND kind = 1 AND text >= ? AND text < ?",
            space,
            prefix,
            `${prefix}\u{10ffff}`,
          );
    const own = found.filter(({ scope }) => scope.startsWith(prefix) && scope !== ALL);
    return after > 0 ? own : own.sort((a, b) => a.since - b.since || compareUtf8(a.scope, b.scope));
  }

  /** The collections of a space by name, in the order of keys. */
  collections(space: number): readonly { readonly id: number; readonly text: string }[] {
    return this.#connection.all("SELECT id, text FROM name WHERE space = ? AND kind = 3 ORDER BY text", space);
  }

  /** After a rollback: numbers that it took back would otherwise be used. */
  forget(): void {
    this.#numbers.clear();
    this.#texts.clear();
  }

  #remember(space: number, kind: NameKind, text: string, id: number): void {
    if (this.#texts.size >= MOST_REMEMBERED) this.forget();
    const numbers = this.#numbers.get(space) ?? { scope: new Map(), author: new Map(), collection: new Map() };
    this.#numbers.set(space, numbers);
    numbers[kind].set(text, id);
    this.#texts.set(id, text);
  }
}
