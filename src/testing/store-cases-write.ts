import { authorOf, keyOf } from "../model/record.ts";
import type { Batch } from "../store/store.ts";
import { ANN, BOB, batchOf, put, remove, wantedFor } from "./store-batches.ts";
import { type Case, failureOf, recordsOf, SPACE, type StoreTrial } from "./store-trial.ts";

export const writing: readonly Case[] = [
  {
    title: "[M1] the revisions of commits are dense, and the head is the last of them",
    run: async (trial) => {
      await trial.write([{ puts: [put("items", "a", { n: 1 })] }, { puts: [put("items", "b", { n: 1 })] }]);
      const { entries } = await trial.write([{ puts: [put("items", "c", { n: 1 })], time: 77 }]);
      const { revision, hash, time } = await trial.head();
      trial.expect([revision, hash, time]).toEqual([3, entries[0]?.hash, 77]);
    },
  },
  {
    title: "[M1] a batch that leaves out a revision is refused, and nothing of what stood before it is written",
    run: async (trial) => {
      await trial.write([{ puts: [put("items", "a", { n: 1 })] }]);
      const fresh = [{ puts: [put("fresh", "b", {}, ["new-scope"])], author: authorOf("eve", "c-9") }];
      const failure = await failureOf(
        trial.store.write(SPACE, wantedFor(fresh), (loaded) => {
          const { entries, ...rest } = batchOf(loaded, [...fresh, ...fresh]);
          return { ...rest, entries: entries.map((entry, i) => ({ ...entry, revision: entry.revision + i })) };
        }),
      );
      trial.expect(failure instanceof Error).toBe(true);
      trial.expect([(await trial.head()).revision, await trial.keys()]).toEqual([1, ["items/a"]]);
      await trial.write(fresh);
      await trial.reopen();
      trial.expect((await trial.scan({ scope: "new-scope" })).found).toEqual(["fresh/b@2"]);
      const row = await trial.ask({ kind: "row", collection: "fresh", id: "b" });
      trial.expect(row?.creator).toBe(authorOf("eve", "c-9"));
    },
  },
  {
    title: "[M1] writes that are asked for at once follow each other, none on another's old state",
    run: async (trial) => {
      const written = Array.from({ length: 20 }, async () => {
        const key = keyOf("items", "counter");
        return trial.store.write(SPACE, wantedFor([], { keys: new Set([key]) }), (loaded) => {
          const n = (JSON.parse(loaded.rows.get(key)?.text ?? '{"n":0}') as { n: number }).n + 1;
          return batchOf(loaded, [{ puts: [put("items", "counter", { n })] }]);
        });
      });
      const revisions = (await Promise.all(written)).map((batch) => batch?.entries[0]?.revision);
      trial
        .expect(revisions.sort((a, b) => Number(a) - Number(b)))
        .toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
      trial.expect(recordsOf(await trial.page())).toEqual([{ id: "counter", n: 20 }]);
    },
  },
  {
    title: "[M1] all answers of one read stand at one revision, also between writes",
    run: async (trial) => {
      await trial.write([{ puts: [put("items", "a0", {})] }]);
      const reads: Promise<void>[] = [];
      for (let i = 1; i <= 20; i++) {
        const write = trial.write([{ puts: [put("items", `a${i}`, {})] }]);
        reads.push(
          readWhole(trial),
          write.then(() => readWhole(trial)),
        );
      }
      await Promise.all(reads);
      trial.expect((await trial.head()).revision).toBe(21);
    },
  },
  {
    title: "[M1] who is told of a commit sees it",
    run: async (trial) => {
      const seen: Promise<number>[] = [];
      const stop = trial.store.watch((space) => {
        trial.expect(space).toBe(SPACE);
        seen.push(trial.head().then(({ revision }) => revision));
      });
      await trial.write([{ puts: [put("items", "a", {})] }]);
      const first = (await Promise.all(seen)).length;
      trial.expect((await Promise.all(seen)).every((revision) => revision >= 1)).toBe(true);
      stop();
      await trial.write([{ puts: [put("items", "b", {})] }]);
      trial.expect([first > 0, seen.length]).toEqual([true, first]);
    },
  },
  {
    title: "[M2] a batch without entries takes no revision",
    run: async (trial) => {
      await trial.write([{ puts: [put("items", "a", {})] }]);
      const before = await trial.head();
      await trial.write([], { clients: [{ author: ANN, last: 1, acked: 0, was: [], seen: 5 }] });
      trial.expect(await trial.head()).toEqual(before);
      trial.expect((await trial.ask({ kind: "client", author: ANN }))?.last).toBe(1);
    },
  },
  {
    title: "[M3] every atom keeps who wrote it, at which revision, also when it has been removed",
    run: async (trial) => {
      await trial.write([{ puts: [put("items", "a", { kept: 1, changed: 1, gone: 1 })], author: ANN }]);
      await trial.write([{ puts: [put("items", "a", { kept: 1, changed: 2, added: [1, { x: null }] })], author: BOB }]);
      const row = await trial.ask({ kind: "row", collection: "items", id: "a" });
      trial.expect(row?.text).toBe('{"added":[1,{"x":null}],"changed":2,"id":"a","kept":1}');
      trial.expect([row?.revision, row?.created, row?.creator]).toEqual([2, 1, ANN]);
      const by = (revision: number, author: string) => ({ revision, author });
      trial.expect(row?.stamps).toEqual(
        new Map([
          ["kept", by(1, ANN)],
          ["changed", by(2, BOB)],
          ["added", by(2, BOB)],
          ["gone", by(2, BOB)],
        ]),
      );
    },
  },
  {
    title: "[M3] an atom that a re-creation in one transaction removed keeps that revision",
    run: async (trial) => {
      await trial.write([{ puts: [put("items", "a", { old: 1 })] }]);
      await trial.store.write(SPACE, wantedFor([{ puts: [put("items", "a", {})] }]), (loaded) => {
        const batch = batchOf(loaded, [{ puts: [put("items", "a", { fresh: { old: 2 } })], author: BOB }]);
        return { ...batch, rows: batch.rows.map((row) => ({ ...row, created: 2, creator: BOB })) };
      });
      const row = await trial.ask({ kind: "row", collection: "items", id: "a" });
      trial.expect([row?.created, row?.creator, row?.text]).toEqual([2, BOB, '{"fresh":{"old":2},"id":"a"}']);
      trial.expect(row?.stamps.get("old")).toEqual({ revision: 2, author: BOB });
    },
  },
  {
    title: "[R2] an atom keeps the revision that its write had in a lost history",
    run: async (trial) => {
      const transactions = [{ puts: [put("items", "a", { x: 1, y: 1 })] }];
      await trial.store.write(SPACE, wantedFor(transactions), (loaded) => {
        const batch = batchOf(loaded, transactions);
        const row = batch.rows[0] as (typeof batch.rows)[number];
        const stamps = new Map(row.stamps).set("y", { revision: 1, author: ANN, lost: 41 });
        return { ...batch, rows: [{ ...row, stamps }] };
      });
      const row = await trial.ask({ kind: "row", collection: "items", id: "a" });
      trial.expect(row?.stamps.get("x")).toEqual({ revision: 1, author: ANN });
      trial.expect(row?.stamps.get("y")).toEqual({ revision: 1, author: ANN, lost: 41 });
    },
  },
  {
    title: "[S1] an atom keeps who wrote it on another server, and an entry who wrote its changes there",
    run: async (trial) => {
      const transactions = [{ puts: [put("items", "a", { w: 1, x: 1, y: 1, z: 1 })] }];
      const origin = { server: "acme@there", revision: 7, user: "cem", client: "c-3" };
      const numbered = { ...origin, revision: 8, mutation: 5 };
      await trial.store.write(SPACE, wantedFor(transactions), (loaded) => {
        const batch = batchOf(loaded, transactions);
        const row = batch.rows[0] as (typeof batch.rows)[number];
        const stamp = { revision: 1, author: ANN };
        const origins = { w: { origin }, x: { origin }, y: { origin: numbered }, z: {} };
        const stamps = new Map(Object.entries(origins).map(([atom, from]) => [atom, { ...stamp, ...from }]));
        return { ...batch, rows: [{ ...row, stamps }] };
      });
      const row = await trial.ask({ kind: "row", collection: "items", id: "a" });
      const [w, x, y, z] = ["w", "x", "y", "z"].map((atom) => row?.stamps.get(atom));
      trial.expect([w?.origin, x?.origin, y?.origin, z?.origin]).toEqual([origin, origin, numbered, undefined]);
      trial.expect([w?.revision, w?.author]).toEqual([1, ANN]);
      const { changes } = await trial.ask({ kind: "scan", scope: "*", after: 0, limit: 9 });
      trial.expect([...(changes[0]?.changedSince(0) ?? [])].sort()).toEqual(["w", "x", "y", "z"]);
      const rows = await trial.ask({ kind: "rows", keys: ["items/a", "items/none"] });
      trial.expect([...rows.keys()]).toEqual(["items/a"]);
    },
  },
  {
    title: "[M4] a deleted record leaves a tombstone in every scope that held it, and keeps when it first came",
    run: async (trial) => {
      await trial.writeEach([
        { puts: [put("items", "a", { n: 1 }, ["red"])] },
        { puts: [put("items", "a", { n: 1 }, ["blue"])] },
        { puts: [remove("items", "a")] },
      ]);
      const row = await trial.ask({ kind: "row", collection: "items", id: "a" });
      trial.expect([row?.text, row?.stamps.size, row?.digest, row?.revision]).toEqual([null, 0, [0, 0, 0, 0], 3]);
      trial.expect(row?.scopes).toEqual(
        new Map([
          ["*", { revision: 3, entered: 1, first: 1, present: false }],
          ["red", { revision: 2, entered: 1, first: 1, present: false }],
          ["blue", { revision: 3, entered: 2, first: 2, present: false }],
        ]),
      );
      trial.expect((await trial.scan({ scope: "red" })).found).toEqual(["items/a@2-"]);
      trial.expect((await trial.scan({ scope: "blue" })).found).toEqual(["items/a@3-"]);
    },
  },
  {
    title: "[M4] a record that comes back is in its scope since then, and first came when it did",
    run: async (trial) => {
      await trial.writeEach([
        { puts: [put("items", "a", { n: 1 }, ["red"])] },
        { puts: [remove("items", "a")] },
        { puts: [put("items", "a", { n: 2 }, ["red"])], author: BOB },
      ]);
      const back = { revision: 3, entered: 3, first: 1, present: true };
      trial.expect(await trial.membership("items", "a", "red")).toEqual(back);
      trial.expect(await trial.membership("items", "a", "*")).toEqual(back);
    },
  },
  {
    title: "[M5] a change of a record is news in each of its scopes, and what it left stays as it was",
    run: async (trial) => {
      await trial.writeEach([
        { puts: [put("items", "a", { n: 1 }, ["red", "blue"])] },
        { puts: [put("items", "a", { n: 2 }, ["blue"])] },
        { puts: [put("items", "a", { n: 3 }, ["blue"])] },
      ]);
      trial.expect((await trial.membership("items", "a", "red"))?.revision).toBe(2);
      trial.expect((await trial.membership("items", "a", "blue"))?.revision).toBe(3);
    },
  },
  {
    title: "[M5] a record can move between scopes without a change of its own",
    run: async (trial) => {
      const transactions = [{ puts: [put("items", "a", { n: 1 }, ["red"])] }];
      await trial.write(transactions);
      await trial.store.write(SPACE, wantedFor(transactions), (loaded) => {
        const batch = batchOf(loaded, [{ puts: [] }]);
        const row = loaded.rows.get("items/a") as Batch["rows"][number];
        const scopes = new Map(row.scopes)
          .set("red", { revision: 2, entered: 1, first: 1, present: false })
          .set("blue", { revision: 2, entered: 2, first: 2, present: true });
        return { ...batch, rows: [{ ...row, scopes }] };
      });
      trial.expect((await trial.scan({ scope: "red" })).found).toEqual(["items/a@2-"]);
      trial.expect((await trial.scan({ scope: "blue" })).found).toEqual(["items/a@2"]);
      trial.expect((await trial.scan()).found).toEqual(["items/a@1"]);
    },
  },
  {
    title: "[M7] ids of any script and values with U+0000 come back as they went in",
    run: async (trial) => {
      const ids = ["a'b", 'a"b', "100%", "a/b/c", "naïve", "\u{1F600}", "\uE000", " ", "\\", "x".repeat(256)];
      await trial.write([{ puts: ids.map((id) => put("items", id, { text: `nul \u0000 of ${id}` })) }]);
      const records = recordsOf(await trial.page());
      trial.expect(records.length).toBe(ids.length);
      for (const { id, text } of records) trial.expect(text).toBe(`nul \u0000 of ${id}`);
      for (const id of ids) trial.expect((await trial.ask({ kind: "row", collection: "items", id }))?.id).toBe(id);
    },
  },
  {
    title: "[W7] if the decision fails, nothing is written, and its error comes through",
    run: async (trial) => {
      await trial.write([{ puts: [put("items", "a", { n: 1 })] }]);
      const before = await trial.head();
      const mine = new Error("mine");
      const failure = await failureOf(
        trial.store.write(SPACE, wantedFor([]), () => {
          throw mine;
        }),
      );
      trial.expect(failure).toBe(mine);
      trial.expect(await trial.head()).toEqual(before);
      await trial.write([{ puts: [put("brandnew", "b", {}, ["scope-x"])], author: authorOf("eve", "c-9") }]);
      trial.expect((await trial.scan({ scope: "scope-x" })).found).toEqual(["brandnew/b@2"]);
    },
  },
  {
    title: "[H9] a space is made only where that is wanted",
    run: async (trial) => {
      const refused = await trial.store.write("other", wantedFor([], { create: false }), (loaded) =>
        batchOf(loaded, []),
      );
      trial.expect([refused, await trial.store.head("other"), await trial.store.spaces()]).toEqual([null, null, []]);
      trial.expect(await trial.store.read("other", [])).toBe(null);
      await trial.write([{ puts: [put("items", "a", {})] }]);
      trial.expect(await trial.store.spaces()).toEqual([SPACE]);
    },
  },
  {
    title: "[M1] spaces share nothing: the same keys, scopes, clients and revisions stand in each",
    run: async (trial) => {
      const transactions = [{ puts: [put("items", "a", { n: 1 }, ["red"])] }];
      await trial.write(transactions, { clients: [{ author: ANN, last: 7, acked: 0, was: [], seen: 1 }] });
      await trial.store.write("other", wantedFor(transactions), (loaded) => {
        trial.expect([loaded.rows.size, loaded.head.revision]).toEqual([0, 0]);
        return batchOf(loaded, [{ puts: [put("items", "a", { n: 2 }, ["red"])] }]);
      });
      const snapshot = await trial.store.read("other", [
        { kind: "row", collection: "items", id: "a" },
        { kind: "client", author: ANN },
        { kind: "fingerprint", scope: "red" },
      ]);
      trial.expect([snapshot?.results[0]?.text, snapshot?.results[1]]).toEqual(['{"id":"a","n":2}', null]);
      trial.expect(snapshot?.results[2].count).toBe(1);
      trial.expect((await trial.ask({ kind: "row", collection: "items", id: "a" }))?.text).toBe('{"id":"a","n":1}');
      trial.expect([...(await trial.store.spaces())].sort()).toEqual([SPACE, "other"]);
    },
  },
];

/** Every transaction of the case adds one record: at revision n there are n, whatever asks. */
async function readWhole(trial: StoreTrial): Promise<void> {
  const snapshot = await trial.store.read(SPACE, [
    { kind: "scan", scope: "*", after: 0, limit: 1000 },
    { kind: "fingerprint", scope: "*" },
    { kind: "page", scope: "*", after: null, limit: 1000, bytes: 1 << 20 },
    { kind: "behind", scope: "*", after: 0, limit: 1000 },
    { kind: "journal", after: 0, limit: 1000 },
  ]);
  const [scan, fingerprint, page, behind, journal] = snapshot?.results ?? [];
  const counts = [scan?.changes.length, fingerprint?.count, page && recordsOf(page).length, behind, journal?.length];
  trial.expect(counts).toEqual(counts.map(() => snapshot?.head.revision));
}
