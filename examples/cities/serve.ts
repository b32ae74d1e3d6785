import { Presets, SingleBar } from "cli-progress";
import { createServer, type Listening, listen, type Server, withConsole } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { loadCities } from "./load.ts";
import config from "./tidemark.config.ts";

export interface CitiesOptions {
  readonly host: string;
  readonly port: number;
  /** Folder of the data. */
  readonly data: string;
  /** Where it is aborted, loading ends between two transactions, and nothing is served. */
  readonly stop: AbortSignal;
}

/** Serves the cities, once they are loaded; null where it was stopped before. */
export async function serveCities({ host, port, data, stop }: CitiesOptions): Promise<Listening | null> {
  const log = { info: () => undefined, error: (fields: object, text: string) => console.error(text, fields) };
  const server = createServer({ store: openSqliteStore({ path: data }), config, log });
  try {
    await server.ready;
    await load(server, stop);
    if (!stop.aborted) return await listen(withConsole(server), { host, port });
  } catch (error) {
    await server.close();
    throw error;
  }
  await server.close();
  return null;
}

/** Takes a few seconds the first time, and nothing after that. */
async function load(server: Server, stop: AbortSignal): Promise<void> {
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
    await loadCities(server, { progress, stop });
  } finally {
    bar.stop();
  }
}
