import { rmSync } from "node:fs";
import type { ServerSide, StartServer } from "./work.ts";
import { changedRows, TIMES } from "./work.ts";

/** One system's server, a process of its own: started with its records, then asked by the driver. */

export type Question =
  | { readonly id: number; readonly ask: "change" }
  | { readonly id: number; readonly ask: "holds"; readonly ids: readonly string[] };

const [module, folder, count] = process.argv.slice(2) as [string, string, string];
const records = Number(count);
const { start } = (await import(module)) as { start: StartServer };
const server = await start({ folder, records });
let version = 0;

process.on("message", (question: Question) => {
  void answered(server, question).then(
    (answer) => process.send?.({ id: question.id, answer }),
    (error: unknown) => process.send?.({ id: question.id, error: String(error) }),
  );
});
// Also when the driver was killed, which then removes nothing.
process.on("disconnect", () => {
  void (server.close?.() ?? Promise.resolve()).finally(() => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  });
});
process.send?.({ address: server.address });

async function answered(side: ServerSide, question: Question): Promise<number> {
  if (question.ask === "holds") return side.holds(question.ids);
  for (let i = 0; i < TIMES; i++) await side.change(changedRows(records, ++version));
  return version;
}
