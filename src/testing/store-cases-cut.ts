import { ANN, put, remove } from "./store-batches.ts";
import type { Case, StoreTrial } from "./store-trial.ts";

export const cutting: readonly Case[] = [
  {
    title: "[G1] below its horizon the journal keeps number, time and hash of each revision, and no change",
    run: async (trial) => {
      await life(trial);
      const before = await trial.ask({ kind: "journal", after: 0, limit: 100 });
      await trial.cut({ journal: 4 });
      trial.expect((await trial.head()).horizon).toEqual({ journal: 4, tombstones: 0 });
      const after = await trial.ask({ kind: "journal", after: 0, limit: 100 });
      trial.expect(after).toEqual(
        before.map((entry) => {
          const { revision, time, hash } = entry;
          return revision <= 4 ? { revision, time, hash, cut: true } : entry;
        }),
      );
    },
  },
  {
    title: "[G1 P8] cutting the journal changes no delta, no conflict and no fingerprint",
    run: async (trial) => {
      await life(trial);
      const before = await state(trial);
      await trial.cut({ journal: 6 });
      trial.expect(await state(trial)).toEqual(before);
    },
  },
  {
    title: "[K3] history goes as far back as the journal",
    run: async (trial) => {
      await life(trial);
      const history = async () =>
        (await trial.ask({ kind: "history", collection: "items", id: "a", limit: 9 })).map(({ revision }) => revision);
      trial.expect(await history()).toEqual([6, 2, 1]);
      await trial.cut({ journal: 1 });
      trial.expect(await history()).toEqual([6, 2]);
      await trial.cut({ journal: 6 });
      trial.expect(await history()).toEqual([]);
    },
  },
  {
    title: "[G2] tombstones go below their horizon, of records and of scopes that records left; the living stay",
    run: async (trial) => {
      await life(trial);
      await trial.cut({ journal: 5, tombstones: 4 });
      trial.expect((await trial.head()).horizon).toEqual({ journal: 5, tombstones: 4 });
      trial.expect(await trial.ask({ kind: "row", collection: "items", id: "gone" })).toBe(null);
      trial.expect((await trial.ask({ kind: "row", collection: "items", id: "late" }))?.text).toBe(null);
      const moved = await trial.ask({ kind: "row", collection: "items", id: "moved" });
      trial.expect([...(moved?.scopes.keys() ?? [])].sort()).toEqual(["*", "blue"]);
      trial.expect((await trial.scan({ scope: "red" })).found).toEqual(["items/late@5-", "items/a@6"]);
      trial.expect(await trial.keys()).toEqual(["items/a", "items/moved"]);
    },
  },
  {
    title: "[G2] what was cut can come again, as if it had never been",
    run: async (trial) => {
      await life(trial);
      await trial.cut({ journal: 6, tombstones: 6 });
      await trial.write([
        { puts: [put("items", "gone", { n: 1 }, ["red"]), put("items", "moved", { n: 3 }, ["red"])] },
      ]);
      const fresh = { revision: 7, entered: 7, first: 7, present: true };
      trial.expect(await trial.membership("items", "gone", "red")).toEqual(fresh);
      trial.expect(await trial.membership("items", "gone", "*")).toEqual(fresh);
      trial.expect(await trial.membership("items", "moved", "red")).toEqual(fresh);
    },
  },
  {
    title: "[G1 R2] a cursor at the tombstone horizon can be checked; of revisions before it nothing is kept",
    run: async (trial) => {
      await life(trial);
      const before = await trial.ask({ kind: "hashes", revisions: [3, 4, 5, 6] });
      await trial.cut({ journal: 5, tombstones: 4 });
      const after = await trial.ask({ kind: "hashes", revisions: [3, 4, 5, 6] });
      trial.expect([4, 5, 6].map((revision) => after.get(revision))).toEqual([4, 5, 6].map((at) => before.get(at)));
      trial.expect(after.has(3)).toBe(false);
      const left = await trial.ask({ kind: "journal", after: 0, limit: 100 });
      trial.expect(left.map(({ revision }) => revision)).toEqual([4, 5, 6]);
    },
  },
  {
    title: "[G1] horizons never go back, and stay in order: tombstones, journal, head",
    run: async (trial) => {
      await life(trial);
      await trial.cut({ journal: 3, tombstones: 5 });
      trial.expect((await trial.head()).horizon).toEqual({ journal: 3, tombstones: 3 });
      await trial.cut({ journal: 1, tombstones: 2 });
      trial.expect((await trial.head()).horizon).toEqual({ journal: 3, tombstones: 3 });
      const head = await trial.head();
      await trial.cut({ journal: 99, tombstones: 99 });
      trial.expect(await trial.head()).toEqual({ ...head, horizon: { journal: 6, tombstones: 6 } });
      trial.expect(await trial.ask({ kind: "hashes", revisions: [6] })).toEqual(new Map([[6, head.hash]]));
      trial.expect(await trial.ask({ kind: "at", time: 1 })).toBe(null);
    },
  },
  {
    title: "[G3] cutting goes in slices: the horizons move first, reads are right in between, and it ends",
    run: async (trial) => {
      const ids = Array.from({ length: 40 }, (_, i) => `i${i}`);
      await trial.writeEach([
        ...ids.map((id) => ({ puts: [put("items", id, { n: 1 }, ["red"])], author: ANN })),
        { puts: ids.slice(0, 30).map((id) => remove("items", id)) },
        { puts: [put("items", "i39", { n: 2 }, ["red"])] },
      ]);
      const expected = await trial.keys();
      let removed = 0;
      for (let slices = 1; ; slices++) {
        const slice = await trial.store.cut("acme", { journal: 42, tombstones: 41, outcomes: 0 }, 7);
        removed += slice.removed;
        trial.expect((await trial.head()).horizon).toEqual({ journal: 42, tombstones: 41 });
        trial.expect(await trial.keys()).toEqual(expected);
        trial.expect((await trial.scan({ after: 41 })).found).toEqual(["items/i39@42"]);
        const entries = await trial.ask({ kind: "journal", after: 40, limit: 9 });
        trial.expect(await trial.ask({ kind: "history", collection: "items", id: "i39", limit: 9 })).toEqual([]);
        trial.expect(entries.every(({ cut }) => cut)).toBe(true);
        trial.expect(slices < 100).toBe(true);
        if (slice.done) {
          trial.expect(slices > 4).toBe(true);
          break;
        }
      }
      trial.expect(removed > 100).toBe(true);
      trial.expect((await trial.scan()).found.length).toBe(10);
      const again = await trial.store.cut("acme", { journal: 42, tombstones: 41, outcomes: 0 }, 7);
      trial.expect(again).toEqual({ done: true, removed: 0 });
    },
  },
  {
    title: "[G3 R4] a cut that was broken off goes on where it was",
    run: async (trial) => {
      await life(trial);
      await trial.store.cut("acme", { journal: 6, tombstones: 6, outcomes: 0 }, 1);
      await trial.crash();
      await trial.cut({}, 2);
      trial.expect((await trial.scan()).found).toEqual(["items/moved@3", "items/a@6"]);
      trial.expect((await trial.scan({ scope: "red" })).found).toEqual(["items/a@6"]);
      trial
        .expect((await trial.ask({ kind: "journal", after: 0, limit: 9 })).map(({ revision }) => revision))
        .toEqual([6]);
    },
  },
];

/** Six revisions: `a` changes, `moved` leaves red at 3, `gone` is deleted at 4, `late` at 5, and `a` changes again. */
async function life(trial: StoreTrial): Promise<void> {
  await trial.writeEach([
    { puts: ["a", "moved", "gone", "late"].map((id) => put("items", id, { n: 1 }, ["red"])), time: 10 },
    { puts: [put("items", "a", { n: 2 }, ["red"])], time: 20 },
    { puts: [put("items", "moved", { n: 2 }, ["blue"])], time: 30 },
    { puts: [remove("items", "gone")], time: 40 },
    { puts: [remove("items", "late")], time: 50 },
    { puts: [put("items", "a", { n: 3 }, ["red"])], time: 60 },
  ]);
}

/** All that deltas, conflicts and fingerprints are made of. */
async function state(trial: StoreTrial): Promise<unknown> {
  const rows = ["a", "moved", "gone", "late"].map((id) => trial.ask({ kind: "row", collection: "items", id }));
  const prints = ["*", "red", "blue"].map((scope) => trial.ask({ kind: "fingerprint", scope }));
  const scans = ["*", "red", "blue"].flatMap((scope) =>
    [0, 1, 2, 3, 4, 5].map((after) => trial.scan({ scope, after })),
  );
  return [await Promise.all(rows), await Promise.all(prints), await Promise.all(scans)];
}
