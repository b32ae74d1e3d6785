import type { Batch, ClientStore, RecordLine, Row, StagedLine } from "../client/store/store.ts";
import type { Json } from "../util/json.ts";
import type { Expect, Runner } from "./runner.ts";

/** An empty client store to try, and how to come back to what it holds. */
export interface OpenClientStore {
  /** Not opened yet. */
  readonly store: ClientStore;
  /** The store that an application finds at its next start, not opened yet; absent where nothing outlives the object. */
  reopen?(): Promise<ClientStore>;
}

interface Trial extends OpenClientStore {
  readonly expect: Expect;
}

interface Case {
  readonly title: string;
  /** What is asked is only of stores that outlive their object. */
  readonly durable?: true;
  readonly run: (trial: Trial) => Promise<void>;
}

const row = (key: string, at = 1, holders = [1], atoms = {}): Row => {
  return { key, at, holders, data: { id: key.slice(key.indexOf("/") + 1), ...atoms } };
};

const rowsOf = (...rows: Row[]): Batch => ({ rows: new Map(rows.map((each) => [each.key, each])) });

const line = (...ids: string[]): StagedLine => {
  const parsed: RecordLine = { op: "put", collection: "tasks", at: 7, records: ids.map((id) => ({ id })) };
  return { line: parsed, text: JSON.stringify(parsed) };
};

const notesOf = (...notes: (readonly [string, Json | null])[]): Batch => ({ notes: new Map(notes) });

const keysOf = (rows: readonly Row[]) => rows.map(({ key }) => key);

const CASES: readonly Case[] = [
  {
    title: "gives rows by key, in the order of the keys asked for, and says which are not there",
    async run({ store, expect }) {
      const a = row("tasks/a", 3, [1, 2], { title: "A", tags: ["x", { b: null }], zero: "\u0000" });
      await store.write(rowsOf(a, row("tasks/b")));
      expect(await store.get(["tasks/none", "tasks/b", "tasks/a"])).toEqual([undefined, row("tasks/b"), a]);
    },
  },
  {
    title: "scans in order of the keys' UTF-8 bytes, from inclusive, to exclusive, up to a limit",
    async run({ store, expect }) {
      // U+FF5E sorts before U+1F600 by UTF-8 bytes, and after it by UTF-16 units.
      const keys = ["a/1", "tasks/", "tasks/1", "tasks/10", "tasks/2", "tasks/～", "tasks/😀", "tasksx/1"];
      await store.write(rowsOf(...[...keys].reverse().map((key) => row(key))));
      expect(keysOf(await store.scan(null, null, 100))).toEqual(keys);
      expect(keysOf(await store.scan("tasks/1", "tasks/😀", 100))).toEqual(keys.slice(2, 6));
      expect(keysOf(await store.scan("tasks/1\u0000", null, 2))).toEqual(["tasks/10", "tasks/2"]);
    },
  },
  {
    title: "replaces and removes rows, and scans what is left, also between writes",
    async run({ store, expect }) {
      await store.write(rowsOf(row("t/1"), row("t/3"), row("t/5")));
      expect(keysOf(await store.scan(null, null, 9))).toEqual(["t/1", "t/3", "t/5"]);
      const two = row("t/2", 9, [2], { n: 2 });
      await store.write({
        rows: new Map([
          ["t/3", null],
          ["t/2", two],
          ["t/5", row("t/5", 4)],
          ["t/none", null],
        ]),
      });
      expect(await store.scan(null, null, 9)).toEqual([row("t/1"), two, row("t/5", 4)]);
      await store.write(rowsOf(row("t/3")));
      expect(keysOf(await store.scan("t/2", null, 2))).toEqual(["t/2", "t/3"]);
    },
  },
  {
    title: "[R1] wipes all rows before it writes those of the same batch, and keeps notes",
    async run({ store, expect }) {
      await store.write({ ...rowsOf(row("t/1"), row("t/2")), notes: new Map([["pending/1", 1]]) });
      await store.write({ wipe: true, ...rowsOf(row("t/2", 5)) });
      expect(await store.scan(null, null, 9)).toEqual([row("t/2", 5)]);
      expect(await store.notes("")).toEqual([["pending/1", 1]]);
    },
  },
  {
    title: "keeps notes by name, in order of their names, and removes those written as null",
    async run({ store, expect }) {
      await store.write(notesOf(["b/2", { n: [1, null] }], ["b/1", "one"], ["a", 1], ["b0", 0]));
      expect(await store.notes("b/")).toEqual([
        ["b/1", "one"],
        ["b/2", { n: [1, null] }],
      ]);
      await store.write(notesOf(["b/1", null], ["b/3", true]));
      expect(await store.notes("b/", 1)).toEqual([["b/2", { n: [1, null] }]]);
      expect(await store.notes("none")).toEqual([]);
    },
  },
  {
    title: "[P4] stages lines in their order beside the rows, for each subscription",
    async run({ store, expect }) {
      await store.write({
        stage: [
          { subscription: 1, lines: [line("a"), line("b", "c")] },
          { subscription: 2, lines: [line("z")] },
        ],
      });
      await store.write({ stage: [{ subscription: 1, lines: [line("d")] }] });
      expect(await store.staged(1, 0, 9)).toEqual([line("a").line, line("b", "c").line, line("d").line]);
      expect(await store.staged(1, 1, 1)).toEqual([line("b", "c").line]);
      expect(await store.staged(1, 3, 9)).toEqual([]);
      expect(await store.scan(null, null, 9)).toEqual([]);
    },
  },
  {
    title: "[P5] drops what was staged for a subscription before it stages more for it",
    async run({ store, expect }) {
      await store.write({
        stage: [
          { subscription: 1, lines: [line("a")] },
          { subscription: 2, lines: [line("z")] },
        ],
      });
      await store.write({ unstage: [1], stage: [{ subscription: 1, lines: [line("b")] }] });
      expect(await store.staged(1, 0, 9)).toEqual([line("b").line]);
      expect(await store.staged(2, 0, 9)).toEqual([line("z").line]);
    },
  },
  {
    title: "[P4] a put in key order can become rows as it is, as many lines as are asked for; the rest is dropped",
    async run({ store, expect }) {
      await store.write({ stage: [{ subscription: 3, lines: [line("a", "c"), line("e", "g"), line("z", "b")] }] });
      const spans = await store.spans(3);
      expect(spans).toEqual([
        { first: "tasks/a", last: "tasks/c" },
        { first: "tasks/e", last: "tasks/g" },
      ]);
      const adopt = [{ subscription: 3, lines: 2 }];
      const keys = ["tasks/a", "tasks/b", "tasks/g", "tasks/z"];
      const found = [row("tasks/a", 7, [3]), undefined, row("tasks/g", 7, [3]), undefined];
      expect(await store.stagedRows(adopt, keys)).toEqual(found);
      expect(await store.scan(null, null, 9)).toEqual([]);
      await store.write({ adopt, rows: new Map([["tasks/e", row("tasks/e", 9, [3])]]) });
      expect(await store.get(keys)).toEqual(found);
      expect(keysOf(await store.scan(null, null, 9))).toEqual(["tasks/a", "tasks/c", "tasks/e", "tasks/g"]);
      expect(await store.get(["tasks/e"])).toEqual([row("tasks/e", 9, [3])]);
      expect(await store.staged(3, 0, 9)).toEqual([]);
      const free = (first: string, last: string) => store.isFree({ first: `tasks/${first}`, last: `tasks/${last}` });
      expect(await free("b", "b")).toBe(false);
      expect(await free("d", "d")).toBe(true);
      expect(await free("d", "f")).toBe(false);
      expect(await free("h", "z")).toBe(true);
      expect(await free("0", "9")).toBe(true);
      await store.write(rowsOf(row("tasks/i")));
      expect(await free("h", "z")).toBe(false);
    },
  },
  {
    title: "[P13] single rows replace records of lines that were taken over, remove them, and stand between them",
    async run({ store, expect }) {
      const ids = Array.from({ length: 300 }, (_, i) => String(i * 2).padStart(4, "0"));
      await store.write({ stage: [{ subscription: 1, lines: [line(...ids)] }] });
      await store.write({ adopt: [{ subscription: 1, lines: (await store.spans(1)).length }] });
      const changed = row("tasks/0002", 9, [1], { n: 1 });
      const added = row("tasks/0003", 9, [1]);
      await store.write({
        rows: new Map([
          ["tasks/0000", null],
          ["tasks/0002", changed],
          ["tasks/0003", added],
          ["tasks/0004", null],
        ]),
      });
      expect(await store.get(["tasks/0000", "tasks/0004"])).toEqual([undefined, undefined]);
      expect(await store.scan(null, null, 3)).toEqual([changed, added, row("tasks/0006", 7)]);
      expect(keysOf(await store.scan("tasks/0255", "tasks/0261", 9))).toEqual([
        "tasks/0256",
        "tasks/0258",
        "tasks/0260",
      ]);
      expect((await store.scan(null, null, 999)).length).toBe(299);
      await store.write({ rows: new Map([["tasks/0002", null]]) });
      expect(await store.get(["tasks/0002"])).toEqual([undefined]);
      await store.write({ rows: new Map(ids.map((id) => [`tasks/${id}`, null])) });
      expect(keysOf(await store.scan(null, null, 9))).toEqual(["tasks/0003"]);
    },
  },
  {
    title: "[P9] tells the canonical texts of all rows, or of those in a range, in key order, however they came",
    async run({ store, expect }) {
      const records = [
        { id: "a", text: "},{" },
        { id: "b", list: [{ n: 1 }, { n: 2 }] },
        { id: "c", text: "é" },
      ];
      const parsed: RecordLine = { op: "put", collection: "tasks", at: 7, records };
      const lines = [line("1", "2", "3"), { line: parsed, text: JSON.stringify(parsed) }];
      await store.write({ stage: [{ subscription: 1, lines }] });
      await store.write({ adopt: [{ subscription: 1, lines: 2 }] });
      await store.write({ rows: new Map([["tasks/2", row("tasks/2", 9, [1, 2], { a: 1 })]]) });
      const texts = async (from: string | null, to: string | null) => {
        const found: string[] = [];
        let before = "";
        for await (const { holders, collection, first, last, texts } of store.contents(from, to)) {
          expect([before < first, first <= last]).toEqual([true, true]);
          before = last;
          found.push(...texts.map((text) => `${collection} ${holders} ${text}`));
        }
        return found;
      };
      const all = [
        'tasks 1 {"id":"1"}',
        'tasks 1,2 {"a":1,"id":"2"}',
        'tasks 1 {"id":"3"}',
        'tasks 1 {"id":"a","text":"},{"}',
        'tasks 1 {"id":"b","list":[{"n":1},{"n":2}]}',
        'tasks 1 {"id":"c","text":"é"}',
      ];
      expect(await texts(null, null)).toEqual(all);
      expect(await texts(null, null)).toEqual(all);
      expect(await texts("tasks/2", "tasks/b")).toEqual([all[1], all[2], all[3]]);
    },
  },
  {
    title: "[R1] a wipe takes lines that were taken over, too",
    async run({ store, expect }) {
      await store.write({ stage: [{ subscription: 1, lines: [line("a", "b")] }] });
      await store.write({ adopt: [{ subscription: 1, lines: 1 }] });
      await store.write({ wipe: true, ...rowsOf(row("tasks/b", 8)) });
      expect(await store.scan(null, null, 9)).toEqual([row("tasks/b", 8)]);
      expect(await store.get(["tasks/a"])).toEqual([undefined]);
    },
  },
  {
    title: "[R4] finds everything again that was written before it was closed",
    durable: true,
    async run({ store, reopen, expect }) {
      await store.write({ ...rowsOf(row("t/1", 2, [1, 3], { a: "é" })), notes: new Map([["meta", { issued: 3 }]]) });
      await store.write({ stage: [{ subscription: 1, lines: [line("a")] }], lazy: true });
      await store.close();
      const again = (await reopen?.()) as ClientStore;
      expect(await again.open()).toEqual({ damage: null });
      expect(await again.scan(null, null, 9)).toEqual([row("t/1", 2, [1, 3], { a: "é" })]);
      expect(await again.notes("meta")).toEqual([["meta", { issued: 3 }]]);
      await again.write({ stage: [{ subscription: 1, lines: [line("b")] }] });
      expect(await again.staged(1, 0, 9)).toEqual([line("a").line, line("b").line]);
      await again.close();
    },
  },
];

/**
 * The suite that every `ClientStore` passes. Each test opens an empty store of its own.
 *
 * @example
 * import { describe, expect, it } from "vitest";
 * clientStoreContract("my store", async () => ({ store: myStore() }), { describe, it, expect });
 */
export function clientStoreContract(name: string, open: () => Promise<OpenClientStore>, runner: Runner): void {
  runner.describe(name, () => {
    for (const { title, durable, run } of CASES) {
      runner.it(title, async () => {
        const opened = await open();
        if (durable && opened.reopen === undefined) return;
        const { damage } = await opened.store.open();
        runner.expect(damage).toBe(null);
        await run({ ...opened, expect: runner.expect });
        await opened.store.close();
      });
    }
  });
}
