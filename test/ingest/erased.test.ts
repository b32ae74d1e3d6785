// What was erased here does not come in again from a source that still has it (K8).
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { clean, type Stream } from "../../src/ingest/index.ts";
import { matching, newest } from "../../src/ingest/match/index.ts";
import { ingestTraces } from "../../src/ingest/traces.ts";
import { createServer } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { folderOf } from "../support/folder.ts";
import { filesWith } from "../support/plain.ts";
import { Desk, ListSource, put, SPACE } from "./support.ts";

const ADA = { name: "Ada-Lovelace-Byron", mail: "ada@example.org" };
const BOB = { name: "Bob", mail: "bob@example.org" };

/** Two sources of `people`, matched by mail or not, on a store in a folder, with a server that erases. */
function deskOf(match?: ReturnType<typeof matching>) {
  const folder = folderOf();
  const store = openSqliteStore({ path: folder });
  const crm = new ListSource("crm", "people");
  const shop = new ListSource("shop", "buyers");
  const sources = match === undefined ? [crm] : [crm, shop];
  const pickups = sources.map((source) => ({
    source,
    streams: [clean(source.streams[0] as Stream, { collection: "people", ...(match && { match }) })],
  }));
  const desk = new Desk({ [SPACE]: pickups }, { store, folder });
  const config = { auth: { open: true }, ingest: { [SPACE]: pickups } };
  const server = createServer({ store, config, traces: [ingestTraces(folder, config)] });
  onTestFinished(() => server.close());
  const erase = async (id: string) => {
    const body = JSON.stringify({ collection: "people", id });
    const headers = { "content-type": "application/json" };
    const url = `http://localhost/v1/spaces/${SPACE}/erase`;
    const answer = await server.handler(new Request(url, { method: "POST", body, headers }));
    expect(answer.status).toBe(200);
    return (await answer.json()) as { removed: object[] };
  };
  const raw = () =>
    sources.flatMap(({ name, streams: [stream] }) => {
      const own = join(folder, "ingest", `${name}.${stream?.name}`);
      return readdirSync(own).map((file) => gunzipSync(readFileSync(join(own, file))).toString());
    });
  const ids = async () => Object.keys(await desk.records("people")).sort();
  return { desk, crm, shop, erase, raw, ids, folder };
}

test("[K8 K2] a source that still has an erased person does not bring her back: by no run, and into no file", async () => {
  const { desk, crm, erase, raw, ids, folder } = deskOf();
  crm.gives([put("7", ADA), put("8", BOB)]);
  expect(await desk.run("crm.people")).toMatchObject({ added: 2, suppressed: 0 });
  await erase("7");
  for (const options of [{}, { do: "refresh" }, { window: { from: "2026-01-01", to: "2026-02-01" } }] as const) {
    crm.gives([put("7", { ...ADA, mail: "new@example.org" }), put("8", BOB)]);
    const row = await desk.run("crm.people", options);
    expect(row).toMatchObject({ status: "done", read: 2, suppressed: 1, added: 0, rejected: 0 });
    expect(row.reasons.join()).toContain("1 of what came was erased here");
  }
  expect(await ids()).toEqual(["8"]);
  expect((await desk.ingest.status(SPACE))[0]).toMatchObject({ state: { rows: 1 }, last: { suppressed: 1 } });
  expect(await desk.ingest.verify(SPACE, "crm.people")).toMatchObject({ read: 1, same: 1, differences: [] });
  expect(raw().filter((text) => text.includes(ADA.name))).toEqual([]);
  expect(filesWith(folder, ADA.name)).toEqual([]);
});

test("[K8] what keeps a person out holds neither her key nor her id", async () => {
  const { desk, crm, erase } = deskOf();
  crm.gives([put("ada-7", ADA), put("8", BOB)]);
  await desk.run("crm.people");
  await erase("ada-7");
  const between = { kind: "notes-between", from: "ingest/", to: "ingest0", limit: 1_000 } as const;
  const notes = (await desk.store.read(SPACE, [between]))?.results[0] ?? [];
  expect(notes.filter(([name]) => name.includes("/suppressed/"))).toHaveLength(1);
  expect(JSON.stringify(notes)).not.toContain("ada-7");
});

test("[K8] who was erased before the source brought her stays out, too; lifted, she comes with the next pass", async () => {
  const { desk, crm, erase, ids } = deskOf();
  crm.gives([put("8", BOB)]);
  await desk.run("crm.people");
  await erase("7");
  crm.gives([put("7", ADA), put("8", BOB)]);
  expect(await desk.run("crm.people")).toMatchObject({ suppressed: 1, added: 0 });
  expect(await desk.ingest.lift(SPACE, "people", "8")).toBe(0);
  expect(await desk.ingest.lift(SPACE, "people", "7")).toBe(1);
  expect(await desk.run("crm.people")).toMatchObject({ suppressed: 0, added: 1 });
  expect(await ids()).toEqual(["7", "8"]);
});

test("[K8] an erasure while a run is under way: what it has read already does not come in", async () => {
  const { desk, crm, erase, ids } = deskOf();
  crm.gives([put("7", ADA), put("8", BOB)]);
  await desk.run("crm.people");
  crm.pages = async function* () {
    yield { changes: [put("7", { ...ADA, mail: "new@example.org" }), put("8", BOB)], cursor: 1 };
    await erase("7");
    yield { changes: [], cursor: null, last: "complete" };
  };
  expect(await desk.run("crm.people")).toMatchObject({ status: "done", suppressed: 1, unchanged: 1 });
  expect(await ids()).toEqual(["8"]);
});

test("[K8 K6 I8] a record that was matched goes from all its sources, and comes back from none; no other goes with it", async () => {
  const match = matching({ exact: ["mail"], fields: { name: "name" }, survive: { default: newest } });
  const { desk, crm, shop, erase, raw, ids, folder } = deskOf(match);
  const give = async () => {
    crm.gives([put("1", ADA), put("2", BOB)]);
    // The key 1 is another person's here.
    shop.gives([put("77", { ...ADA, note: "buys" }), put("1", { name: "Cleo", mail: "cleo@example.org" })]);
    return [await desk.run("crm.people", { accept: true }), await desk.run("shop.buyers", { accept: true })];
  };
  await give();
  const before = await ids();
  expect(before).toHaveLength(3);
  expect((await desk.records("people"))["1"]).toMatchObject({ note: "buys" });
  expect((await erase("1")).removed).toContainEqual({ place: "source records", count: 2 });
  expect(await give()).toMatchObject([
    { suppressed: 1, added: 0, unchanged: 1 },
    { suppressed: 1, added: 0, unchanged: 1 },
  ]);
  expect(await ids()).toEqual(before.filter((id) => id !== "1"));
  expect(await desk.ingest.lineage(SPACE, "people", "1")).toEqual([]);
  const between = { kind: "notes-between", from: "ingest/", to: "ingest0", limit: 1_000 } as const;
  const notes = JSON.stringify((await desk.store.read(SPACE, [between]))?.results[0]);
  for (const trace of [ADA.name, ADA.mail, "crm.people/1", "shop.buyers/77"]) expect(notes).not.toContain(trace);
  expect([...raw().filter((text) => text.includes(ADA.name)), ...filesWith(folder, ADA.name)]).toEqual([]);
  expect(await desk.ingest.lift(SPACE, "people", "1")).toBe(2);
});
