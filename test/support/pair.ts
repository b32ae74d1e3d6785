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

export const idsOf = async (client: Watched) => (await client.query({ collection: "items" })).map(({ id }) => id);

/** Both find, by themselves, the same records, and nothing wrong with them. */
export async function agree({ ann, bob }: Pair, ids: readonly string[]): Promise<void> {
  for (const client of [ann, bob]) {
    await expect.poll(() => idsOf(client), PATIENCE).toEqual(ids);
    await expect.poll(() => client.status, PATIENCE).toMatchObject({ state: "upToDate", pending: 0 });
    expect(await client.verify()).toMatchObject({ ok: true });
  }
  expect(await ann.query({ collection: "items" })).toEqual(await bob.query({ collection: "items" }));
}

const PATIENCE = { timeout: 60_000, interval: 50 };
