// The cities alone: `node examples/cities/start.ts`. With `npm start` they stand beside the board.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nextSteps } from "./next.ts";
import { serveCities } from "./serve.ts";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "4848" },
    host: { type: "string", default: "127.0.0.1" },
    data: { type: "string", default: fileURLToPath(new URL("data", import.meta.url)) },
  },
});

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

try {
  const cities = await serveCities({ ...options, port: Number(options.port), stop: stop.signal });
  if (cities !== null) {
    console.log(`listening on ${cities.url}`);
    console.error(nextSteps(cities.url, options.data));
    if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
    await cities.close();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
