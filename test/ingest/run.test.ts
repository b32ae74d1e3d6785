import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  clean,
  drift,
  nulls,
  ref,
  required,
  SourceError,
  type Stream,
  string,
  trim,
  unique,
  volume,
} from "../../src/ingest/index.ts";
import { createServer } from "../../src/server/index.ts";
import { Desk, ListSource, oneStream, put, SPACE } from "./support.ts";

const TASK = "list.things";
const many = (count: number) => Array.from({ length: count }, (_, i) => put(`k${i}`, { n: i }));

describe("a run", () => {
  test("[I1 I4] brings records, and the same again makes no revision", async () => {
    const { source, desk } = oneStream();
    source.gives([put("a", { x: 1 }), put("b", { x: 2 })]);
    expect(await desk.run(TASK)).toMatchObject({ status: "done", kind: "complete", read: 2, added: 2 });
    expect(await desk.records("things")).toEqual({ a: { id: "a", x: 1 }, b: { id: "b", x: 2 } });
    const before = await desk.revision();
    expect(await desk.run(TASK)).toMatchObject({ status: "done", read: 2, added: 0, unchanged: 2 });
    expect(await desk.revision()).toBe(before);
  });

  test("[I1 I12] leaves the cursor where the last stored page ends when the source breaks off", async () => {
    const { source, desk } = oneStream({}, "reported");
    source.adds([put("a", { x: 1 })], "one");
    await desk.run(TASK);
    source.pages = async function* () {
      yield { changes: [put("b", { x: 2 })], cursor: "two" };
      throw new SourceError("protocol", "the source answered with HTML");
    };
    expect(await desk.run(TASK)).toMatchObject({
      status: "failed",
      reasons: ["protocol: the source answered with HTML"],
    });
    expect(Object.keys(await desk.records("things"))).toEqual(["a"]);
    source.adds([put("b", { x: 2 })], "two");
    await desk.run(TASK);
    expect(source.reads.at(-1)).toBe("one");
    expect((await desk.ingest.runs(SPACE, TASK)).map(({ status, cursorAfter }) => [status, cursorAfter])).toEqual([
      ["done", "two"],
      ["failed", "one"],
      ["done", "one"],
    ]);
  });

  test("[I2] deletes what a finished pass does not show, and nothing where nobody knows of deletions", async () => {
    for (const deletes of ["by-complete-pass", "unknown"] as const) {
      const { source, desk } = oneStream({}, deletes);
      source.gives([put("a", { x: 1 }), put("b", { x: 2 })]);
      await desk.run(TASK);
      source.gives([put("b", { x: 2 })]);
      expect(await desk.run(TASK)).toMatchObject({ status: "done", deleted: deletes === "unknown" ? 0 : 1 });
      expect(Object.keys(await desk.records("things"))).toEqual(deletes === "unknown" ? ["a", "b"] : ["b"]);
    }
  });

  test("[I2] a pass that is cut deletes nothing; the run that ends it does", async () => {
    const { source, desk } = oneStream({ deletes: { orCount: 1_000 } });
    source.gives(many(30), 10);
    await desk.run(TASK);
    const rest = many(30).filter((_, i) => i !== 5);
    source.pages = function* () {
      yield { changes: rest.slice(0, 10), cursor: 10, last: "caught-up" };
    };
    expect(await desk.run(TASK)).toMatchObject({ status: "done", deleted: 0 });
    source.pages = (cursor) => [{ changes: rest.slice(cursor as number), cursor: null, last: "complete" }];
    expect(await desk.run(TASK)).toMatchObject({ status: "done", deleted: 1 });
    expect(Object.keys(await desk.records("things"))).toHaveLength(29);
    expect(await desk.records("things")).not.toHaveProperty("k5");
  });

  test("[I2 I7] holds a pass that would delete more than 10 % and 50 records, until somebody takes it", async () => {
    const { source, desk } = oneStream();
    source.gives(many(1_000));
    await desk.run(TASK);
    source.gives(many(899));
    expect(await desk.run(TASK)).toMatchObject({ status: "held", held: 899, deleted: 0 });
    expect(Object.keys(await desk.records("things"))).toHaveLength(1_000);
    source.gives(many(900));
    expect(await desk.run(TASK)).toMatchObject({ status: "done", deleted: 100 });
    source.gives(many(800));
    expect(await desk.run(TASK, { accept: true })).toMatchObject({ status: "done", deleted: 100 });
  });

  test("[I7] holds a source that suddenly gives 5 % of its rows", async () => {
    const { source, desk } = oneStream({ deletes: { orCount: 10_000 }, check: [volume(0.5)] });
    source.gives(many(2_000));
    for (let i = 0; i < 3; i++) await desk.run(TASK);
    source.gives(many(100).map((each) => ({ ...each, value: { n: -1 } })));
    const row = await desk.run(TASK);
    expect(row).toMatchObject({ status: "held", read: 100 });
    expect(row.reasons[0]).toContain("it gave 100 records, and the last 3 runs gave 2000 (median)");
    expect((await desk.records("things")).k1).toEqual({ id: "k1", n: 1 });
  });

  test("[I7] holds a batch of which too many lack a value, and one whose fields are others", async () => {
    const { source, desk } = oneStream({ check: [nulls("x", 0.5), drift()] }, "reported");
    source.adds([put("a", { x: 1 }), put("b", { x: null })], 1);
    expect(await desk.run(TASK)).toMatchObject({ status: "done" });
    source.adds([put("c", { x: null })], 2);
    expect(await desk.run(TASK)).toMatchObject({
      status: "held",
      reasons: ["100 % have no x, and at most 50 % may"],
      cursorAfter: 1,
    });
    source.adds([put("c", { x: "1", y: 2 })], 2);
    const { reasons } = await desk.run(TASK);
    expect(reasons[0]).toContain("x is string, and was null or number, y is new");
    expect(Object.keys(await desk.records("things"))).toEqual(["a", "b"]);
  });

  test("[I7] holds more rejected records than the limit, before any of them is in quarantine", async () => {
    const { source, desk } = oneStream({ check: [required("n")], reject: { stopAbove: "5%" } });
    source.gives([...many(90), ...Array.from({ length: 10 }, (_, i) => put(`bad${i}`, { n: null }))]);
    expect(await desk.run(TASK)).toMatchObject({ status: "held" });
    expect(await desk.items(TASK)).toEqual([]);
    expect(await desk.records("things")).toEqual({});
  });

  test("[I4 I12] tries a busy source again from where it was, with jitter, and tells how often", async () => {
    const { source, desk } = oneStream({}, "reported");
    let broken = 2;
    source.pages = async function* (cursor) {
      if (cursor === null) yield { changes: [put("a", { x: 1 })], cursor: "one" };
      if (broken-- > 0) throw new SourceError("unreachable", "nobody answers");
      yield { changes: [put("b", { x: 2 })], cursor: "two", last: "caught-up" };
    };
    const running = desk.run(TASK);
    let done = false;
    void running.finally(() => (done = true));
    // Files and database are real: the clock goes on as long as they take.
    for (; !done; await setImmediate()) await desk.clock.run(1_000);
    expect(await running).toMatchObject({ status: "done", attempts: 3, added: 2 });
    expect(source.reads).toEqual([null, "one", "one"]);
  });

  test("[I4] a backfill brings its window and leaves the cursor; it never writes over what is newer", async () => {
    const { source, desk } = oneStream({}, "reported");
    source.adds([put("a", { x: "new" }, { at: "2026-03-01T00:00:00Z" })], "now");
    await desk.run(TASK);
    source.pages = (_, window) => [
      {
        changes: [put("a", { x: "old" }, { at: "2026-01-05T00:00:00Z" }), put("b", { x: window?.from ?? "" })],
        cursor: "elsewhere",
        last: "caught-up",
      },
    ];
    const window = { from: "2026-01-01", to: "2026-02-01" };
    expect(await desk.run(TASK, { window })).toMatchObject({
      kind: "backfill",
      added: 1,
      stale: 1,
      cursorAfter: "now",
    });
    expect(await desk.records("things")).toEqual({ a: { id: "a", x: "new" }, b: { id: "b", x: "2026-01-01" } });
  });

  test("[I5] counts the records that normalisers changed", async () => {
    const { source, desk } = oneStream({ normalise: { "*": trim() } });
    source.gives([put("a", { x: " 1 ", y: "1" })]);
    expect(await desk.run(TASK)).toMatchObject({ fixed: 1 });
    expect(await desk.records("things")).toEqual({ a: { id: "a", x: "1", y: "1" } });
  });
});

describe("several who write", () => {
  test("[I15] what was edited here stays until the source changes that atom itself, and the run counts what it wrote over", async () => {
    const { source, desk } = oneStream();
    source.gives([put("a", { x: 1, y: 1 })]);
    await desk.run(TASK);
    const server = createServer({ store: desk.store, config: { auth: { open: true } } });
    const writes = [{ op: "update", collection: "things", record: { id: "a", x: "mine" } }];
    const body = JSON.stringify({ client: "c-1", mutations: [{ id: 1, base: await desk.revision(), writes }] });
    const headers = { "content-type": "application/json" };
    const answer = await server.handler(
      new Request(`http://localhost/v1/spaces/${SPACE}/push`, { method: "POST", headers, body }),
    );
    expect(await answer.json()).toMatchObject({ outcomes: [{ status: "applied" }] });
    source.gives([put("a", { x: 1, y: 2 })]);
    expect(await desk.run(TASK)).toMatchObject({ changed: 1, overwrote: 0 });
    expect(await desk.records("things")).toEqual({ a: { id: "a", x: "mine", y: 2 } });
    expect(await desk.ingest.lineage(SPACE, "things", "a")).toMatchObject([
      { atom: "x", author: { client: "c-1" }, from: null },
      { atom: "y", from: { run: 2 } },
    ]);
    source.gives([put("a", { x: 3, y: 2 })]);
    expect(await desk.run(TASK)).toMatchObject({ changed: 1, overwrote: 1 });
    expect(await desk.records("things")).toEqual({ a: { id: "a", x: 3, y: 2 } });
  });

  test("[I15] two streams do not fill one collection without match", () => {
    const [one, two] = [new ListSource("one", "s"), new ListSource("two", "s")];
    const pickup = (source: ListSource) => ({
      source,
      streams: [clean(source.streams[0] as Stream, { collection: "c" })],
    });
    expect(() => new Desk({ [SPACE]: [pickup(one), pickup(two)] })).toThrow("one.s and two.s both fill c");
  });
});

describe("quarantine", () => {
  test("[I6] keeps a bad record with code, path, message, value and position; the same again counts up", async () => {
    const { source, desk } = oneStream({ check: [required("name")] });
    source.gives([put("a", { name: "", x: 1 }, { position: "things.csv:7" }), put("b", { name: "B" })]);
    expect(await desk.run(TASK)).toMatchObject({ status: "done", rejected: 1, added: 1 });
    await desk.run(TASK);
    expect(await desk.items(TASK)).toMatchObject([
      {
        number: 1,
        code: "required",
        path: "name",
        value: { name: "", x: 1 },
        position: "things.csv:7",
        times: 2,
        status: "open",
      },
    ]);
  });

  test("[I6] is replayed by a corrected rule; once more changes nothing", async () => {
    const store = oneStream().desk.store;
    const [first, second] = [
      oneStream({ check: [required("name")] }, "by-complete-pass", { store }),
      oneStream({}, "by-complete-pass", { store }),
    ];
    first.source.gives([put("a", { x: 1 })]);
    await first.desk.run(TASK);
    expect(await second.desk.ingest.replay(SPACE, TASK)).toMatchObject({ kind: "replay", added: 1 });
    expect(await second.desk.records("things")).toEqual({ a: { id: "a", x: 1 } });
    expect(await second.desk.items(TASK, { status: "replayed" })).toHaveLength(1);
    const revision = await second.desk.revision();
    expect(await second.desk.ingest.replay(SPACE, TASK)).toBeNull();
    expect(await second.desk.ingest.replay(SPACE, TASK, { status: "all" })).toMatchObject({ added: 0, changed: 0 });
    expect(await second.desk.revision()).toBe(revision);
  });

  test("[I6 I13] a replay does not write over what came later", async () => {
    const store = oneStream().desk.store;
    const strict = oneStream({ check: [required("name")] }, "reported", { store });
    strict.source.adds([put("a", { x: "old" }, { at: "2026-01-01T00:00:00Z" })], 1);
    await strict.desk.run(TASK);
    const [item] = await strict.desk.items(TASK);
    strict.source.adds([put("a", { x: "new", name: "A" }, { at: "2026-01-02T00:00:00Z" })], 2);
    await strict.desk.run(TASK);
    expect(await strict.desk.items(TASK, { status: "superseded" })).toMatchObject([{ number: item?.number }]);
    const lax = oneStream({}, "reported", { store });
    await lax.desk.ingest.replay(SPACE, TASK, { status: "all" });
    expect(await lax.desk.records("things")).toEqual({ a: { id: "a", name: "A", x: "new" } });
  });

  test("[I6 I13] is fixed by value, and the next import of the same mistake does not undo it", async () => {
    const { source, desk } = oneStream({ check: [required("name")] });
    source.gives([put("a", { name: null, x: 1 })]);
    await desk.run(TASK);
    await desk.ingest.fix(SPACE, TASK, 1, { name: "Ada" });
    expect(await desk.records("things")).toEqual({ a: { id: "a", name: "Ada", x: 1 } });
    expect(await desk.items(TASK, { status: "all" })).toMatchObject([{ status: "fixed" }]);
    source.gives([put("a", { name: null, x: 2 })]);
    expect(await desk.run(TASK)).toMatchObject({ rejected: 0, changed: 1 });
    expect(await desk.records("things")).toEqual({ a: { id: "a", name: "Ada", x: 2 } });
    source.gives([put("a", { name: "Ada L.", x: 2 })]);
    await desk.run(TASK);
    expect(await desk.records("things")).toEqual({ a: { id: "a", name: "Ada L.", x: 2 } });
  });

  test("[I6] is discarded by a person, and kept", async () => {
    const { source, desk } = oneStream({ check: [required("name")] });
    source.gives([put("a", { x: 1 })]);
    await desk.run(TASK);
    expect(await desk.ingest.discard(SPACE, TASK, { numbers: [1] })).toBe(1);
    expect(await desk.items(TASK)).toEqual([]);
    expect(await desk.items(TASK, { status: "all" })).toMatchObject([{ status: "discarded", value: { x: 1 } }]);
  });

  test("[I6] a record of which a bad version comes keeps what it has, and no pass deletes it", async () => {
    const { source, desk } = oneStream({ check: [required("name")] });
    source.gives([put("a", { name: "A" })]);
    await desk.run(TASK);
    source.gives([put("a", { name: "" })]);
    expect(await desk.run(TASK)).toMatchObject({ rejected: 1, deleted: 0 });
    expect(await desk.records("things")).toEqual({ a: { id: "a", name: "A" } });
  });

  test("[I6] what cannot be read at all is there with its text, and can be said by hand", async () => {
    const { source, desk } = oneStream();
    const broken = {
      op: "broken",
      position: "things.ndjson:3",
      raw: '{"id": "c", "x',
      code: "unreadable",
      message: "no JSON",
    } as const;
    source.pages = () => [{ changes: [broken], cursor: null, last: "complete" }];
    await desk.run(TASK);
    expect(await desk.items(TASK)).toMatchObject([
      { code: "unreadable", position: "things.ndjson:3", raw: '{"id": "c", "x', key: null },
    ]);
    await desk.ingest.fix(SPACE, TASK, 1, { id: "c", x: 3 });
    expect(await desk.records("things")).toEqual({ c: { id: "c", x: 3 } });
    expect(await desk.items(TASK)).toEqual([]);
  });

  test("[I6] two with one value that is unique: the first stays", async () => {
    const { source, desk } = oneStream({ check: [unique("email")] });
    source.gives([put("a", { email: "x" }), put("b", { email: "x" }), put("c", { email: "y" })]);
    expect(await desk.run(TASK)).toMatchObject({ added: 2, rejected: 1 });
    expect(await desk.items(TASK)).toMatchObject([{ code: "unique", path: "email", key: ["b"] }]);
    source.gives([put("a", { email: "z" }), put("c", { email: "y" })]);
    await desk.run(TASK);
    await desk.ingest.replay(SPACE, TASK);
    expect((await desk.records("things")).b).toEqual({ id: "b", email: "x" });
  });

  test("[I6] what the space's own schema refuses is there too", async () => {
    const collections = {
      things: {
        schema: {
          "~standard": {
            version: 1,
            vendor: "test",
            validate: (value: unknown) =>
              (value as { n?: number }).n === 3 ? { issues: [{ message: "three is taken", path: ["n"] }] } : { value },
          },
        },
      },
    } as const;
    const { source, desk } = oneStream({}, "by-complete-pass", { collections });
    source.gives(many(5));
    expect(await desk.run(TASK)).toMatchObject({ status: "done", added: 4, rejected: 1 });
    expect(await desk.items(TASK)).toMatchObject([{ stage: "commit", code: "invalid-record", path: "n", key: ["k3"] }]);
  });

  test("[I6] an orphan waits, and frees itself when its parent arrives", async () => {
    const children = new ListSource("crm", "contacts");
    const parents = new ListSource("crm2", "companies");
    const [c] = children.streams as [Stream];
    const [p] = parents.streams as [Stream];
    const desk = new Desk({
      [SPACE]: [
        {
          source: children,
          streams: [
            clean(c, {
              collection: "contacts",
              normalise: { company: string() },
              check: [ref("company", "companies")],
            }),
          ],
        },
        { source: parents, streams: [clean(p, { collection: "companies" })] },
      ],
    });
    children.gives([put("ada", { company: 7 }), put("bob", { company: null })]);
    expect(await desk.run("crm.contacts")).toMatchObject({ added: 1, rejected: 1, waiting: 1 });
    expect(await desk.items("crm.contacts")).toMatchObject([
      { status: "waiting", code: "missing-ref", parent: "companies/7" },
    ]);
    parents.gives([put("7", { name: "Seven" })]);
    await desk.run("crm2.companies");
    expect(await desk.records("contacts")).toEqual({
      ada: { id: "ada", company: "7" },
      bob: { id: "bob" },
    });
    expect(await desk.items("crm.contacts")).toEqual([]);
  });
});

describe("lineage", () => {
  test("[I9] each atom tells source, stream, run, position and rules, also where a later run changed another", async () => {
    const { source, desk } = oneStream();
    source.gives([put("a", { x: 1, y: 1 }, { position: "one.csv:2" })]);
    await desk.run(TASK);
    source.gives([put("a", { x: 1, y: 2 }, { position: "two.csv:9" })]);
    await desk.run(TASK);
    expect(await desk.ingest.lineage(SPACE, "things", "a")).toMatchObject([
      { atom: "x", value: 1, from: { source: "list", stream: "things", run: 1, position: "one.csv:2", key: ["a"] } },
      {
        atom: "y",
        value: 2,
        from: { run: 2, position: "two.csv:9", version: expect.stringMatching(/^[0-9a-f]{12}$/) },
      },
    ]);
  });
});
