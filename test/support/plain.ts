import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** All files of a folder. */
export function namesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  );
}

/** The files of a folder that hold these bytes, whatever kind they are of. */
export function filesWith(folder: string, text: string): string[] {
  return namesOf(folder).filter((path) => readFileSync(path).includes(text));
}
