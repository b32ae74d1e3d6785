// `npm start`: the task board, and beside it the cities of the world; each says where it is.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Listening } from "tidemark/server";
import { nextSteps } from "./cities/next.ts";
import { serveCities } from "./cities/serve.ts";
import { builtPage } from "./tasks/server/page.ts";
import { serveBoard } from "./tasks/server/serve.ts";

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "4848" },
    host: { type: "string", default: "127.0.0.1" },
    data: { type: "string", default: folder("cities/data") },
    "board-port": { type: "string", default: "4849" },
    "board-data": { type: "string", default: folder("tasks/data") },
  },
});

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

const served: Listening[] = [];
try {
  const page = await builtPage();
  const board = await serveBoard({ port: Number(options["board-port"]), data: options["board-data"], page });
  served.push(board);
  console.log(`the board is at ${board.url}`);
  console.error("open it in two windows, as two people; switch one of them offline, and edit in both\n");
  const cities = await serveCities({ ...options, port: Number(options.port), stop: stop.signal });
  if (cities !== null) {
    served.push(cities);
    console.log(`listening on ${cities.url}`);
    console.error(nextSteps(cities.url, options.data));
    if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await Promise.all(served.map((each) => each.close()));
}
