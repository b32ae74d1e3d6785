import { addFingerprints, digestOf, EMPTY, type Fingerprint } from "../model/fingerprint.ts";
import { compareKeys, type Key, keyParts, type Row } from "../model/record.ts";
import type { Loaded, ScanQuery } from "../store/store.ts";
import { seededRandom } from "./random.ts";
import { batchOf, put, remove, type Transaction, wantedFor } from "./store-batches.ts";
import { type Case, SPACE, type StoreTrial } from "./store-trial.ts";

export const scoped: readonly Case[] = [
  {
    title: "[M8] a row keeps its parent, of whatever name and whether that is there or not; a tombstone has none",
    run: async (trial) => {
      await trial.write([
        {
          puts: [
            put("notes", "n1", {}, [], "never/a/b"),
            put("notes", "n2", {}, [], "notes/n1"),
            put("notes", "n3", {}),
          ],
        },
      ]);
      await trial.write([{ puts: [remove("notes", "n2")] }]);
      await trial.reopen();
      const parents = await Promise.all(
        ["n1", "n2", "n3"].map((id) => trial.ask({ kind: "row", collection: "notes", id })),
      );
      trial.expect(parents.map((row) => row?.parent)).toEqual(["never/a/b", null, null]);
      await trial.write([{ puts: [put("notes", "n1", {}, [], "notes/n3")] }]);
      trial.expect((await trial.ask({ kind: "row", collection: "notes", id: "n1" }))?.parent).toBe("notes/n3");
      trial.expect([...(await familiesOf(trial, ["never/a/b"])).rows]).toEqual([]);
    },
  },
  {
    title: "[M8] a family is all descendants, to any depth, with all that a row has, without the record itself",
    run: async (trial) => {
      const chain = Array.from({ length: 300 }, (_, i) =>
        put("deep", `d${i}`, {}, ["s"], i === 0 ? "top/t" : `deep/d${i - 1}`),
      );
      await trial.write([
        {
          puts: [
            put("top", "t", {}),
            ...chain,
            put("other", "o", {}, ["s"], "deep/d0"),
            put("other", "no", {}, [], "deep/x"),
          ],
        },
      ]);
      await trial.write([{ puts: [put("other", "o", { n: 1 }, ["r"], "deep/d0")] }]);
      const { rows, families } = await familiesOf(trial, ["top/t", "deep/x", "deep/d298", "nothing/n"]);
      trial.expect(rows.size).toBe(302);
      trial.expect(rows.has("top/t")).toBe(false);
      trial
        .expect(rows.get("other/o"))
        .toEqual((await trial.ask({ kind: "row", collection: "other", id: "o" })) as Row);
      trial.expect([...families].map(([key, { count, loaded }]) => [key, count, loaded])).toEqual([
        ["top/t", 301, true],
        ["deep/x", 1, true],
        ["deep/d298", 1, true],
        ["nothing/n", 0, true],
      ]);
    },
  },
  {
    title:
      "[M8] families are loaded in their order as long as all together fit, and only counted beyond, ten times that far",
    run: async (trial) => {
      const family = (parent: Key, count: number) =>
        Array.from({ length: count }, (_, i) => put("items", `${keyParts(parent).id}${i}`, {}, [], parent));
      await trial.write([
        { puts: [...family("p/a", 6), ...family("p/b", 6), ...family("items/a0", 2), ...family("p/c", 150)] },
      ]);
      const { rows, families } = await familiesOf(trial, ["p/a", "p/b", "items/a0", "p/c"], 10);
      trial.expect([...families]).toEqual([
        ["p/a", { count: 8, loaded: true }],
        ["p/b", { count: 6, loaded: false }],
        ["items/a0", { count: 2, loaded: true }],
        ["p/c", { count: 100, loaded: false }],
      ]);
      trial
        .expect([...rows.keys()].sort())
        .toEqual(["items/a0", "items/a00", "items/a01", ...[1, 2, 3, 4, 5].map((i) => `items/a${i}`)]);
    },
  },
  {
    title: "[M8] a circle of parents ends where it began",
    run: async (trial) => {
      await trial.write([
        {
          puts: [
            put("f", "a", {}, [], "f/b"),
            put("f", "b", {}, [], "f/a"),
            put("f", "c", {}, [], "f/a"),
            put("f", "self", {}, [], "f/self"),
          ],
        },
      ]);
      const { families } = await familiesOf(trial, ["f/a", "f/self"]);
      trial.expect([families.get("f/a")?.count, families.get("f/self")?.count]).toEqual([3, 1]);
    },
  },
  {
    title: "[P14] scopes are named by prefix, in the order in which they came, and none is forgotten",
    run: async (trial) => {
      await trial.write([{ puts: [put("items", "a", {}, ["p/2", "p/1", "q/1", "p"])] }]);
      await trial.write([
        { puts: [put("items", "b", {}, ["p/10"])] },
        { puts: [put("items", "c", {}, ["p/0", "P/1"])] },
      ]);
      await trial.write([{ puts: [remove("items", "b"), put("items", "a", {}, ["p/3"])] }]);
      await trial.cut({ journal: 4, tombstones: 4 });
      await trial.reopen();
      const named = async (prefix: string, after = 0) =>
        (await trial.ask({ kind: "scopes", prefix, after })).map(({ scope, since }) => `${scope}@${since}`);
      trial.expect(await named("p/")).toEqual(["p/1@1", "p/2@1", "p/0@2", "p/10@2", "p/3@4"]);
      trial.expect(await named("p/", 1)).toEqual(["p/0@2", "p/10@2", "p/3@4"]);
      trial.expect(await named("p/", 4)).toEqual([]);
      trial.expect(await named("p")).toEqual(["p@1", "p/1@1", "p/2@1", "p/0@2", "p/10@2", "p/3@4"]);
      trial.expect((await named("")).length).toBe(8);
      trial.expect(await named("x")).toEqual([]);
    },
  },
  {
    title: "[P14] a scan of a union gives each record once, with its memberships everywhere but in *",
    run: async (trial) => {
      await trial.writeEach([
        {
          puts: [
            put("items", "a", {}, ["p/1", "p/2", "q"]),
            put("items", "b", {}, ["p/2"]),
            put("items", "c", {}, ["q"]),
          ],
        },
        { puts: [put("items", "a", { n: 1 }, ["p/2"])] },
        { puts: [put("items", "b", { n: 1 }, ["p/3"])] },
      ]);
      const { changes, more } = await trial.ask({ kind: "scan", scope: ["p/2", "p/1", "none"], after: 0, limit: 10 });
      trial.expect(more).toBe(false);
      trial.expect(changes.map(({ id, member }) => [id, member.revision])).toEqual([
        ["a", 2],
        ["b", 3],
      ]);
      trial.expect([...(changes[0]?.members ?? [])].sort(([x], [y]) => (x < y ? -1 : 1))).toEqual([
        ["p/1", { revision: 2, entered: 1, first: 1, present: false }],
        ["p/2", { revision: 2, entered: 1, first: 1, present: true }],
        ["q", { revision: 2, entered: 1, first: 1, present: false }],
      ]);
      trial.expect(changes[1]?.members?.get("p/3")).toEqual({ revision: 3, entered: 3, first: 3, present: true });
      trial.expect([changes[0]?.text, changes[0]?.changedSince(1)]).toEqual(['{"id":"a","n":1}', ["n"]]);
      const since = await trial.ask({ kind: "scan", scope: ["p/1", "p/2"], after: 2, limit: 10 });
      trial.expect(since.changes.map(({ id }) => id)).toEqual(["b"]);
      trial.expect((await trial.ask({ kind: "scan", scope: [], after: 0, limit: 10 })).changes).toEqual([]);
    },
  },
  {
    title: "[P14 P15] page by page a scan of a union gives every change of every scope, and divides no revision",
    run: async (trial) => {
      await scattered(trial);
      for (const [limit, bytes, ...scopes] of [
        [1, 1e6, "s/0", "s/1", "s/2"],
        [4, 1e6, "s/0", "s/1", "s/2"],
        [4, 1e6, "s/0", "s/1"],
        [9, 1e6, "s/3", "s/1"],
        [1000, 60, "s/0", "s/1", "s/2"],
        [1000, 1e6, "s/0", "s/1", "s/2"],
      ] as const) {
        const last = new Map<Key, number>();
        let after = 0;
        for (let more = true; more; ) {
          const page = await trial.ask<ScanQuery>({
            kind: "scan",
            scope: scopes,
            after,
            limit,
            bytes,
            collections: ["x", "y"],
          });
          const keys = page.changes.map(({ collection, id }) => `${collection}/${id}`);
          trial.expect(new Set(keys).size).toBe(keys.length);
          const revisions = page.changes.map(({ member }) => member.revision);
          trial.expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
          trial.expect(revisions.every((revision) => revision > after)).toBe(true);
          for (const [i, key] of keys.entries()) last.set(key, revisions[i] as number);
          more = page.more;
          after = revisions.at(-1) ?? after;
        }
        const expected = new Map<Key, number>();
        for (const scope of scopes) {
          const { changes } = await trial.ask({ kind: "scan", scope, after: 0, limit: 1000, collections: ["x", "y"] });
          for (const { collection, id, member } of changes) {
            const key = `${collection}/${id}`;
            expected.set(key, Math.max(member.revision, expected.get(key) ?? 0));
          }
        }
        trial.expect(byKey(last), `limit ${limit}`).toEqual(byKey(expected));
      }
    },
  },
  {
    title: "[P14 P5] the pages of a union have its records once, in key order, within their limits",
    run: async (trial) => {
      await scattered(trial);
      const scopes = ["s/0", "s/2"];
      const expected = new Set<Key>();
      for (const scope of scopes)
        for (const key of await trial.keys({ scope, collections: ["y", "x"] })) expected.add(key);
      const sorted = [...expected].sort(compareKeys);
      trial.expect(sorted.length > 10).toBe(true);
      for (const limit of [1, 3, sorted.length, 1000])
        trial.expect(await trial.keys({ scope: scopes, collections: ["x", "y"], limit })).toEqual(sorted);
      trial.expect(await trial.keys({ scope: scopes, collections: ["x", "y"], bytes: 50 })).toEqual(sorted);
      const whole = await trial.page({ scope: scopes, collections: ["x", "y"], limit: sorted.length });
      trial.expect([whole.more, whole.last]).toEqual([false, sorted.at(-1)]);
      trial
        .expect((await trial.page({ scope: scopes, collections: ["x", "y"], limit: sorted.length - 1 })).more)
        .toBe(true);
      const [to] = sorted.slice(-4);
      const before = await trial.keys({ scope: scopes, collections: ["x", "y"], to, limit: 3 });
      trial.expect(before).toEqual(sorted.slice(0, -4));
      trial.expect(await trial.page({ scope: [] })).toEqual({ runs: [], last: null, more: false });
    },
  },
  {
    title: "[P14 P9] the fingerprint of a union counts a record in several of its scopes once",
    run: async (trial) => {
      await scattered(trial);
      const scopes = ["s/0", "s/1", "s/3", "none"];
      const texts = new Map<Key, string>();
      for (const scope of scopes) {
        for (const { collection, records } of (await trial.page({ scope })).runs) {
          for (const record of JSON.parse(`[${records}]`) as { id: string; n: number }[])
            texts.set(`${collection}/${record.id}`, JSON.stringify({ id: record.id, n: record.n }));
        }
      }
      let sum: Fingerprint = EMPTY;
      for (const [key, text] of texts)
        sum = addFingerprints(sum, { count: 1, lanes: digestOf(keyParts(key).collection, text) });
      trial.expect(await trial.ask({ kind: "fingerprint", scope: scopes })).toEqual(sum);
      trial.expect(await trial.ask({ kind: "fingerprint", scope: [] })).toEqual(EMPTY);
    },
  },
];

async function familiesOf(
  trial: StoreTrial,
  of: readonly Key[],
  most = 10_000,
): Promise<Pick<Loaded, "rows" | "families">> {
  let found: Pick<Loaded, "rows" | "families"> | null = null;
  await trial.store.write(SPACE, wantedFor([], { families: { of: new Set(of), most } }), (loaded) => {
    found = loaded;
    return batchOf(loaded, []);
  });
  return found as unknown as Pick<Loaded, "rows" | "families">;
}

/** Records that move between scopes, are in several, go and come back. */
async function scattered(trial: StoreTrial): Promise<void> {
  const random = seededRandom("scattered");
  const transactions: Transaction[] = [];
  for (let n = 0; n < 80; n++) {
    const puts = Array.from({ length: random.between(1, 3) }, () => {
      const [collection, id] = [random.pick(["x", "y", "z"]), `i${random.below(20)}`];
      const scopes = ["s/0", "s/1", "s/2", "s/3"].filter(() => random.chance(0.4));
      return random.chance(0.15) ? remove(collection, id) : put(collection, id, { n }, scopes);
    });
    const once = new Map(puts.map((each) => [`${each.collection}/${each.id}`, each]));
    transactions.push({ puts: [...once.values()] });
  }
  await trial.write(transactions.slice(0, 40));
  await trial.writeEach(transactions.slice(40));
}

function byKey(map: ReadonlyMap<Key, number>): [Key, number][] {
  return [...map].sort(([a], [b]) => compareKeys(a, b));
}
