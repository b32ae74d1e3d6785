import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  cursorOf,
  good,
  insert,
  ofOp,
  problemIn,
  SECRET,
  SPACE,
  TestServer,
  tokenFor,
  update,
} from "../support/server.ts";

/** Two servers with the same revision numbers, of which the second is the first one restored from an old backup. */
async function restored(config = {}) {
  const before = new TestServer(config);
  const after = new TestServer(config);
  // Times and salts differ, so that the two histories share only their beginning.
  const known: string[] = [cursorOf(await empty(before), "*")];
  await before.write("c1", insert("a"));
  known.push(cursorOf(await before.pull([{ scope: "*" }]), "*"));
  await after.write("c1", insert("a"));
  return { before, after, known };
}

async function empty(server: TestServer) {
  await server.push({ client: "c0", mutations: [] });
  return server.pull([{ scope: "*" }]);
}

describe("a server that was restored", () => {
  it("[R2] [P6] a cursor of the lost history starts a copy that says diverged, also at a revision that exists again", async () => {
    const { before, after, known } = await restored();
    const cursor = known.at(-1) as string;
    expect((await before.head()).revision).toBe((await after.head()).revision);
    const [line] = ofOp(await after.pull([{ scope: "*", cursor }]), "subscription");
    expect(line).toEqual({ op: "subscription", key: "*", mode: "copy", from: null, reason: "diverged", total: 1 });
  });

  it("[R2] [P6] so does a cursor beyond the head", async () => {
    const { before, after } = await restored();
    await before.write("c1", update("a", { n: 1 }));
    const cursor = cursorOf(await before.pull([{ scope: "*" }]), "*");
    expect(ofOp(await after.pull([{ scope: "*", cursor }]), "subscription")[0]).toMatchObject({ reason: "diverged" });
  });

  it("[R2] where past cursors are sent it tells what both histories share, and what to do", async () => {
    const { after, known } = await restored({ restore: "discard" });
    const cursor = known.at(-1) as string;
    const request = { subscriptions: [{ scope: "*", cursor }, { scope: "box/1" }], known };
    const [first, second] = ofOp(await after.pull(request), "subscription");
    expect(first).toMatchObject({ reason: "diverged", common: 0, restore: "discard" });
    expect(second).not.toHaveProperty("common");
  });

  it("[R2] what both share is the greatest revision of all cursors that stand on the chain", async () => {
    const { before, after, known } = await restored();
    for (let i = 0; i < 3; i++) {
      await after.write("c1", update("a", { n: i }));
      known.push(cursorOf(await after.pull([{ scope: "*" }]), "*"));
    }
    for (let i = 0; i < 9; i++) await before.write("c1", update("a", { n: i }));
    const cursor = cursorOf(await before.pull([{ scope: "*" }]), "*");
    const [line] = ofOp(await after.pull({ subscriptions: [{ scope: "*", cursor }], known }), "subscription");
    expect(line).toMatchObject({ reason: "diverged", common: 4, restore: "heal" });
  });

  it("[R2] the policy that was restored with the data goes before the configuration's", async () => {
    const { after, known } = await restored();
    await after.store.setRestore("acme", "discard");
    const cursor = known.at(-1) as string;
    const [line] = ofOp(await after.pull({ subscriptions: [{ scope: "*", cursor }], known }), "subscription");
    expect(line).toMatchObject({ restore: "discard" });
  });

  it("[R2] a cursor that was also given for something else is diverged first, so that no loss goes unnoticed", async () => {
    const { after, known } = await restored();
    const subscription = { scope: "*", where: { n: 1 }, cursor: known.at(-1) as string };
    expect(ofOp(await after.pull([subscription]), "subscription")[0]).toMatchObject({ reason: "diverged" });
  });
});

describe("a space that moves", () => {
  const old = { items: { scopes: (record: { readonly box?: unknown }) => [`box/${record.box}`] } };
  const now = { items: { scopes: (record: { readonly box?: unknown; readonly n?: unknown }) => [`pile/${record.n}`] } };

  it("[C8] a change of a collection's scopes moves the records at the start, and cursors stay valid", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tidemark-"));
    const { openSqliteStore } = await import("../../src/store/sqlite/index.ts");
    const first = new TestServer({ collections: old }, { store: openSqliteStore({ path: folder }) });
    await first.write(
      "c1",
      Array.from({ length: 600 }, (_, i) => insert(`r${i}`, { box: 1, n: i % 2 })),
    );
    const subscriptions = [{ scope: "box/1" }, { scope: "pile/0" }, { scope: "*" }];
    const lines = await first.pull(subscriptions);
    await first.server.close();

    await using second = new TestServer({ collections: now }, { store: openSqliteStore({ path: folder }) });
    const later = await second.pull(subscriptions.map(({ scope }) => ({ scope, cursor: cursorOf(lines, scope) })));
    expect(ofOp(later, "subscription").map(({ mode }) => mode)).toEqual(expect.arrayContaining(["delta"]));
    expect(ofOp(later, "subscription").every(({ mode }) => mode === "delta")).toBe(true);
    expect(ofOp(later, "remove").flatMap(({ ids }) => ids)).toHaveLength(600);
    expect(ofOp(later, "put").flatMap(({ records }) => records)).toHaveLength(300);
    expect(ofOp(later, "patch")).toEqual([]);
    const { revision } = await second.head();
    await second.server.close();

    await using third = new TestServer({ collections: now }, { store: openSqliteStore({ path: folder }) });
    expect((await third.head()).revision).toBe(revision);
    await third.server.close();
    await rm(folder, { recursive: true });
  });
});

describe("principals", () => {
  it("[C9] begin names the principal opaquely: the same each time, another for another", async () => {
    const everything = { acme: { read: ["*"], write: ["*"], admin: true } };
    await using server = new TestServer({ auth: { jwtSecret: SECRET } });
    const ann = await tokenFor("ann", everything);
    const bob = await tokenFor("bob", everything);
    await server.write("c1", insert("a"), {}, { token: ann });
    const principal = async (token: string) =>
      ofOp(await server.pull([{ scope: "*" }], { token }), "begin")[0]?.principal;
    expect(await principal(ann)).toBe(await principal(ann));
    expect(await principal(ann)).not.toBe(await principal(bob));
    expect(await principal(ann)).not.toContain("ann");
  });
});

describe("retention", () => {
  it("[G1] [G2] a cut by hand drops what is older than the ages, and tells the horizons", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a"));
    await server.write("c1", update("a", { n: 1 }));
    const cut = async (ages: object) => good(await server.post(`${SPACE}/cut`, ages));
    expect(await cut({ journal: "1h", tombstones: "1h" })).toMatchObject({ horizon: { journal: 0, tombstones: 0 } });
    expect(await cut({ journal: "0s" })).toMatchObject({ horizon: { journal: 2, tombstones: 0 } });
    expect(await cut({ journal: "0s", tombstones: "0s" })).toMatchObject({ horizon: { journal: 2, tombstones: 2 } });
    expect(await problemIn(server.post(`${SPACE}/cut`, { tombstones: "0s" }))).toMatchObject({
      code: "invalid",
      path: "tombstones",
    });
    expect(await problemIn(server.post(`${SPACE}/cut`, { journal: "soon" }))).toMatchObject({
      code: "invalid",
      path: "journal",
    });
  });

  it("[G1] below the journal's horizon number, time and hash of each revision stay", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a"));
    await good(await server.post(`${SPACE}/cut`, { journal: "0s" }));
    const { entries } = (await good(await server.request(`${SPACE}/journal`))) as { entries: object[] };
    expect(entries).toEqual([
      { revision: 1, at: expect.any(String), hash: expect.stringMatching(/^[0-9a-f]{64}$/), cut: true },
    ]);
  });
});
