// The board alone: `node examples/tasks/start.ts`. With `npm start` it stands beside the cities.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { builtPage } from "./server/page.ts";
import { serveBoard } from "./server/serve.ts";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "4849" },
    data: { type: "string", default: fileURLToPath(new URL("data", import.meta.url)) },
  },
});

const stop = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
});
try {
  const board = await serveBoard({ port: Number(options.port), data: options.data, page: await builtPage() });
  console.log(`the board is at ${board.url}`);
  await stop;
  await board.close();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
