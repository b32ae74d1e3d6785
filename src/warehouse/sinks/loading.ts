import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Those of this process. */
const own = new Set<string>();
let count = 0;

/**
 * A folder beside a warehouse, for what is being loaded: of one session alone, since two processes may work on a folder of
 * Parquet until one is overtaken. Those of processes that have ended without tidying up go.
 *
 * - `place`: what its name begins with.
 */
export function loadFolder(place: string): string {
  const [parent, prefix] = [dirname(place), `${basename(place)}.load-`];
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix) || own.has(join(parent, name))) continue;
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (pid === process.pid || !isRunning(pid)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  const folder = join(parent, `${prefix}${process.pid}-${count++}`);
  own.add(folder);
  return folder;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
