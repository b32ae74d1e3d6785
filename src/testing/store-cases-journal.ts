import { NO_FAMILIES, NOTHING_WRITTEN } from "../model/batch.ts";
import { chainHash, changeHash, GENESIS } from "../model/entry.ts";
import type { JournalEntry } from "../store/store.ts";
import { ANN, BOB, put, remove } from "./store-batches.ts";
import type { Case, StoreTrial } from "./store-trial.ts";

export const journalled: readonly Case[] = [
  {
    title: "[M6] the journal gives back what its chain covers, to the last bit",
    run: async (trial) => {
      await trial.writeEach([
        { puts: [put("items", "a", { n: 1.5, deep: { x: [null, "é\u0000"] } }), put("tags", "t", {})], time: 10 },
        { puts: [put("items", "a", { n: 2 })], author: BOB, time: 20, mutation: 7 },
        { puts: [], time: 20 },
        { puts: [remove("items", "a")], time: 30 },
      ]);
      const entries = await trial.ask({ kind: "journal", after: 0, limit: 100 });
      trial.expect(entries.map(({ revision, time }) => [revision, time])).toEqual([
        [1, 10],
        [2, 20],
        [3, 20],
        [4, 30],
      ]);
      let before = GENESIS;
      for (const entry of entries) before = checkedHash(trial, entry, before);
      trial.expect((await trial.head()).hash).toBe(before);
      const second = entries[1];
      trial.expect(second?.cut === false && [second.author, second.mutation]).toEqual([BOB, 7]);
    },
  },
  {
    title: "[H7] the journal is read in pieces, from after a revision, up to a limit",
    run: async (trial) => {
      await trial.write(Array.from({ length: 9 }, (_, i) => ({ puts: [put("items", `i${i}`, {})] })));
      const read = async (after: number, limit: number) =>
        (await trial.ask({ kind: "journal", after, limit })).map(({ revision }) => revision);
      trial
        .expect([await read(0, 2), await read(2, 3), await read(8, 5), await read(9, 5)])
        .toEqual([[1, 2], [3, 4, 5], [9], []]);
    },
  },
  {
    title: "[W5] the journal keeps operators as they were sent",
    run: async (trial) => {
      const operators = { n: { $add: 3 } };
      const transactions = [{ puts: [put("items", "a", { n: 3 })] }];
      const keys = new Set(["items/a"]);
      await trial.write(transactions);
      await trial.store.write(
        "acme",
        { keys, families: NO_FAMILIES, authors: new Set(), outcomes: [], hashes: [], create: false },
        (loaded) => {
          const { head } = loaded;
          const change = { collection: "items", id: "a", before: { n: 3 }, after: { n: 6 }, operators };
          const salted = { change, salt: "00".repeat(16) };
          const entry = { revision: head.revision + 1, time: head.time, author: ANN, mutation: 2 };
          const hash = chainHash(entry, [changeHash(salted)], head.hash);
          const entries = [{ ...entry, changes: [salted], hash }];
          return { entries, rows: [], fingerprints: [], clients: [], outcomes: [] };
        },
      );
      const [first, second] = await trial.ask({ kind: "journal", after: 0, limit: 9 });
      trial.expect(second?.cut === false && second.changes[0]?.change.operators).toEqual(operators);
      trial.expect(first?.cut === false && first.changes[0]?.change.operators).toBe(undefined);
    },
  },
  {
    title: "[M6] the chain hash of every revision is known, of 0 too, and of none beyond the head",
    run: async (trial) => {
      const { entries } = await trial.write([{ puts: [put("items", "a", {})] }, { puts: [put("items", "b", {})] }]);
      const hashes = await trial.ask({ kind: "hashes", revisions: [0, 1, 2, 3] });
      trial
        .expect(hashes)
        .toEqual(new Map([[0, GENESIS] as const, ...entries.map((e) => [e.revision, e.hash] as const)]));
      const wanted = {
        keys: new Set<string>(),
        families: NO_FAMILIES,
        authors: new Set<string>(),
        outcomes: [],
        hashes: [2, 9],
        create: false,
      };
      await trial.store.write("acme", wanted, (loaded) => {
        trial.expect(loaded.hashes).toEqual(new Map([[2, entries[1]?.hash]]));
        return NOTHING_WRITTEN;
      });
    },
  },
  {
    title: "[H2] the last revision at or before a time",
    run: async (trial) => {
      const { entries } = await trial.write(
        [10, 20, 20, 30].map((time, i) => ({ puts: [put("items", `i${i}`, {})], time })),
      );
      const at = async (time: number) => (await trial.ask({ kind: "at", time }))?.revision;
      const times = await Promise.all([9, 10, 19, 20, 29, 30, 1e15].map(at));
      trial.expect(times).toEqual([0, 1, 1, 3, 3, 4, 4]);
      trial
        .expect(await trial.ask({ kind: "at", time: 25 }))
        .toEqual({ revision: 3, hash: entries[2]?.hash, time: 20 });
      trial.expect(await trial.ask({ kind: "at", time: 0 })).toEqual({ revision: 0, hash: GENESIS, time: 0 });
    },
  },
  {
    title: "[K3] what happened to a record, the newest first, with who did it, also within one commit",
    run: async (trial) => {
      await trial.write([
        { puts: [put("items", "a", { n: 1 }), put("items", "b", { n: 9 })], time: 10 },
        { puts: [put("items", "a", { n: 2 })], author: BOB, time: 20, mutation: 5 },
      ]);
      await trial.writeEach([
        { puts: [put("items", "b", { n: 8 })], time: 30 },
        { puts: [remove("items", "a")], time: 40 },
        { puts: [put("items", "a", { n: 3 })], time: 50 },
      ]);
      const history = await trial.ask({ kind: "history", collection: "items", id: "a", limit: 10 });
      trial
        .expect(
          history.map(({ revision, time, author, change }) => [revision, time, author, change.before, change.after]),
        )
        .toEqual([
          [5, 50, ANN, null, { n: 3 }],
          [4, 40, ANN, { n: 2 }, null],
          [2, 20, BOB, { n: 1 }, { n: 2 }],
          [1, 10, ANN, null, { n: 1 }],
        ]);
      trial.expect(history[2]?.mutation).toBe(5);
      const short = await trial.ask({ kind: "history", collection: "items", id: "a", limit: 2 });
      trial.expect(short.map(({ revision }) => revision)).toEqual([5, 4]);
      trial.expect(await trial.ask({ kind: "history", collection: "none", id: "a", limit: 2 })).toEqual([]);
    },
  },
  {
    title: "[K3] [M7] values with U+0000, and an id that is written like one, have their history",
    run: async (trial) => {
      const id = "a\\u0000";
      await trial.writeEach([
        { puts: [put("items", id, { text: "\u0000" }), put("items", "b", {})], time: 10 },
        { puts: [put("items", id, { text: "\\\u0000" }), put("tags", id, {})], time: 20 },
      ]);
      const history = await trial.ask({ kind: "history", collection: "items", id, limit: 10 });
      trial.expect(history.map(({ change }) => [change.id, change.after?.["text"]])).toEqual([
        [id, "\\\u0000"],
        [id, "\u0000"],
      ]);
    },
  },
];

function checkedHash(trial: StoreTrial, entry: JournalEntry, before: string): string {
  if (entry.cut) throw new Error(`revision ${entry.revision} was cut`);
  const hash = chainHash(entry, entry.changes.map(changeHash), before);
  trial.expect(entry.hash, `the hash of revision ${entry.revision}`).toBe(hash);
  return hash;
}
