import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { type Store, StoreError } from "../../src/store/store.ts";
import { virtualClock } from "../../src/testing/clock.ts";
import type { Line } from "../../src/wire/lines.ts";
import {
  cursorOf,
  endOf,
  insert,
  linesOf,
  ofOp,
  opsOf,
  problemIn,
  remove,
  SPACE,
  storeWith,
  TestServer,
  update,
} from "../support/server.ts";

const BOX = { scope: "box/1" };

/** Fills a box with records r0000, r0001 … */
async function fill(server: TestServer, count: number, atoms: { [atom: string]: unknown } = {}): Promise<void> {
  for (let start = 0; start < count; start += 1_000) {
    const size = Math.min(1_000, count - start);
    await server.write(
      "filler",
      Array.from({ length: size }, (_, i) => insert(named(start + i), { box: 1, ...atoms })),
    );
  }
}

const named = (i: number) => `r${String(i).padStart(5, "0")}`;

const records = (lines: readonly Line[]) => ofOp(lines, "put").flatMap((line) => line.records);
const ids = (lines: readonly Line[]) => records(lines).map(({ id }) => id);

describe("an answer that cannot be finished", () => {
  it("[H13] ends with its problem, and without an end", async () => {
    const store = openSqliteStore({ path: ":memory:" });
    let reads = 0;
    const read: Store["read"] = (space, queries) => {
      reads += 1;
      if (reads > 2) throw new StoreError("unavailable", "the disk is gone");
      return store.read(space, queries);
    };
    await using server = new TestServer({}, { store: storeWith(store, { read }) });
    await server.write(
      "c1",
      Array.from({ length: 900 }, (_, i) => insert(`i${i}`)),
    );
    await server.write(
      "c1",
      Array.from({ length: 900 }, (_, i) => insert(`j${i}`)),
    );
    reads = 0;
    const lines = await server.pull([{ scope: "*" }]);
    expect(lines.map(({ op }) => op)).toEqual(["begin", "subscription", "put", "mark", "error"]);
    expect(lines.at(-1)).toMatchObject({ problem: { code: "unavailable" } });
  });
});

describe("copies", () => {
  it("[P5] a copy gives the records in the order of their keys, by UTF-8 bytes", async () => {
    await using server = new TestServer({ collections: { b: {}, a: {} } });
    const put = (collection: string, id: string) => ({ op: "insert" as const, collection, record: { id } });
    await server.write("c1", [put("b", "1"), put("a", "\u{1F600}"), put("a", "\uFF5E"), put("a", "Z"), put("a", "a")]);
    const lines = await server.pull([{ scope: "*" }]);
    expect(opsOf(lines)).toEqual(["begin", "subscription", "put", "put", "end"]);
    expect(ids(lines)).toEqual(["Z", "a", "\uFF5E", "\u{1F600}", "1"]);
    expect(lines[1]).toEqual({ op: "subscription", key: "*", mode: "copy", from: null, reason: "new", total: 5 });
  });

  it("[P5] a large copy has a mark after each 1,000 records, and goes on from any of them", async () => {
    await using server = new TestServer();
    await fill(server, 2_500);
    const whole = await server.pull([BOX]);
    expect(ids(whole)).toHaveLength(2_500);
    const marks = ofOp(whole, "mark");
    expect(marks).toHaveLength(2);
    const rest = await server.pull([{ ...BOX, cursor: marks[1]?.cursor as string }]);
    expect(rest[1]).toMatchObject({ mode: "copy", from: "items/r01999" });
    expect(ids(rest)).toEqual(ids(whole).slice(2_000));
    expect(endOf(rest)).toEqual(endOf(whole));
  });

  it("[P5] a page has no more than a MiB", async () => {
    await using server = new TestServer();
    await fill(server, 30, { text: "x".repeat(100_000) });
    expect(ofOp(await server.pull([BOX]), "mark")).toHaveLength(2);
  });

  it("[P5] writes between two pages arrive with the delta that closes the copy", async () => {
    await using server = new TestServer();
    await fill(server, 2_500);
    const response = await server.post(`${SPACE}/pull`, { subscriptions: [BOX] });
    // The first page has been read, the others have not.
    await server.write("c2", [update("r00001", { n: 1 }), remove("r00002"), insert("a", { box: 1 }), remove("r02400")]);
    const lines = await linesOf(response);
    expect(opsOf(lines).slice(-4)).toEqual(["put", "patch", "remove", "end"]);
    expect(ofOp(lines, "put").at(-1)?.records).toEqual([{ id: "a", box: 1 }]);
    expect(ofOp(lines, "patch")[0]?.records).toEqual([{ id: "r00001", n: 1 }]);
    expect(ofOp(lines, "remove")[0]?.ids).toContain("r00002");
    expect(endOf(lines).subscriptions["box/1"]?.count).toBe(2_499);
  });

  it("[P5] what a page showed and a later write deleted is removed, though it was new since the copy began", async () => {
    await using server = new TestServer();
    await fill(server, 2_500);
    const response = await server.post(`${SPACE}/pull`, { subscriptions: [BOX] });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await server.write("c2", insert("r01500a", { box: 1 }));
    const pages = [await reader.read(), await reader.read()].map(({ value }) => new TextDecoder().decode(value));
    await reader.cancel();
    const lines = pages.join("").trimEnd().split("\n");
    expect(ids(lines.map((line) => JSON.parse(line)))).toContain("r01500a");
    const { cursor } = JSON.parse(lines.at(-1) as string);
    await server.write("c2", remove("r01500a"));
    const rest = await server.pull([{ ...BOX, cursor }]);
    expect(ofOp(rest, "remove").flatMap((line) => line.ids)).toEqual(["r01500a"]);
  });

  it("[P5] [P15] the delta that closes a copy has marks too, and goes on from them", async () => {
    await using server = new TestServer();
    await fill(server, 1_500);
    const response = await server.post(`${SPACE}/pull`, { subscriptions: [BOX] });
    for (let start = 0; start < 1_500; start += 500) {
      await server.write(
        "c2",
        Array.from({ length: 500 }, (_, i) => update(named(start + i), { n: 1 })),
      );
    }
    const lines = await linesOf(response);
    const marks = ofOp(lines, "mark");
    expect(marks).toHaveLength(2);
    const rest = await server.pull([{ ...BOX, cursor: marks[1]?.cursor as string }]);
    expect(rest[1]).toMatchObject({ mode: "copy", from: "items/r01499" });
    expect(ofOp(rest, "patch").flatMap((line) => line.records)).toHaveLength(500);
    expect(ofOp(rest, "put")).toEqual([]);
    expect(endOf(rest)).toEqual(endOf(lines));
  });

  it("[P4] several copies take turns, and all end at one revision", async () => {
    await using server = new TestServer();
    await fill(server, 1_200);
    const lines = await server.pull([BOX, { scope: "*", key: "all" }]);
    const turns = ofOp(lines, "subscription").map((line) => [line.key, line.mode === "copy" ? line.from : null]);
    expect(turns.slice(0, 4)).toEqual([
      ["box/1", null],
      ["all", null],
      ["box/1", "items/r00999"],
      ["all", "items/r00999"],
    ]);
    expect(endOf(lines).revision).toBe(2);
    expect(endOf(lines).subscriptions.all).toMatchObject({ count: 1_200 });
  });
});

describe("deltas", () => {
  it("[P2] a record changed many times is one patch with the atoms written since, at their newest values", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a", { box: 1, n: 0, m: 0, k: 0 }), insert("b", { box: 1 })]);
    const cursor = cursorOf(await server.pull([BOX]), "box/1");
    await server.write("c1", update("a", { n: 1 }));
    await server.write("c1", update("a", { n: 2, m: null }));
    await server.write("c1", [insert("tmp", { box: 1 })]);
    await server.write("c1", [remove("tmp"), remove("b")]);
    const lines = await server.pull([{ ...BOX, cursor }]);
    expect(lines.slice(1, -1)).toEqual([
      { op: "subscription", key: "box/1", mode: "delta", since: 1 },
      { op: "patch", collection: "items", at: 5, records: [{ id: "a", n: 2, m: null }] },
      { op: "remove", collection: "items", at: 5, ids: ["b"] },
    ]);
  });

  it("[P2] what enters a scope is put whole, and what leaves it is removed", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("in", { box: 2, n: 7 }), insert("out", { box: 1 })]);
    const cursor = cursorOf(await server.pull([BOX]), "box/1");
    await server.write("c1", [update("in", { box: 1 }), update("out", { box: 2 })]);
    const lines = await server.pull([{ ...BOX, cursor }]);
    expect(records(lines)).toEqual([{ id: "in", box: 1, n: 7 }]);
    expect(ofOp(lines, "remove")[0]?.ids).toEqual(["out"]);
  });

  it("[P15] a delta of more than 1,000 records comes in pages with marks, and goes on from any of them", async () => {
    await using server = new TestServer();
    await fill(server, 2_600);
    const cursor = cursorOf(await server.pull([BOX]), "box/1");
    for (let start = 0; start < 2_600; start += 650) {
      await server.write(
        "c1",
        Array.from({ length: 650 }, (_, i) => update(named(start + i), { n: start })),
      );
    }
    const lines = await server.pull([{ ...BOX, cursor }]);
    const marks = ofOp(lines, "mark");
    expect(marks.length).toBeGreaterThan(0);
    expect(ofOp(lines, "patch").flatMap((line) => line.records)).toHaveLength(2_600);
    const rest = await server.pull([{ ...BOX, cursor: marks[0]?.cursor as string }]);
    expect(rest[1]).toMatchObject({ mode: "delta", since: 3, reached: 5 });
    expect(ofOp(rest, "patch").flatMap((line) => line.records)).toHaveLength(1_300);
    expect(endOf(rest)).toEqual(endOf(lines));
  });

  it("[P15] a delta of large records comes in pages of some MiB, each of lines of about one", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("first", { box: 1 }));
    const cursor = cursorOf(await server.pull([BOX]), "box/1");
    for (let i = 0; i < 6; i++) {
      const text = "x".repeat(1_000_000);
      await server.write(
        "c1",
        Array.from({ length: 3 }, (_, k) => insert(`r${i}${k}`, { box: 1, text })),
      );
    }
    const lines = await server.pull([{ ...BOX, cursor }]);
    expect(ids(lines)).toHaveLength(18);
    expect(ofOp(lines, "mark")).toHaveLength(1);
    for (const line of ofOp(lines, "put")) expect(line.records.length).toBeLessThan(3);
    const rest = await server.pull([{ ...BOX, cursor: ofOp(lines, "mark")[0]?.cursor as string }]);
    expect(ids(rest)).toHaveLength(9);
  });

  it("[P3] [P12] a pull with nothing new is below 300 bytes, and 200 more for each further subscription", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a", { box: 1 }));
    const boxes = Array.from({ length: 5 }, (_, i) => ({ scope: `box/${i}` }));
    const first = await server.pull(boxes);
    const subscriptions = boxes.map(({ scope }) => ({ scope, cursor: cursorOf(first, scope) }));
    const size = async (count: number) => {
      const body = { client: "c-7f3a", subscriptions: subscriptions.slice(0, count) };
      return (await (await server.post(`${SPACE}/pull`, body)).text()).length;
    };
    expect(await size(1)).toBeLessThan(300);
    expect(await size(5)).toBeLessThan(300 + 4 * 200);
  });

  it("[P12] a cursor moves with the head also where nothing in its scope changed", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a", { box: 1 }));
    const cursor = cursorOf(await server.pull([BOX]), "box/1");
    await server.write("c1", insert("b", { box: 2 }));
    const lines = await server.pull([{ ...BOX, cursor }]);
    expect(opsOf(lines)).toEqual(["begin", "subscription", "end"]);
    expect(cursorOf(lines, "box/1")).not.toBe(cursor);
  });

  it("[P8] a delta older than the journal, but not the tombstones, is still a delta", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a", { box: 1 }), insert("b", { box: 1 })]);
    const cursor = cursorOf(await server.pull([BOX]), "box/1");
    await server.write("c1", [update("a", { n: 1 }), remove("b")]);
    await server.server.cutNow("acme", { journal: 0, tombstones: Number.POSITIVE_INFINITY, outcomes: 0 });
    expect((await server.head()).horizon).toEqual({ journal: 2, tombstones: 0 });
    const lines = await server.pull([{ ...BOX, cursor }]);
    expect(opsOf(lines)).toEqual(["begin", "subscription", "patch", "remove", "end"]);
  });
});

describe("cursors", () => {
  it("[P6] a cursor of another filter, scope or set of collections starts a copy, and says why", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a", { box: 1 }));
    const cursor = cursorOf(await server.pull([BOX]), "box/1");
    const reason = async (subscription: object) => {
      const [line] = ofOp(await server.pull([{ scope: "box/1", cursor, ...subscription }]), "subscription");
      return line?.mode === "copy" ? line.reason : "delta";
    };
    expect(await reason({})).toBe("delta");
    expect(await reason({ where: { box: 1 } })).toBe("changed");
    expect(await reason({ scope: "box/2" })).toBe("changed");
    expect(await reason({ collections: ["items"] })).toBe("changed");
    expect(await reason({ cursor: "garbage" })).toBe("new");
    expect(await reason({ cursor: `${cursor.slice(0, 12)}${cursor[12] === "A" ? "B" : "A"}${cursor.slice(13)}` })).toBe(
      "new",
    );
    expect(await reason({ cursor: null })).toBe("new");
  });

  it("[P6] [G2] a cursor behind the tombstones starts a copy that says expired", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a", { box: 1 }));
    const cursor = cursorOf(await server.pull([BOX]), "box/1");
    await server.write("c1", remove("a"));
    await server.server.cutNow("acme", { journal: 0, tombstones: 0, outcomes: 0 });
    const lines = await server.pull([{ ...BOX, cursor }]);
    expect(lines[1]).toMatchObject({ mode: "copy", from: null, reason: "expired" });
  });

  it("[P6] a copy whose beginning falls behind the tombstones while it is under way starts over", async () => {
    await using server = new TestServer();
    await fill(server, 2_500);
    const response = await server.post(`${SPACE}/pull`, { subscriptions: [BOX] });
    await server.write("c2", remove("r00001"));
    await server.server.cutNow("acme", { journal: 0, tombstones: 0, outcomes: 0 });
    const lines = await linesOf(response);
    const starts = ofOp(lines, "subscription").filter((line) => line.mode === "copy" && line.from === null);
    expect(starts).toMatchObject([{ reason: "new" }, { reason: "expired" }]);
    expect(endOf(lines).subscriptions["box/1"]?.count).toBe(2_499);
  });

  it("[P6] a delta that falls behind the tombstones while it is under way becomes a copy", async () => {
    await using server = new TestServer();
    await fill(server, 2_500);
    const cursor = cursorOf(await server.pull([BOX]), "box/1");
    for (const n of [1, 2]) {
      for (let start = 0; start < 2_500; start += 500) {
        await server.write(
          "c1",
          Array.from({ length: 500 }, (_, i) => update(named(start + i), { n })),
        );
      }
    }
    const response = await server.post(`${SPACE}/pull`, { subscriptions: [{ ...BOX, cursor }] });
    await server.write("c2", remove("r00001"));
    await server.server.cutNow("acme", { journal: 0, tombstones: 0, outcomes: 0 });
    const lines = await linesOf(response);
    const starts = ofOp(lines, "subscription").map((line) => (line.mode === "copy" ? line.reason : line.mode));
    expect(starts).toEqual(["delta", "expired"]);
    expect(ids(lines)).toHaveLength(2_499);
  });

  it("[P13] the key of a subscription is its scope unless it says otherwise, and unique", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a", { box: 1 }));
    const lines = await server.pull([BOX, { ...BOX, key: "mine" }]);
    expect(ofOp(lines, "subscription").map(({ key }) => key)).toEqual(["box/1", "mine"]);
    expect(await problemIn(server.post(`${SPACE}/pull`, { subscriptions: [BOX, BOX] }))).toMatchObject({
      code: "invalid",
      path: "subscriptions[1].key",
    });
  });
});

describe("filters and fingerprints", () => {
  it("[P11] a record that stops matching is removed, one that starts is put, and the rest is silence", async () => {
    await using server = new TestServer();
    await server.write("c1", [insert("a", { n: 5 }), insert("b", { n: 1 }), insert("c", { n: 1 })]);
    const wanted = { scope: "*", where: { n: { $gt: 3 } } };
    const first = await server.pull([wanted]);
    expect(ids(first)).toEqual(["a"]);
    await server.write("c1", [update("a", { n: 2 }), update("b", { n: 4 }), update("c", { m: 1 })]);
    const lines = await server.pull([{ ...wanted, cursor: cursorOf(first, "*") }]);
    expect(records(lines)).toEqual([{ id: "b", n: 4 }]);
    expect(ofOp(lines, "remove")[0]?.ids).toEqual(["a"]);
    expect(ofOp(lines, "patch")).toEqual([]);
  });

  it("[P9] an unfiltered subscription ends with its fingerprint, a filtered one where it asks", async () => {
    await using server = new TestServer();
    await fill(server, 1_500, { even: false });
    await server.write(
      "c1",
      Array.from({ length: 700 }, (_, i) => update(named(2 * i), { even: true })),
    );
    const where = { even: true };
    const lines = await server.pull([
      { scope: "*", where, key: "asked", fingerprint: true },
      { scope: "*", where, key: "not asked" },
      { scope: "*", collections: ["items"], key: "some" },
    ]);
    const { subscriptions } = endOf(lines);
    expect(subscriptions.asked).toMatchObject({ count: 700, digest: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(subscriptions["not asked"]).not.toHaveProperty("count");
    expect(subscriptions.some).toMatchObject({ count: 1_500 });
  });

  it("[P9] a filtered fingerprint is of the revision at which the answer ends", async () => {
    await using server = new TestServer();
    await fill(server, 2_500, { even: true });
    const body = { subscriptions: [{ scope: "*", where: { even: true }, fingerprint: true }] };
    const response = await server.post(`${SPACE}/pull`, body);
    await server.write("c1", [update("r00001", { even: false }), remove("r02400"), insert("r00000a", { even: true })]);
    const { count, digest } = endOf(await linesOf(response)).subscriptions["*"] ?? {};
    const later = endOf(await server.pull(body)).subscriptions["*"];
    expect({ count, digest }).toEqual({ count: 2_499, digest: later?.digest });
  });
});

describe("wait", () => {
  const waiting = (server: TestServer, cursor: string, wait: number, init = {}) =>
    server.post(`${SPACE}/pull`, { subscriptions: [{ ...BOX, cursor }], wait }, init);

  async function started() {
    const clock = virtualClock("wait");
    // In memory: a clock in one's hand does not wait for a database.
    const server = new TestServer({}, { clock, store: openSqliteStore({ path: ":memory:" }) });
    const settled = async <T>(promise: Promise<T>): Promise<T> => {
      let done = false;
      const end = () => {
        done = true;
      };
      promise.then(end, end);
      await clock.until(() => done, 120_000);
      return promise;
    };
    await settled(server.write("c1", insert("a", { box: 1 })));
    const cursor = cursorOf(await settled(server.pull([BOX])), "box/1");
    return { clock, server, cursor, settled };
  }

  it("[P12] holds the answer until there is news", async () => {
    const { clock, server, cursor, settled } = await started();
    const began = clock.elapsed();
    const answer = waiting(server, cursor, 25);
    await clock.run(3_000);
    await settled(server.write("c2", update("a", { n: 1 })));
    const lines = await linesOf(await settled(answer));
    expect(opsOf(lines)).toContain("patch");
    expect(clock.elapsed() - began).toBeLessThan(4_000);
  });

  it("answers without news when the time is over, with the newest revision", async () => {
    const { clock, server, cursor, settled } = await started();
    const began = clock.elapsed();
    const answer = waiting(server, cursor, 25);
    await clock.run(1_000);
    await settled(server.write("c2", insert("b", { box: 2 })));
    const lines = await linesOf(await settled(answer));
    expect(opsOf(lines)).toEqual(["begin", "subscription", "end"]);
    expect(endOf(lines).revision).toBe(2);
    expect(clock.elapsed() - began).toBe(25_000);
  });

  it("finds news by itself where the store's wake-up was missed", async () => {
    const { clock, server, cursor, settled } = await started();
    const { store } = server;
    const deaf = new TestServer({}, { clock, store: storeWith(store, { watch: () => () => undefined }) });
    const answer = waiting(deaf, cursor, 60);
    await clock.run(100);
    await settled(server.write("c2", update("a", { n: 1 })));
    const before = clock.elapsed();
    expect(opsOf(await linesOf(await settled(answer)))).toContain("patch");
    expect(clock.elapsed() - before).toBeLessThanOrEqual(5_000);
  });

  it("stops when the caller leaves, and when the server ends", async () => {
    const { clock, server, cursor, settled } = await started();
    const leaving = new AbortController();
    const left = waiting(server, cursor, 60, { signal: leaving.signal });
    const stayed = waiting(server, cursor, 60);
    await clock.run(1_000);
    leaving.abort();
    expect((await settled(left)).status).toBe(200);
    const closed = server.server.close();
    expect((await settled(stayed)).status).toBe(200);
    await settled(stayed.then((response) => response.text()));
    await settled(closed);
    expect(clock.elapsed()).toBeLessThan(20_000);
  });

  it("[A8] waits no longer than the limit", async () => {
    await using server = new TestServer();
    await server.write("c1", insert("a"));
    const answer = server.post(`${SPACE}/pull`, { subscriptions: [], wait: 61 });
    expect(await problemIn(answer)).toMatchObject({ code: "invalid", path: "wait" });
  });
});
