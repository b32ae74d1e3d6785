import { peakMemory } from "../measure.ts";
import { countedBytes } from "./bytes.ts";
import type { Question } from "./server.ts";
import type { OpenReplica, Replica, Row, Work } from "./work.ts";
import { ASKED, changedRows, pendingRows, sleep, until } from "./work.ts";

/** One system's client, a process of its own with an empty replica: all the work in turn, each result told at once. */

/** Long enough for acknowledgements that follow the work; their bytes count, their time does not. */
const AFTERMATH_MS = 300;

const bytes = countedBytes();
process.on("disconnect", () => process.exit(0));
const [module, address, count, number] = process.argv.slice(2) as [string, string, string, string];
const [records, run] = [Number(count), Number(number)];
const { open } = (await import(module)) as { open: OpenReplica };
const replica = await open(JSON.parse(address) as never, { run });

await measured("copy", () => replica.copy());
if ((await replica.size()) < records) throw new Error(`the copy holds ${await replica.size()} of ${records} records`);
const peak = peakMemory();
for (let i = 0; i < ASKED; i++) {
  await replica.offline();
  await measured("nothing", () => replica.nothing());
}
await replica.offline();
const changed = changedRows(records, await asked({ ask: "change" }));
await measured("catchup", () => replica.catchUp(() => shows(replica, changed.slice(-1))));
if (!(await shows(replica, changed))) throw new Error("the catch-up left records as they were");
await replica.offline();
const ids = pendingRows(run).map(({ id }) => id);
await replica.queue(pendingRows(run));
await measured("push", () => replica.push(held));
if ((await holds(ids)) < ids.length) throw new Error("the server lacks records that were pushed");
await replica.close();
process.send?.({ peak });

async function measured(work: Work, job: () => Promise<number | void>): Promise<void> {
  process.send?.({ doing: work });
  const before = bytes();
  const start = performance.now();
  const uncounted = (await job()) ?? 0;
  const ms = performance.now() - start - uncounted;
  await sleep(AFTERMATH_MS);
  const after = bytes();
  process.send?.({ sample: { work, ms, down: after.down - before.down, up: after.up - before.up } });
}

async function shows(held: Replica, rows: readonly Row[]): Promise<boolean> {
  for (const { id, updated } of rows) if ((await held.read(id))?.updated !== updated) return false;
  return true;
}

async function held(): Promise<void> {
  await until(async () => (await holds(ids.slice(-1))) === 1 && (await holds(ids)) === ids.length, 5);
}

function holds(wanted: readonly string[]): Promise<number> {
  return asked({ ask: "holds", ids: wanted });
}

/** The server process answers by way of the driver, so that the question is on no counted connection. */
function asked(question: { ask: "change" } | { ask: "holds"; ids: readonly string[] }): Promise<number> {
  const id = performance.now();
  return new Promise((done, fail) => {
    const hear = (reply: { id: number; answer?: number; error?: string }) => {
      if (reply.id !== id) return;
      process.off("message", hear);
      if (reply.answer === undefined) fail(new Error(reply.error));
      else done(reply.answer);
    };
    process.on("message", hear);
    process.send?.({ question: { ...question, id } satisfies Question });
  });
}
