import { addFingerprints, digestOf, EMPTY, type Fingerprint } from "../model/fingerprint.ts";
import { compareKeys, type Key, keyParts } from "../model/record.ts";
import type { RangePart, RangesQuery } from "../store/store.ts";
import { must } from "../util/assert.ts";
import { utf8Length } from "../util/utf8.ts";
import { seededRandom } from "./random.ts";
import { type Put, put, remove, type Transaction } from "./store-batches.ts";
import { type Case, keysOf, recordsOf, type StoreTrial } from "./store-trial.ts";

export const reading: readonly Case[] = [
  {
    title: "[P3] a scan finds each record once, at its last change, however many transactions changed it",
    run: async (trial) => {
      await trial.write([{ puts: Array.from({ length: 200 }, (_, i) => put("items", `i${i}`, { n: 0 }, ["red"])) }]);
      await trial.write(Array.from({ length: 300 }, (_, n) => ({ puts: [put("items", `i${n % 3}`, { n }, ["red"])] })));
      const { found, more } = await trial.scan({ scope: "red", after: 1, limit: 4 });
      trial.expect([found, more]).toEqual([["items/i0@299", "items/i1@300", "items/i2@301"], false]);
      trial.expect((await trial.scan({ scope: "red", after: 301 })).found).toEqual([]);
    },
  },
  {
    title:
      "[P2] a scan gives what a delta needs: the text, when it came in, and which atoms were written since a revision",
    run: async (trial) => {
      await trial.writeEach([
        { puts: [put("items", "a", { n: 1, m: 1 }, ["red"])] },
        { puts: [put("items", "a", { n: 2 }, ["red"])] },
        { puts: [put("items", "a", { n: 2 }, ["blue"])] },
      ]);
      const query = { kind: "scan", limit: 10, after: 0 } as const;
      const [change] = (await trial.ask({ ...query, scope: "blue" })).changes;
      trial.expect(change?.member).toEqual({ revision: 3, entered: 3, first: 3, present: true });
      trial.expect([change?.collection, change?.text]).toEqual(["items", '{"id":"a","n":2}']);
      trial.expect([...(change?.changedSince(0) ?? [])].sort()).toEqual(["m", "n"]);
      trial.expect([...(change?.changedSince(1) ?? [])].sort()).toEqual(["m", "n"]);
      trial.expect(change?.changedSince(2)).toEqual([]);
      const [left] = (await trial.ask({ ...query, scope: "red" })).changes;
      trial.expect([left?.member.present, left?.member.revision, left?.text]).toEqual([false, 3, '{"id":"a","n":2}']);
    },
  },
  {
    title: "[P15] a scan goes by revision and never divides one, so that it can go on after the last it gave",
    run: async (trial) => {
      const many = (from: number, count: number) =>
        Array.from({ length: count }, (_, i) => put("items", `i${from + i}`, {}));
      await trial.writeEach([{ puts: many(0, 3) }, { puts: many(3, 5) }, { puts: many(8, 1) }]);
      const revisions = async (after: number, limit: number) => {
        const { changes, more } = await trial.ask({ kind: "scan", scope: "*", after, limit });
        return [changes.map(({ member }) => member.revision), more];
      };
      trial.expect(await revisions(0, 4)).toEqual([[1, 1, 1, 2, 2, 2, 2, 2], true]);
      trial.expect(await revisions(0, 3)).toEqual([[1, 1, 1], true]);
      trial.expect(await revisions(2, 1)).toEqual([[3], false]);
      trial.expect(await revisions(1, 100)).toEqual([[2, 2, 2, 2, 2, 3], false]);
    },
  },
  {
    title: "[P15] a scan ends after so many bytes too, at a whole revision, and always gives one",
    run: async (trial) => {
      const large = (id: string) => put("items", id, { text: "x".repeat(1_000) });
      await trial.writeEach([
        { puts: [large("a"), large("b")] },
        { puts: [large("c"), large("d")] },
        { puts: [large("e")] },
      ]);
      const found = async (after: number, bytes: number) => {
        const { changes, more } = await trial.ask({ kind: "scan", scope: "*", after, limit: 10, bytes });
        return [changes.map(({ id }) => id).join(""), more];
      };
      trial.expect(await found(0, 1)).toEqual(["ab", true]);
      trial.expect(await found(0, 2_500)).toEqual(["abcd", true]);
      trial.expect(await found(1, 2_500)).toEqual(["cde", false]);
      trial.expect(await found(0, 100_000)).toEqual(["abcde", false]);
      trial.expect(await found(0, Number.MAX_SAFE_INTEGER * 1024)).toEqual(["abcde", false]);
    },
  },
  {
    title: "[P5] a page is in key order by UTF-8 bytes, collection then id, and goes on after the last key",
    run: async (trial) => {
      const ids = ["\u{1F600}", "\uE000", "z", "a/b", "a", "Z", "é", "a-b"];
      await trial.write([
        { puts: ids.flatMap((id) => ["b", "a", "a_1"].map((collection) => put(collection, id, {}))) },
      ]);
      const expected = ids
        .flatMap((id) => ["b", "a", "a_1"].map((collection) => `${collection}/${id}`))
        .sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
      for (const limit of [1, 2, 7, 8, 24, 25]) trial.expect(await trial.keys({ limit })).toEqual(expected);
      const page = await trial.page({ limit: 9 });
      trial.expect(page.runs.map(({ collection, count }) => [collection, count])).toEqual([
        ["a", 8],
        ["a_1", 1],
      ]);
      trial.expect([page.last, page.more]).toEqual([expected[8], true]);
      trial.expect(await trial.page({ after: "c/x" })).toEqual({ runs: [], last: null, more: false });
      for (const to of ["a/Z", "a/a\u0001", "a_1", "b/", "b/z", "zz"]) {
        const before = expected.filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(to)) < 0);
        for (const limit of [1, 3, 25]) trial.expect(await trial.keys({ to, limit })).toEqual(before);
        trial.expect((await trial.page({ to, limit: before.length || 1 })).more).toBe(false);
      }
    },
  },
  {
    title: "[P5] a page holds its limits of records and bytes, and one record at least",
    run: async (trial) => {
      const texts = (sizes: number[]) => sizes.map((size, i) => put("items", `i${i}`, { text: "é".repeat(size) }));
      await trial.write([{ puts: texts([5, 9000, 5, 5, 3000, 100, 5, 5, ...Array<number>(60).fill(20)]) }]);
      for (const bytes of [1, 100, 1000, 6500, 20_000]) {
        const all = await trial.keys({ bytes });
        trial.expect([all.length, new Set(all).size]).toEqual([68, 68]);
        let after: Key | null = null;
        for (let more = true; more; ) {
          const page = await trial.page({ bytes, after });
          const size = page.runs.reduce((sum, { records }) => sum + utf8Length(records), 0);
          const count = page.runs.reduce((sum, run) => sum + run.count, 0);
          trial.expect(size <= bytes || count === 1, `${count} records of ${size} bytes, ${bytes} allowed`).toBe(true);
          trial.expect(keysOf(page).length).toBe(count);
          more = page.more && page.last !== after;
          after = page.last;
        }
      }
      trial.expect((await trial.page({ limit: 68 })).more).toBe(false);
      trial.expect((await trial.page({ limit: 67 })).more).toBe(true);
    },
  },
  {
    title: "[P5] a page read later shows what has been written since, behind the key and not before it",
    run: async (trial) => {
      await trial.write([{ puts: ["b", "d", "f"].map((id) => put("items", id, { n: 1 })) }]);
      const { last } = await trial.page({ limit: 2 });
      await trial.write([{ puts: [put("items", "a", {}), put("items", "e", {}), remove("items", "f")] }]);
      trial.expect([last, keysOf(await trial.page({ after: last }))]).toEqual(["items/d", ["items/e"]]);
    },
  },
  {
    title: "[P9] the fingerprint of a scope is the sum of its records' digests, and goes back to nothing",
    run: async (trial) => {
      await trial.writeEach([
        { puts: [put("items", "a", { n: 1 }, ["red"]), put("tags", "a", { n: 1 }, ["red"])] },
        { puts: [put("items", "a", { n: 2 }, ["red"]), put("items", "b", { n: 1 }, ["red"])] },
        { puts: [put("items", "b", { n: 1 }, ["blue"])] },
      ]);
      const sum = (...parts: [string, string][]) =>
        parts.reduce((total, part) => addFingerprints(total, { count: 1, lanes: digestOf(...part) }), EMPTY);
      const a: [string, string] = ["items", '{"id":"a","n":2}'];
      const tag: [string, string] = ["tags", '{"id":"a","n":1}'];
      trial.expect(await fingerprint(trial, "red")).toEqual(sum(a, tag));
      trial.expect(await fingerprint(trial, "red", ["items"])).toEqual(sum(a));
      trial.expect(await fingerprint(trial, "red", [])).toEqual(EMPTY);
      trial.expect(await fingerprint(trial, "*")).toEqual(sum(a, tag, ["items", '{"id":"b","n":1}']));
      await trial.write([{ puts: [remove("items", "a"), remove("items", "b"), remove("tags", "a")] }]);
      for (const scope of ["*", "red", "blue", "unheard"]) trial.expect(await fingerprint(trial, scope)).toEqual(EMPTY);
    },
  },
  {
    title: "[H2] how far a replica is behind is counted up to a limit",
    run: async (trial) => {
      await trial.write(Array.from({ length: 10 }, (_, i) => ({ puts: [put(i < 4 ? "items" : "tags", `i${i}`, {})] })));
      const behind = (after: number, limit: number, collections?: string[]) =>
        trial.ask({ kind: "behind", scope: "*", after, limit, collections });
      const counts = [behind(0, 100), behind(7, 100), behind(10, 100), behind(0, 5), behind(0, 9, ["items"])];
      trial.expect(await Promise.all(counts)).toEqual([10, 3, 0, 5, 4]);
    },
  },
  {
    title: "[P1] collections narrow down scans and pages, also to none and to one that is not there",
    run: async (trial) => {
      await trial.writeEach([
        { puts: [put("items", "a", {}), put("tags", "a", {}), put("users", "a", {})] },
        { puts: [remove("tags", "a")] },
      ]);
      const collections = ["users", "tags"];
      trial.expect((await trial.scan({ collections })).found).toEqual(["users/a@1", "tags/a@2-"]);
      trial.expect(await trial.keys({ collections })).toEqual(["users/a"]);
      for (const none of [[], ["none"]]) {
        trial.expect((await trial.scan({ collections: none })).found).toEqual([]);
        trial.expect(await trial.keys({ collections: none })).toEqual([]);
      }
    },
  },
  {
    title: "[V1] the parts of a range are of like size and cover it without gap or overlap",
    run: async (trial) => {
      const ids = Array.from({ length: 100 }, (_, i) => `i${String(i).padStart(3, "0")}`);
      await trial.write([{ puts: ids.flatMap((id) => [put("items", id, { n: 1 }), put("tags", id, { n: 2 })]) }]);
      await trial.write([{ puts: [remove("items", "i050")] }]);
      for (const [from, to, count] of [
        [null, null, 199],
        ["items/i010", "items/i090", 79],
        ["items/i0995", "tags/i0005", 1],
        ["items/i090", null, 110],
        [null, "items", 0],
        ["j", "tags", 0],
        ["tags/i050", "tags/i050", 0],
      ] as const) {
        for (const [fanout, leaf] of [
          [2, 1],
          [7, 10],
          [16, 0],
          [64, 1000],
        ] as const) {
          const parts = await ranges(trial, { ranges: [{ from, to }], fanout, leaf });
          trial.expect(parts.length <= fanout && [parts[0]?.from, parts.at(-1)?.to]).toEqual([from, to]);
          parts.slice(1).forEach((part, i) => trial.expect(part.from).toBe(parts[i]?.to));
          const sizes = parts.map(({ fingerprint: { count: size } }) => size);
          trial.expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(count);
          trial.expect(Math.max(...sizes) - Math.min(...sizes) <= 1).toBe(true);
          for (const part of parts) checkPart(trial, part, leaf);
        }
      }
    },
  },
  {
    title: "[V1] the parts of several ranges follow each other, each with what its scope holds",
    run: async (trial) => {
      await trial.write([{ puts: ["a", "b", "c", "d"].map((id) => put("items", id, {}, id < "c" ? ["red"] : [])) }]);
      const asked = [
        { from: "items/c", to: null },
        { from: null, to: "items/b" },
      ];
      const sizes = async (scope: string) => {
        const parts = await ranges(trial, { scope, ranges: asked, fanout: 4, leaf: 10 });
        return parts.map(({ from, to, fingerprint: { count } }) => [from, to, count]);
      };
      trial.expect(await sizes("*")).toEqual([
        ["items/c", null, 2],
        [null, "items/b", 1],
      ]);
      trial.expect(await sizes("red")).toEqual([
        ["items/c", null, 0],
        [null, "items/b", 1],
      ]);
      trial
        .expect(await ranges(trial, { scope: "unheard", ranges: asked }))
        .toEqual(asked.map((range) => ({ ...range, fingerprint: EMPTY, records: [] })));
      trial.expect(await ranges(trial, { ranges: [] })).toEqual([]);
    },
  },
  {
    title: "[P1 P9] after random transactions every query agrees with a plain copy of the data",
    run: async (trial) => {
      for (const seed of ["1", "2", "3"]) await compareWithCopy(trial, seed);
    },
  },
];

function fingerprint(trial: StoreTrial, scope: string, collections?: string[]): Promise<Fingerprint> {
  return trial.ask({ kind: "fingerprint", scope, collections });
}

function ranges(trial: StoreTrial, query: Partial<RangesQuery>): Promise<readonly RangePart[]> {
  return trial.ask<RangesQuery>({ kind: "ranges", scope: "*", ranges: [], fanout: 16, leaf: 64, ...query });
}

/** A part of at most `leaf` records holds them in key order, within its bounds, and they make its fingerprint. */
function checkPart(trial: StoreTrial, part: RangePart, leaf: number): void {
  trial.expect(part.records !== undefined).toBe(part.fingerprint.count <= leaf);
  if (part.records === undefined) return;
  const keys = part.records.map(([collection, text]) => `${collection}/${(JSON.parse(text) as { id: string }).id}`);
  trial.expect(keys).toEqual([...keys].sort(compareKeys));
  for (const key of keys) {
    trial.expect((part.from === null || key >= part.from) && (part.to === null || key < part.to)).toBe(true);
  }
  const sum = part.records.reduce(
    (total, [collection, text]) => addFingerprints(total, { count: 1, lanes: digestOf(collection, text) }),
    EMPTY,
  );
  trial.expect(part.fingerprint).toEqual(sum);
}

/** What each scope holds, by key, with the records' texts; and the revision of the last change that it saw. */
interface Copy {
  readonly texts: Map<Key, string>;
  readonly seen: Map<Key, number>;
}

const SCOPES = ["*", "red", "blue", "green"];

async function compareWithCopy(trial: StoreTrial, seed: string): Promise<void> {
  const random = seededRandom(seed);
  const copies = new Map<string, Copy>(SCOPES.map((scope) => [scope, { texts: new Map(), seen: new Map() }]));
  for (const [scope, copy] of copies) {
    for (const key of await trial.keys({ scope }).catch(() => [])) copy.texts.set(key, "");
  }
  // What an earlier seed left goes first, so that the copies start from nothing.
  const left = [...must(copies.get("*"), "there").texts.keys()].map((key) => {
    const { collection, id } = keyParts(key);
    return remove(collection, id);
  });
  if (left.length > 0) await trial.write([{ puts: left }]);
  const start = (await trial.store.head("acme"))?.revision ?? 0;
  for (const copy of copies.values()) copy.texts.clear();
  let revision = start;
  for (let round = 0; round < 30; round++) {
    const transactions = Array.from({ length: random.between(1, 4) }, (): Transaction => {
      revision++;
      const keys = new Map<Key, Put>();
      for (let i = random.between(1, 5); i > 0; i--) {
        const [collection, id] = [random.pick(["a", "b"]), `k${random.below(12)}`];
        const there = must(copies.get("*"), "there").texts.has(`${collection}/${id}`);
        const scopes = SCOPES.slice(1).filter(() => random.chance(0.4));
        const deleted = there && random.chance(0.3);
        keys.set(
          `${collection}/${id}`,
          deleted ? remove(collection, id) : put(collection, id, { n: revision }, scopes),
        );
      }
      for (const change of keys.values()) applyToCopies(copies, change, revision);
      return { puts: [...keys.values()] };
    });
    await trial.write(transactions);
  }
  for (const [scope, { texts, seen }] of copies) {
    const keys = [...texts.keys()].sort(compareKeys);
    trial.expect(await trial.keys({ scope, limit: 5 }), `seed ${seed}, ${scope}`).toEqual(keys);
    const page = await trial.page({ scope });
    trial.expect(recordsOf(page).map((record) => JSON.stringify(record))).toEqual(keys.map((key) => texts.get(key)));
    for (const since of [start, start + 20, revision - 5]) {
      const { found } = await trial.scan({ scope, after: since });
      const expected = [...seen]
        .filter(([, at]) => at > since)
        .map(([key, at]) => `${key}@${at}${texts.has(key) ? "" : "-"}`);
      trial.expect([...found].sort()).toEqual(expected.sort());
    }
    const sum = keys.reduce(
      (total, key) =>
        addFingerprints(total, { count: 1, lanes: digestOf(keyParts(key).collection, String(texts.get(key))) }),
      EMPTY,
    );
    trial.expect(await fingerprint(trial, scope), `seed ${seed}, ${scope}`).toEqual(sum);
    for (const part of await ranges(trial, { scope, ranges: [{ from: null, to: null }], fanout: 5, leaf: 4 })) {
      checkPart(trial, part, 4);
    }
  }
}

function applyToCopies(copies: ReadonlyMap<string, Copy>, change: Put, revision: number): void {
  const key = `${change.collection}/${change.id}`;
  for (const [scope, { texts, seen }] of copies) {
    const holds = change.record !== null && (scope === "*" || change.record.scopes.includes(scope));
    if (!holds && !texts.has(key)) continue;
    seen.set(key, revision);
    if (holds) texts.set(key, JSON.stringify({ id: change.id, ...change.record?.atoms }));
    else texts.delete(key);
  }
}
