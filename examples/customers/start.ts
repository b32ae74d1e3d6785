// `npm run customers`: three systems, a server that picks up what they know, a page, and reports.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Listening } from "tidemark/server";
import { builtPage } from "../tasks/server/page.ts";
import { nextSteps } from "./server/next.ts";
import { listenWith, serveCustomers } from "./server/serve.ts";
import { Systems } from "./systems/systems.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "4850" },
    "systems-port": { type: "string", default: "4851" },
    data: { type: "string", default: join(here, "data") },
    seed: { type: "string", default: "17" },
    every: { type: "string", default: "1m" },
    /** Seconds between two things that happen in the systems by themselves; 0: nothing does. */
    life: { type: "string", default: "20" },
    /** How often the survey tool fails before it answers: more than six times, and a request is given up. */
    down: { type: "string", default: "6" },
  },
});

const stop = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
});
const log = {
  // A run that brought nothing is no news.
  info: (fields: { read?: number }, text: string) => fields.read !== 0 && console.error(text, oneLine(fields)),
  error: (fields: object, text: string) => console.error(text, oneLine(fields)),
};
const running: Listening[] = [];
try {
  const { data, seed, every } = options;
  const page = await builtPage(join(here, "dist"), here);
  const pause = Number(options.life) * 1000;
  const systems = new Systems({
    folder: join(data, "systems"),
    seed,
    pause,
    down: Number(options.down),
    now: Date.now,
  });
  const them = await listenWith(systems.handler, Number(options["systems-port"]));
  running.push(them);
  // The configuration is the same for `serve` and for this; here it says where the systems are, and picks up oftener.
  Object.assign(process.env, { CUSTOMERS_SYSTEMS: them.url, CUSTOMERS_DATA: data, CUSTOMERS_EVERY: every });
  const { default: config } = await import("./tidemark.config.ts");
  const port = Number(options.port);
  const server = await serveCustomers({ port, data: join(data, "server"), page, config, pause: 5_000, log });
  running.unshift(server);
  console.log(`the systems are at ${them.url}`);
  console.log(`the customers are at ${server.url}`);
  console.error(nextSteps(server.url, them.url, data));
  await stop;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  for (const each of running) await each.close();
}

function oneLine(fields: object): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== 0 && value !== "" && value !== "main")
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}
