// `POST …/erase` (K2): data, journal, what replicas are told, and stores that are restored.

import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { authorOf } from "../../src/model/record.ts";
import { createServer } from "../../src/server/index.ts";
import { backup, restore } from "../../src/store/sqlite/backup.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { StoreError } from "../../src/store/store.ts";
import { virtualClock } from "../../src/testing/clock.ts";
import type { JournalResponse } from "../../src/wire/journal.ts";
import type { EndLine, Line } from "../../src/wire/lines.ts";
import { folderOf } from "../support/folder.ts";
import { filesWith } from "../support/plain.ts";
import {
  good,
  insert,
  ofOp,
  problemIn,
  remove,
  SECRET,
  SPACE,
  TestServer,
  tokenFor,
  update,
} from "../support/server.ts";

const PLAIN = "Ada Lovelace-Byron";

async function erase(server: TestServer, id: string): Promise<{ removed: object[]; revision: number; order: string }> {
  return (await good(await server.post(`${SPACE}/erase`, { collection: "items", id }))) as never;
}

async function life(server: TestServer): Promise<void> {
  await server.write("c1", [insert("ada", { name: PLAIN, box: 1 }), insert("bob", { box: 1 })]);
  for (let i = 0; i < 5; i++) await server.write("c1", [update("ada", { name: `${PLAIN} ${"x".repeat(i * 2_000)}` })]);
}

function cursorOf(lines: readonly Line[]): string {
  return (ofOp(lines, "end")[0] as EndLine).subscriptions["box/1"]?.cursor as string;
}

describe("erase", () => {
  test("[K2 K4] removes a record from data and journal, by a revision; the files of the database hold no value of it", async () => {
    const folder = folderOf();
    await using server = new TestServer({}, { store: openSqliteStore({ path: folder }) });
    await life(server);
    expect(filesWith(folder, PLAIN).length).toBeGreaterThan(0);
    const erased = await erase(server, "ada");
    expect(erased).toMatchObject({
      revision: 7,
      removed: [
        { place: "data", count: 1 },
        { place: "journal", count: 6 },
      ],
    });
    expect(filesWith(folder, PLAIN)).toEqual([]);
    const { entries } = (await good(await server.request(`${SPACE}/journal`))) as JournalResponse;
    expect(entries.map(({ changes }) => changes?.find(({ id }) => id === "ada")?.erased?.length)).toEqual(
      entries.map(() => 64),
    );
    expect(await erase(server, "ada")).toMatchObject({ removed: [] });
    expect(await erase(server, "nobody")).toMatchObject({ removed: [] });
  });

  test("[K2 K4] a replica hears of it: whoever may hold something, and before a new record of the same id", async () => {
    await using server = new TestServer();
    await life(server);
    const cursor = cursorOf(await server.pull([{ scope: "box/1" }]));
    await server.write("c1", remove("ada"));
    const gone = cursorOf(await server.pull([{ scope: "box/1", cursor }]));
    await erase(server, "ada");
    await server.write("c2", insert("ada", { name: "Ada Two", box: 1 }));
    for (const at of [cursor, gone]) {
      const lines = await server.pull([{ scope: "box/1", cursor: at }]);
      expect(lines.filter(({ op }) => op === "put" || op === "remove")).toMatchObject([
        { op: "remove", erased: true, ids: ["ada"] },
        { op: "put", records: [{ name: "Ada Two" }] },
      ]);
    }
    const copy = await server.pull([{ scope: "box/1" }]);
    expect(ofOp(copy, "remove")).toEqual([]);
  });

  test("[K4 A3] is for admin, and says what is wrong", async () => {
    await using server = new TestServer({ auth: { jwtSecret: SECRET } });
    const admin = await tokenFor("root", { acme: { read: ["*"], write: ["*"], admin: true } });
    const ann = await tokenFor("ann", { acme: { read: ["*"], write: ["*"] } });
    await server.write("c1", insert("ada"), {}, { token: admin });
    const order = (body: object, token: string) => problemIn(server.post(`${SPACE}/erase`, body, { token }));
    expect(await order({ collection: "items", id: "ada" }, ann)).toMatchObject({ code: "forbidden" });
    expect(await order({ collection: "no name", id: "ada" }, admin)).toMatchObject({
      code: "invalid",
      path: "collection",
    });
    expect(await order({ collection: "items" }, admin)).toMatchObject({ code: "invalid", path: "id" });
    await good(await server.post(`${SPACE}/erase`, { collection: "items", id: "ada" }, { token: admin }));
    const { entries } = (await good(await server.request(`${SPACE}/journal`, { token: admin }))) as JournalResponse;
    expect(entries.at(-1)?.author).toEqual({ user: "root", client: "erase", mutation: 0 });
  });
});

describe("a store that was restored to a state from before", () => {
  async function restored(policy: "heal" | "discard", into: "same" | "copied") {
    const folder = folderOf();
    const file = join(folderOf(), "monday.db");
    const server = new TestServer({}, { store: openSqliteStore({ path: folder }) });
    await life(server);
    await backup(folder, file);
    const cursor = cursorOf(await server.pull([{ scope: "box/1" }]));
    await erase(server, "ada");
    await server.server.close();
    const target = into === "same" ? folder : folderOf();
    if (into === "copied") {
      mkdirSync(target, { recursive: true });
      copyFileSync(join(folder, "erasures.ndjson"), join(target, "erasures.ndjson"));
    }
    await restore(file, target, policy, { overwrite: true });
    expect(filesWith(target, PLAIN).length).toBeGreaterThan(0);
    return { folder: target, cursor };
  }

  test.each(["same", "copied"] as const)("[K2 K5] erases anew before it answers anything (%s folder)", async (into) => {
    const { folder } = await restored("heal", into);
    await using server = new TestServer({}, { store: openSqliteStore({ path: folder }) });
    const lines = await server.pull([{ scope: "*" }]);
    expect(ofOp(lines, "put").flatMap(({ records }) => records.map(({ id }) => id))).toEqual(["bob"]);
    expect(filesWith(folder, PLAIN)).toEqual([]);
  });

  test("[K2 K5 R2] does not take back by heal what was erased, while all else is offered again", async () => {
    const { folder } = await restored("heal", "same");
    await using server = new TestServer({}, { store: openSqliteStore({ path: folder }) });
    const { revision } = await server.head();
    const lost = { id: 1, base: 0, lost: 8, writes: [insert("ada", { name: PLAIN }), insert("eve", {})] };
    const { outcomes } = await server.push({ client: "c9", mutations: [lost] });
    expect(outcomes).toMatchObject([{ status: "superseded", superseded: [{ id: "ada", reason: "missing" }] }]);
    const lines = await server.pull([{ scope: "*" }]);
    expect(revision).toBe(7);
    expect(ofOp(lines, "put").flatMap(({ records }) => records.map(({ id }) => id))).toEqual(["bob", "eve"]);
    expect(filesWith(folder, PLAIN)).toEqual([]);
  });

  test("[K9] an order that fails closes its space alone, which says why, until a later attempt carries it out", async () => {
    const folder = folderOf();
    let broken = true;
    const found = { notes: new Map(), places: [] };
    const traces = [
      {
        async find() {
          if (broken) throw new StoreError("unavailable", "another process holds the file");
          return found;
        },
      },
    ];
    const first = new TestServer({}, { store: openSqliteStore({ path: folder }) });
    await life(first);
    await first.post("/v1/spaces/other/push", { client: "c", mutations: [{ id: 1, base: 0, writes: [insert("x")] }] });
    const order = {
      order: "ab12",
      space: "acme",
      collection: "items",
      id: "ada",
      time: 1,
      author: authorOf("", "erase"),
    };
    await first.store.order(order);
    await first.server.close();
    const clock = virtualClock("1");
    const logged: object[] = [];
    const log = { info: () => undefined, error: (fields: object) => void logged.push(fields) };
    await using server = new TestServer({}, { store: openSqliteStore({ path: folder }), clock, traces, log });
    const closed = {
      code: "unavailable",
      detail: expect.stringMatching(/order ab12 .*another process holds the file; it is tried again/),
    };
    expect(await problemIn(server.request(SPACE))).toMatchObject(closed);
    expect(await problemIn(server.post(`${SPACE}/pull`, { subscriptions: [{ scope: "*" }] }))).toMatchObject(closed);
    const handshake = await server.server.accept(new Request(`http://localhost${SPACE}/live`), "acme", {});
    expect("refused" in handshake && handshake.refused.status).toBe(503);
    expect(await good(await server.request("/v1/spaces/other"))).toMatchObject({ revision: 1 });
    expect(logged).toMatchObject([{ space: "acme", order: "ab12", collection: "items", id: "ada" }]);
    await clock.run(10_000);
    expect(logged.length).toBeGreaterThan(1);
    expect(await problemIn(server.request(SPACE))).toMatchObject(closed);
    broken = false;
    await clock.run(600_000);
    const lines = await server.pull([{ scope: "*" }]);
    expect(ofOp(lines, "put").flatMap(({ records }) => records.map(({ id }) => id))).toEqual(["bob"]);
    expect(filesWith(folder, PLAIN)).toEqual([]);
  });

  test("[K5] a later record of the same id stays, since the order has been carried out", async () => {
    const folder = folderOf();
    const first = new TestServer({}, { store: openSqliteStore({ path: folder }) });
    await life(first);
    await erase(first, "ada");
    await first.write("c2", insert("ada", { name: "Ada Two" }));
    await first.server.close();
    const server = createServer({ store: openSqliteStore({ path: folder }), config: { auth: { open: true } } });
    await server.ready;
    const answer = await server.handler(new Request(`http://localhost${SPACE}/history/items/ada`));
    expect(await answer.json()).toMatchObject({
      versions: [{ record: { name: "Ada Two" } }, { erased: true }, {}, {}, {}, {}, {}, {}],
    });
    await server.close();
  });
});
