import { type Audit, auditEnd, auditOf, auditRun } from "../model/audit.ts";
import { compareKeys } from "../model/record.ts";
import { entryOf, type HistoryResponse, type JournalResponse } from "../wire/journal.ts";
import type { RangeLine } from "../wire/lines.ts";
import type { Check } from "./check.ts";
import { insert, standing, update } from "./push.ts";
import { COLLECTION, fingerprintOf, type Held } from "./trial.ts";

export const verifies: readonly Check[] = [
  {
    id: "V1",
    title: "the parts of a range cover it, and their digests are those of the records in them",
    async run(trial) {
      await trial.write(Array.from({ length: 60 }, (_, i) => insert(`${trial.fresh("record")}-${i}`, { n: i })));
      const held: Held = new Map();
      const { cursor } = await trial.pull(held, null);
      const request = { subscription: { scope: "*", cursor }, ranges: [{ from: null, to: null }], fanout: 4, leaf: 8 };
      const ranges = (await trial.lines("/verify", request)).filter((line): line is RangeLine => line.op === "range");
      trial.true(ranges.length > 1 && ranges.length <= 4, "at most `fanout` parts");
      trial.equal([ranges[0]?.from, ranges.at(-1)?.to], [null, null], "the bounds");
      for (const [i, range] of ranges.entries()) {
        if (i > 0) trial.equal(range.from, ranges[i - 1]?.to, "a part begins where the one before ended");
        const own = [...held].filter(
          ([key]) =>
            (range.from === null || compareKeys(key, range.from) >= 0) &&
            (range.to === null || compareKeys(key, range.to) < 0),
        );
        trial.equal({ count: range.count, digest: range.digest }, fingerprintOf(new Map(own)), "a part");
      }
    },
  },
  {
    id: "V1",
    title: "a part with few records brings them",
    async run(trial) {
      const { id } = await standing(trial);
      const held: Held = new Map();
      const { cursor } = await trial.pull(held, null);
      const key = `${COLLECTION}/${id}`;
      const request = { subscription: { scope: "*", cursor }, ranges: [{ from: key, to: `${key}\u0001` }] };
      const ranges = (await trial.lines("/verify", request)).filter((line): line is RangeLine => line.op === "range");
      trial.equal(
        ranges.flatMap(({ records }) => records ?? []) as never,
        [[COLLECTION, held.get(key)]],
        "the records",
      );
    },
  },
  {
    id: "V4",
    title: "a replica that is behind is brought to the revision first",
    async run(trial) {
      const { id } = await standing(trial);
      const held: Held = new Map();
      const { cursor } = await trial.pull(held, null);
      await trial.write([update(id, { a: 2 })]);
      const lines = await trial.lines("/verify", { subscription: { scope: "*", cursor }, ranges: [] });
      const patches = lines.flatMap((line) => (line.op === "patch" ? line.records : []));
      trial.equal(patches as never, [{ id, a: 2 }], "the delta before the ranges");
    },
  },
  {
    id: "K1",
    title: "the chain of the journal is proved from end to end",
    admin: true,
    async run(trial) {
      await standing(trial);
      const { horizon, revision } = await trial.head();
      let audit: Audit = auditOf(horizon);
      let since = 0;
      let hash = "";
      while (since < revision) {
        const { entries } = (await trial.good(
          await trial.request(`/journal?since=${since}&limit=100`),
        )) as JournalResponse;
        trial.true(entries.length > 0, `entries after revision ${since}`);
        const run = entries.filter((entry) => entry.revision <= revision);
        audit = auditRun(audit, run.map(entryOf));
        since = run.at(-1)?.revision ?? revision;
        hash = run.at(-1)?.hash ?? hash;
      }
      trial.equal((auditEnd(audit, { revision, hash }).finding ?? null) as never, null, "what the audit found");
    },
  },
  {
    id: "K3",
    title: "a record's history names who changed which atom when",
    admin: true,
    async run(trial) {
      const { id } = await standing(trial);
      const client = trial.fresh("client");
      const { revision } = await trial.head();
      await trial.push({ client, mutations: [{ id: 1, base: revision, writes: [update(id, { a: 2 })] }] });
      const { versions } = (await trial.good(await trial.request(`/history/${COLLECTION}/${id}`))) as HistoryResponse;
      trial.equal(
        versions.map(({ record }) => record),
        [
          { id, a: 2, b: 1 },
          { id, a: 1, b: 1 },
        ],
        "the versions",
      );
      trial.equal(versions[0]?.author.client, client, "the author");
      trial.equal([versions[0]?.before, versions[0]?.after], [{ a: 1 }, { a: 2 }], "the change");
    },
  },
];
