import type { Batch, NotesBetweenQuery } from "../store.ts";
import type { Connection } from "./connection.ts";

export function loadNotes(
  connection: Connection,
  space: number,
  names: readonly string[],
): ReadonlyMap<string, string> {
  const notes = new Map<string, string>();
  for (const name of names) {
    const row = connection.one<{ text: string }>("SELECT text FROM note WHERE space = ? AND name = ?", space, name);
    if (row !== undefined) notes.set(name, row.text);
  }
  return notes;
}

export function notesBetween(
  connection: Connection,
  space: number,
  { from, to, limit }: NotesBetweenQuery,
): readonly (readonly [string, string])[] {
  return connection
    .all<{ name: string; text: string }>(
      "SELECT name, text FROM note WHERE space = ? AND name >= ? AND name < ? ORDER BY name LIMIT ?",
      space,
      from,
      to,
      limit,
    )
    .map(({ name, text }) => [name, text] as const);
}

export function writeNotes(connection: Connection, space: number, { clear = [], notes = new Map() }: Batch): void {
  for (const { from, to } of clear) {
    connection.run("DELETE FROM note WHERE space = ? AND name >= ? AND name < ?", space, from, to);
  }
  for (const [name, text] of notes) {
    if (text === null) connection.run("DELETE FROM note WHERE space = ? AND name = ?", space, name);
    else {
      connection.run(
        "INSERT INTO note (space, name, text) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text",
        space,
        name,
        text,
      );
    }
  }
}
