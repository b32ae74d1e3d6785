import { describe, expect, it } from "vitest";
import { collection, createClient } from "../../src/client/index.ts";
import { memoryStore } from "../../src/client/store/memory.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { clientOf, never } from "./support.ts";

const offline = async () => await never();

async function withRecords() {
  const client = clientOf({ fetch: offline });
  const records = [
    { id: "1", title: "pear", price: 3, sold: true },
    { id: "2", title: "Apple", price: 1, sold: false },
    { id: "3", title: "apple", price: null, sold: true },
    { id: "4", title: "fig", price: 3 },
  ];
  await client.mutate((tx) => {
    for (const record of records) tx.insert("fruits", record);
    tx.insert("fruit", { id: "other", price: 3 });
  }).local;
  return client;
}

const ids = (records: readonly { readonly id: string }[]) => records.map(({ id }) => id);

describe("reading", () => {
  it("[C5] gives the records of one collection that match, in order of their ids", async () => {
    const client = await withRecords();
    expect(ids(await client.query({ collection: "fruits" }))).toEqual(["1", "2", "3", "4"]);
    expect(ids(await client.query({ collection: "fruits", where: { price: { $gte: 2 } } }))).toEqual(["1", "4"]);
    expect(ids(await client.query({ collection: "fruits", where: { price: null } }))).toEqual(["3"]);
    expect(await client.query({ collection: "none" })).toEqual([]);
    expect(await client.get("fruits", "none")).toBe(null);
  });

  it("[C5] orders by several atoms, ascending or descending, and cuts to a limit", async () => {
    const client = await withRecords();
    expect(ids(await client.query({ collection: "fruits", orderBy: ["-price", "title"] }))).toEqual([
      "4",
      "1",
      "2",
      "3",
    ]);
    expect(ids(await client.query({ collection: "fruits", orderBy: "title", limit: 2 }))).toEqual(["2", "3"]);
    expect(ids(await client.query({ collection: "fruits", orderBy: "-sold" }))).toEqual(["1", "3", "2", "4"]);
  });

  it("[C5] a query that is not well formed is refused at once", async () => {
    const client = clientOf({ fetch: offline });
    expect(() => client.observe({ collection: "no-name" }, () => {})).toThrow("a name matches");
    await expect(client.query({ collection: "a", where: { x: { $near: 1 } as never } })).rejects.toMatchObject({
      path: "where.x.$near",
    });
    await expect(client.query({ collection: "a", limit: -1 })).rejects.toMatchObject({ code: "invalid" });
    expect(() => client.subscribe({ scope: "no scope" })).toThrow("a scope has");
  });

  it("[C5] [W9] an observer sees each change of its result once, and nothing else", async () => {
    const client = await withRecords();
    const seen: string[][] = [];
    const stop = client.observe({ collection: "fruits", where: { price: 3 }, orderBy: "title", limit: 2 }, (found) =>
      seen.push(ids(found)),
    );
    await client.query({ collection: "fruits" });
    const write = async (update: Parameters<typeof client.mutate>[0]) => {
      await client.mutate(update).local;
      await client.query({ collection: "fruits" });
    };
    await write((tx) => tx.update("fruits", "2", { price: 3 }));
    await write((tx) => tx.update("fruits", "3", { sold: false }));
    await write((tx) => tx.insert("fruit", { id: "x", price: 3 }));
    await write((tx) => tx.insert("fruits", { id: "0", title: "zebra", price: 3 }));
    await write((tx) => tx.delete("fruits", "2"));
    await write((tx) => tx.delete("fruits", "4"));
    stop();
    await write((tx) => tx.delete("fruits", "1"));
    expect(seen).toEqual([
      ["4", "1"],
      ["2", "4"],
      ["4", "1"],
      ["1", "0"],
    ]);
  });

  it("[C5] an observer's result is what the query gives, whatever was written", async () => {
    const seed = process.env.SEED ?? String(process.pid);
    const random = seededRandom(seed);
    const below = (most: number) => Math.floor(random.fraction() * most);
    const client = await withRecords();
    const query = { collection: "fruits", where: { price: { $gte: 2 } }, orderBy: "-price", limit: 5 };
    let told: readonly { readonly id: string }[] = [];
    client.observe(query, (found) => {
      told = found;
    });
    for (let round = 0; round < 200; round++) {
      const held = new Map((await client.query({ collection: "fruits" })).map((record) => [record.id, record]));
      await client.mutate((tx) => {
        for (const id of new Set([below(12), below(12), below(12)].map(String))) {
          if (!held.has(id)) tx.insert("fruits", { id, price: below(6) });
          else if (below(3) === 0) tx.delete("fruits", id);
          else tx.update("fruits", id, { price: below(6) });
        }
      }).local;
      expect(told, `SEED=${seed}, round ${round}`).toEqual(await client.query(query));
    }
  });

  it("[C3] a write is done when every observer has been told of it, however long the store takes to look", async () => {
    const store = memoryStore();
    const slow: typeof store = {
      ...store,
      async get(keys) {
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        return await store.get(keys);
      },
    };
    const client = clientOf({ fetch: offline, store: slow });
    const seen: string[][] = [];
    client.observe({ collection: "fruits" }, (found) => seen.push(ids(found)));
    await client.query({ collection: "fruits" });
    await client.mutate((tx) => tx.insert("fruits", { id: "1" })).local;
    expect(seen.at(-1)).toEqual(["1"]);
  });

  it("[C5] what is handed out cannot be changed", async () => {
    const client = await withRecords();
    const record = (await client.get("fruits", "1")) as { title: string };
    expect(() => {
      record.title = "changed";
    }).toThrow(TypeError);
    expect(await client.get("fruits", "1")).toMatchObject({ title: "pear" });
  });

  it("[C3] a write takes its values as they are when it is made", async () => {
    const client = clientOf({ fetch: offline });
    const tags = ["a"];
    const { local } = client.mutate((tx) => tx.insert("fruits", { id: "1", tags }));
    tags.push("b");
    await local;
    expect(await client.get("fruits", "1")).toEqual({ id: "1", tags: ["a"] });
  });

  it("[C1] the types of records come from the schema", async () => {
    type City = { id: string; name: string; size: number | null };
    const cities = collection<{
      readonly "~standard": {
        readonly version: 1;
        readonly vendor: "test";
        readonly validate: (value: unknown) => { value: City };
        readonly types?: { readonly input: unknown; readonly output: City };
      };
    }>({});
    const client = createClient({
      url: "http://server",
      space: "acme",
      fetch: offline,
      schema: { collections: { cities } },
    });
    await client.mutate((tx) => {
      tx.insert("cities", { id: "1", name: "Ulm", size: 1 });
      tx.update("cities", "1", { size: { $add: 2 } });
      // @ts-expect-error a name is a text
      tx.update("cities", "1", { name: 7 });
      // @ts-expect-error there is no such collection
      expect(() => tx.delete("towns", "1")).toThrow("not in the schema");
    }).local;
    const city: City | null = await client.get("cities", "1");
    expect(city?.id).toBe("1");
    await client.close();
  });
});
