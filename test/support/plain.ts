import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The files of a folder that hold these bytes, whatever kind they are of. */
export function filesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    return entry.isFile() && readFileSync(path).includes(text) ? [path] : [];
  });
}
