import { expect, onTestFinished } from "vitest";
import type { Config } from "../../src/server/index.ts";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import type { Store } from "../../src/store/store.ts";
import { clientOf, type Watched } from "../client/support.ts";
import { LiveServer } from "./live.ts";

/** Two servers on one database, and a client of each that follows everything. */
export interface Pair {
  readonly ann: Watched;
  readonly bob: Watched;
  readonly stores: readonly Store[];
}

export async function pairOn(url: string, config: Config = {}): Promise<Pair> {
  const stores = [await openPostgresStore({ url }), await openPostgresStore({ url })];
  const clients: Watched[] = [];
  for (const store of stores) {
    const server = await LiveServer.start(config, { store, log: QUIET });
    onTestFinished(async () => {
      await server[Symbol.asyncDispose]();
      await store.close();
    });
    await server.push({ client: "first", mutations: [] }).catch(() => undefined);
    const client = clientOf({ url: server.url, space: "acme" });
    await client.subscribe({ scope: "*" }).ready;
    clients.push(client);
  }
  const [ann, bob] = clients as [Watched, Watched];
  return { ann, bob, stores };
}

/** That their database is gone for a while is what these servers are told to live through. */
const QUIET = { info: () => undefined, error: () => undefined };

const all = { collection: "items" };

export const recordsOf = (client: Watched) => client.query(all);

/** Both are told, by nobody but their servers, that the history is another one now. */
export async function noticed({ ann, bob }: Pair): Promise<void> {
  for (const { told } of [ann, bob]) {
    const events = () => told.map(({ event }) => event);
    await expect.poll(events, PATIENCE).toContain("recovered");
  }
}

/** Both come, by themselves, to these records, and find nothing wrong with them. */
export async function agree({ ann, bob }: Pair, records: readonly object[]): Promise<void> {
  for (const client of [ann, bob]) {
    await expect.poll(() => recordsOf(client), PATIENCE).toEqual(records);
    await expect.poll(() => client.status, PATIENCE).toMatchObject({ state: "upToDate", pending: 0 });
    expect(await client.verify()).toMatchObject({ ok: true });
  }
  for (const client of [ann, bob]) expect(await recordsOf(client)).toEqual(records);
}

const PATIENCE = { timeout: 60_000, interval: 50 };
