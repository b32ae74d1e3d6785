// `npm start`: serves the cities of the world, and says what to try next.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Presets, SingleBar } from "cli-progress";
import { createServer, listen, type Server } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { loadCities } from "./load.ts";
import { nextSteps } from "./next.ts";
import config from "./tidemark.config.ts";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "4848" },
    host: { type: "string", default: "127.0.0.1" },
    data: { type: "string", default: fileURLToPath(new URL("data", import.meta.url)) },
  },
});

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

async function start(): Promise<void> {
  const log = { info: () => undefined, error: (fields: object, text: string) => console.error(text, fields) };
  const server = createServer({ store: openSqliteStore({ path: options.data }), config, log });
  try {
    await server.ready;
    await load(server);
    if (!stop.signal.aborted) await serve(server);
  } finally {
    await server.close();
  }
}

/** Takes a few seconds the first time, and nothing after that. */
async function load(server: Server): Promise<void> {
  const bar = new SingleBar(
    { format: "loading the cities {bar} {percentage}% · {value}/{total}", hideCursor: true, noTTYOutput: false },
    Presets.shades_classic,
  );
  let begun = false;
  const progress = (done: number, all: number) => {
    if (begun) return bar.update(done);
    begun = true;
    if (process.stderr.isTTY !== true) console.error("loading the cities, once");
    bar.start(all, done);
  };
  try {
    await loadCities(server, { progress, stop: stop.signal });
  } finally {
    bar.stop();
  }
}

async function serve(server: Server): Promise<void> {
  const listening = await listen(server, { host: options.host, port: Number(options.port) });
  console.log(`listening on ${listening.url}`);
  console.error(nextSteps(listening.url, options.data));
  if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
  await listening.close();
}

await start().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
