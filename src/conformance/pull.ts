import { compareKeys } from "../model/record.ts";
import type { Check } from "./check.ts";
import { insert, remove, standing, update } from "./push.ts";
import { COLLECTION, Deviation, fingerprintOf, type Held, type Trial } from "./trial.ts";

const key = (id: string) => `${COLLECTION}/${id}`;

/** A replica of the whole space. */
async function replica(trial: Trial): Promise<{ held: Held; cursor: string | null }> {
  const held: Held = new Map();
  const { cursor } = await trial.pull(held, null);
  return { held, cursor };
}

export const pulls: readonly Check[] = [
  {
    id: "H2",
    title: "the head tells revision, cursor, time and horizons",
    async run(trial) {
      await standing(trial);
      const { space, revision, cursor, at, horizon } = await trial.head();
      trial.equal(space, trial.subject.space, "space");
      trial.true(Number.isSafeInteger(revision) && revision > 0, "revision is a whole number");
      trial.true(typeof cursor === "string" && cursor !== "", "cursor is a text");
      trial.true(at !== null && !Number.isNaN(Date.parse(at)), "at is a time");
      trial.true(horizon.journal <= horizon.tombstones || horizon.tombstones <= revision, "horizons are revisions");
    },
  },
  {
    id: "H2",
    title: "the head tells count and digest of a scope, and a client's last mutation",
    async run(trial) {
      const client = trial.fresh("client");
      const { revision } = await trial.head();
      await trial.push({ client, mutations: [{ id: 1, base: revision, writes: [insert(trial.fresh("record"))] }] });
      const { held } = await replica(trial);
      const { scopes, lastMutation } = await trial.head(`?scope=*&client=${client}`);
      trial.equal(scopes?.["*"], fingerprintOf(held), "count and digest");
      trial.equal(lastMutation, 1, "lastMutation");
    },
  },
  {
    id: "H10",
    title: "fields that are not known are ignored",
    async run(trial) {
      await trial.pull(new Map(), null, { unheardOf: { of: 1 } } as object);
    },
  },
  {
    id: "P5",
    title: "without a cursor comes a copy, in the order of keys, and says why",
    async run(trial) {
      for (const id of ["z", "ä", "a/b", "Z"]) await trial.write([insert(`${trial.fresh("record")}${id}`)]);
      const held: Held = new Map();
      const { lines, mode } = await trial.pull(held, null);
      trial.equal(mode, "copy", "the mode");
      const opened = lines.find((line) => line.op === "subscription");
      trial.equal(opened?.op === "subscription" && opened.mode === "copy" && opened.reason, "new", "the reason");
      const first = lines.flatMap((line) =>
        line.op === "put" ? line.records.map(({ id }) => `${line.collection}/${id}`) : [],
      );
      trial.equal(first, [...first].sort(compareKeys), "the keys");
    },
  },
  {
    id: "P9",
    title: "count and digest at the end are those of what was sent",
    async run(trial) {
      await trial.write([
        insert(trial.fresh("record"), { text: "é\u0000\u{1f41f}", n: 1.5e300, list: [null, { deep: [] }] }),
      ]);
      const held: Held = new Map();
      const { ended } = await trial.pull(held, null);
      const { count, digest } = ended;
      trial.equal({ count, digest }, fingerprintOf(held), "count and digest");
    },
  },
  {
    id: "P1",
    title: "after a delta a replica holds what a copy would give",
    async run(trial) {
      const stays = await standing(trial);
      const goes = await standing(trial);
      const { held, cursor } = await replica(trial);
      await trial.write([update(stays.id, { a: 5, b: null })]);
      await trial.write([remove(goes.id), insert(trial.fresh("record"), { c: 1 })]);
      const { mode, ended } = await trial.pull(held, cursor);
      trial.equal(mode, "delta", "the mode");
      const { count, digest } = ended;
      trial.equal({ count, digest }, fingerprintOf(held), "count and digest");
      trial.equal(fingerprintOf(held), fingerprintOf((await replica(trial)).held), "the replica");
    },
  },
  {
    id: "P2",
    title: "a delta is consolidated: one patch for many changes, nothing for what came and went",
    async run(trial) {
      const { id } = await standing(trial);
      const { held, cursor } = await replica(trial);
      for (const a of [2, 3, 4]) await trial.write([update(id, { a })]);
      const passing = trial.fresh("record");
      await trial.write([insert(passing)]);
      await trial.write([remove(passing)]);
      const { lines } = await trial.pull(held, cursor);
      const patches = lines.flatMap((line) => (line.op === "patch" ? line.records : []));
      trial.equal(patches as never, [{ id, a: 4 }], "the patches");
      const others = lines.filter((line) => line.op === "put" || line.op === "remove");
      trial.equal(others as never, [], "the other lines");
    },
  },
  {
    id: "P12",
    title: "where nothing is new, nothing is sent, and the cursor stays good",
    async run(trial) {
      const { held, cursor } = await replica(trial);
      const { lines } = await trial.pull(held, cursor);
      trial.true(JSON.stringify(lines).length < 500, "the answer is short");
      const more = await trial.pull(held, cursor);
      trial.true(
        !more.lines.some(({ op }) => op === "put" || op === "patch" || op === "remove"),
        "no records are sent",
      );
    },
  },
  {
    id: "P6",
    title: "a cursor that cannot be read brings a copy, not an error",
    async run(trial) {
      const { mode } = await trial.pull(new Map(), "what nobody gave");
      trial.equal(mode, "copy", "the mode");
    },
  },
  {
    id: "P11",
    title: "a filter sends what matches, and removes what no longer does",
    async run(trial) {
      const mark = trial.fresh("mark");
      const { id } = await standing(trial, { mark, n: 1 });
      await standing(trial, { mark, n: 9 });
      const ask = (cursor: string | null) =>
        trial.lines("/pull", { subscriptions: [{ scope: "*", key: "k", where: { mark, n: { $lt: 5 } }, cursor }] });
      const lines = await ask(null);
      const ids = lines.flatMap((line) => (line.op === "put" ? line.records.map((record) => record.id) : []));
      trial.equal(ids, [id], "what matches");
      const end = lines.at(-1);
      if (end?.op !== "end") throw new Deviation("the answer has no end");
      await trial.write([update(id, { n: 7 })]);
      const gone = (await ask(end.subscriptions.k?.cursor ?? null)).flatMap((line) =>
        line.op === "remove" ? line.ids : [],
      );
      trial.equal(gone, [id], "what no longer matches");
    },
  },
  {
    id: "L6",
    title: "a pull that waits is answered when something is written",
    async run(trial) {
      const { held, cursor } = await replica(trial);
      const waiting = trial.pull(held, cursor, { wait: 20 });
      const { id } = await standing(trial);
      await waiting;
      trial.true(held.has(key(id)), "the record arrived");
    },
  },
];
