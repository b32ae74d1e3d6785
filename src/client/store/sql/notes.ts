import type { Json } from "../../../util/json.ts";
import type { SqlDriver } from "./driver.ts";

/** Every note that can still be read from a damaged database: from both ends, as far as each of them goes. */
export function readableNotes(open: () => SqlDriver): Map<string, Json> {
  const notes = new Map<string, Json>();
  for (const order of ["ASC", "DESC"]) {
    try {
      const db = open();
      try {
        for (const { name, value } of db.prepare(`SELECT name, value FROM notes ORDER BY name ${order}`).iterate()) {
          const parsed = parsedNote(value);
          if (parsed !== undefined) notes.set(name as string, parsed);
        }
      } finally {
        db.close();
      }
    } catch {
      // From here on nothing can be read in this direction.
    }
  }
  return notes;
}

function parsedNote(value: unknown): Json | undefined {
  try {
    return JSON.parse(value as string) as Json;
  } catch {
    return undefined;
  }
}
