import { setImmediate as turn } from "node:timers/promises";
import { record } from "../../records.ts";
import { type LiveModule, now, type Series } from "./work.ts";

/** The one who writes, in a process of its own: one series after the other, each as fast as the system takes it. */

/** After so many writes what waits on sockets has its turn. */
const BEFORE_TURN = 10;

process.on("disconnect", () => process.exit(0));
const [module, address, name] = process.argv.slice(2) as [string, string, string];
const { openWriter } = (await import(module)) as LiveModule;
const write = await openWriter(JSON.parse(address) as never, name);
process.on("message", (series: Series) => void written(series));
process.send?.({ ready: true });

async function written({ records, from }: Series): Promise<void> {
  const rows = records.map((number, i) => ({ ...record(number, i), updated: from + i }));
  const started = now();
  for (const [i, row] of rows.entries()) {
    await write(row);
    if (i % BEFORE_TURN === BEFORE_TURN - 1) await turn();
  }
  process.send?.({ started });
}
