import { expect, it } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { schemaUrl } from "../support/postgres.ts";
import { insert, ofOp, remove, SPACE, TestServer, update } from "../support/server.ts";

const ALL = { subscriptions: [{ scope: "*" }], pages: true };
const large = (i: number) => insert(`r${String(i).padStart(3, "0")}`, { text: `${i} `.padEnd(120_000, "x") });
it("[K2] [P17] what one server erases goes from the pages in the memory of another", async () => {
  const url = await schemaUrl();
  await using one = new TestServer({}, { store: await openPostgresStore({ url }) });
  await using two = new TestServer({}, { store: await openPostgresStore({ url }) });
  for (let i = 0; i < 40; i += 20)
    await one.write(
      "c0",
      Array.from({ length: 20 }, (_, j) => large(i + j)),
    );
  const [page] = ofOp(await two.pull(ALL), "page");
  const fetched = async () => (await two.request(`${SPACE}/${page?.href}`)).text();
  const [id] = /r\d{3}/.exec(await fetched()) ?? [];
  expect((await one.post(`${SPACE}/erase`, { collection: "items", id })).status).toBe(200);
  await expect.poll(fetched, { timeout: 20_000 }).not.toContain(`"${id}"`);
});

it("[P17] [P18] [R7] servers on one database give the same addresses to what is the same, and each other's pages", async () => {
  const url = await schemaUrl();
  await using one = new TestServer({}, { store: await openPostgresStore({ url }) });
  await using two = new TestServer({}, { store: await openPostgresStore({ url }) });
  for (let i = 0; i < 60; i += 20)
    await one.write(
      "c0",
      Array.from({ length: 20 }, (_, j) => large(i + j)),
    );
  const pagesOf = async (server: TestServer) => ofOp(await server.pull(ALL), "page");
  const [first, second] = [await pagesOf(one), await pagesOf(two)];
  expect(first.length).toBeGreaterThanOrEqual(3);
  expect(second.map(({ digest }) => digest)).toEqual(first.map(({ digest }) => digest));
  const texts = await Promise.all(
    [one, two].map(async (server) => (await server.request(`${SPACE}/${first[0]?.href}`)).text()),
  );
  expect(texts[1]).toBe(texts[0]);
  // Another server begins with what has been written since: only pages in which that lies are others.
  await one.write("c1", [insert("r000a"), remove("r003"), update("r059", { n: 1 })]);
  await using three = new TestServer({}, { store: await openPostgresStore({ url }) });
  const third = (await pagesOf(three)).map(({ digest }) => digest);
  expect(third).toHaveLength(first.length);
  expect(third.slice(0, -1)).toEqual(first.slice(0, -1).map(({ digest }) => digest));
  expect(third.at(-1)).not.toBe(first.at(-1)?.digest);
});
