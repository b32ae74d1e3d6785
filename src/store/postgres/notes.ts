import type { Batch, NotesBetweenQuery } from "../store.ts";
import type { Session } from "./session.ts";
import { arrayOf } from "./values.ts";

interface NoteColumns {
  readonly name: string;
  readonly text: string;
}

export async function loadNotes(
  session: Session,
  space: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map();
  const found = await session.query<NoteColumns>(
    "SELECT name, text FROM note WHERE space = $1 AND name = ANY ($2::text::text[])",
    [space, arrayOf(names)],
  );
  return new Map(found.map(({ name, text }) => [name, text]));
}

export async function notesBetween(
  session: Session,
  space: string,
  { from, to, limit }: NotesBetweenQuery,
): Promise<readonly (readonly [string, string])[]> {
  const found = await session.query<NoteColumns>(
    "SELECT name, text FROM note WHERE space = $1 AND name >= $2 AND name < $3 ORDER BY name LIMIT $4::text::bigint",
    [space, from, to, String(Number.isFinite(limit) ? limit : Number.MAX_SAFE_INTEGER)],
  );
  return found.map(({ name, text }) => [name, text] as const);
}

export const CLEARED = `
  DELETE FROM note n USING unnest($2::text::text[], $3::text::text[]) r("from", "to")
  WHERE n.space = $1 AND n.name >= r."from" AND n.name < r."to"`;

export function clearedOf({ clear = [] }: Batch): string[][] {
  return clear.map(({ from, to }) => [from, to]);
}

export const FORGOTTEN = `DELETE FROM note WHERE space = $1 AND name = ANY ($2::text::text[])`;

export function forgottenOf({ notes = new Map() }: Batch): string[][] {
  return [...notes].flatMap(([name, text]) => (text === null ? [[name]] : []));
}

export const NOTES = `
  INSERT INTO note (space, name, text) SELECT $1, * FROM unnest($2::text::text[], $3::text::text[])
  ON CONFLICT (space, name) DO UPDATE SET text = excluded.text`;

export function notesOf({ notes = new Map<string, string | null>() }: Batch): string[][] {
  return [...notes].flatMap(([name, text]) => (text === null ? [] : [[name, text]]));
}
