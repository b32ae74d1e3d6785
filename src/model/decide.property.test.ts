import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { insert, remove, TestSpace, update } from "../../test/support/space.ts";
import { type Audit, auditEnd, auditOf, auditRun } from "./audit.ts";
import { addFingerprints, digestOf, EMPTY, type Fingerprint, formatDigest } from "./fingerprint.ts";
import type { Mutation, Write } from "./mutation.ts";
import type { Push, PushResponse } from "./push.ts";
import type { RecordData } from "./record.ts";
import type { Collections, ScopesOf } from "./schema.ts";

const COLLECTIONS: Collections = {
  issues: {
    scopes: (record) =>
      ["in", "also"].flatMap((atom) => (typeof record[atom] === "string" ? [`p/${record[atom]}`] : [])),
    atoms: { votes: "sum", tags: "set", note: "client" },
    write: (_before, after) => after?.["status"] !== "bad",
  },
};

const id = fc.constantFrom("i1", "i2", "i3");
const scope = fc.constantFrom("1", "2", null);
const atoms = fc.record(
  {
    status: fc.constantFrom("open", "done", "bad", null),
    in: scope,
    also: scope,
    note: fc.nat({ max: 2 }),
    votes: fc.oneof(fc.nat({ max: 2 }), fc.record({ $add: fc.integer({ min: -2, max: 2 }) })),
    tags: fc.oneof(
      fc.constant(["x"]),
      fc.record({ $insert: fc.subarray(["x", "y"]), $remove: fc.subarray(["x", "y"]) }),
    ),
  },
  { requiredKeys: [] },
);
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.tuple(id, atoms).map(([id, atoms]) => insert(id, atoms)),
  fc.tuple(id, atoms).map(([id, atoms]) => update(id, atoms)),
  id.map((id) => remove(id)),
);
/** Which client writes, how far its base lies behind, and what. */
const act = fc.record({
  client: fc.constantFrom("c1", "c2", "c3"),
  behind: fc.nat({ max: 4 }),
  whole: fc.boolean(),
  writes: fc.array(write, { maxLength: 3 }),
});
const acts = fc.array(act, { maxLength: 25 });

/** Each act as a push of one mutation, played on a space of its own to find the bases. */
function pushesOf(list: (typeof act extends fc.Arbitrary<infer A> ? A : never)[]): Push[] {
  const acme = new TestSpace(COLLECTIONS);
  const numbers = new Map<string, number>();
  return list.map(({ client, behind, whole, writes }) => {
    const number = (numbers.get(client) ?? 0) + 1;
    numbers.set(client, number);
    const mutation: Mutation = { id: number, base: Math.max(0, acme.head.revision - behind), whole, writes };
    const push: Push = { user: { id: "ann" }, request: { client, mutations: [mutation] } };
    acme.push(push);
    return push;
  });
}

function played(pushes: Push[], sizes: number[] = [1]): { acme: TestSpace; answers: PushResponse[] } {
  const acme = new TestSpace(COLLECTIONS);
  const answers: PushResponse[] = [];
  for (let at = 0, turn = 0; at < pushes.length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    answers.push(...(acme.push(...pushes.slice(at, at + size)) as PushResponse[]));
    at += size;
  }
  return { acme, answers };
}

describe("whatever is pushed", () => {
  it("[P9] the fingerprints that batches add up are those of the records", () => {
    fc.assert(
      fc.property(acts, (list) => {
        const { acme } = played(pushesOf(list), [3, 1]);
        const reckoned = new Map<string, Fingerprint>();
        for (const { collection, text, scopes } of acme.rows.values()) {
          for (const [scope, { present }] of scopes) {
            if (!present || text === null) continue;
            const key = `${scope}\n${collection}`;
            reckoned.set(
              key,
              addFingerprints(reckoned.get(key) ?? EMPTY, { count: 1, lanes: digestOf(collection, text) }),
            );
          }
        }
        for (const [key, { count, lanes }] of acme.fingerprints) {
          const expected = reckoned.get(key) ?? EMPTY;
          expect([key, count, formatDigest(lanes)]).toEqual([key, expected.count, formatDigest(expected.lanes)]);
        }
        expect([...reckoned.keys()].every((key) => acme.fingerprints.has(key))).toBe(true);
      }),
    );
  });

  it("[M5] a record is present just in `*` and in the scopes that its atoms name, and its revisions are in order", () => {
    fc.assert(
      fc.property(acts, (list) => {
        const { acme } = played(pushesOf(list), [2]);
        for (const row of acme.rows.values()) {
          const record = row.text === null ? null : (JSON.parse(row.text) as RecordData);
          const named = record === null ? [] : ["*", ...((COLLECTIONS["issues"]?.scopes as ScopesOf)(record) ?? [])];
          const present = [...row.scopes].filter(([, member]) => member.present).map(([scope]) => scope);
          expect(present.sort()).toEqual([...new Set(named)].sort());
          for (const { revision, entered, first } of row.scopes.values()) {
            expect(first <= entered && entered <= revision && revision <= row.revision).toBe(true);
          }
          const stamped = Math.max(0, ...[...row.stamps.values()].map(({ revision }) => revision));
          expect(stamped <= row.revision && row.created <= row.revision).toBe(true);
        }
      }),
    );
  });

  it("[M6] the journal is dense, and its chain holds", () => {
    fc.assert(
      fc.property(acts, (list) => {
        const { acme } = played(pushesOf(list), [4]);
        const run: Audit = auditRun(
          auditOf(acme.head.horizon),
          acme.entries.map((entry) => ({ ...entry, cut: false })),
        );
        expect(auditEnd(run, acme.head).finding).toBeNull();
      }),
    );
  });

  it("[W6] sending it all again gives the same outcomes and no new revision", () => {
    fc.assert(
      fc.property(acts, (list) => {
        const pushes = pushesOf(list);
        const { acme, answers } = played(pushes, [3]);
        const { revision } = acme.head;
        const rows = [...acme.rows];
        const again = acme.push(...pushes) as PushResponse[];
        expect(again.map(({ outcomes }) => outcomes)).toEqual(answers.map(({ outcomes }) => outcomes));
        expect(acme.head.revision).toBe(revision);
        expect([...acme.rows]).toEqual(rows);
      }),
    );
  });

  it("[W6] it gives the same rows and outcomes however it is split into batches", () => {
    fc.assert(
      fc.property(acts, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }), (list, sizes) => {
        const pushes = pushesOf(list);
        const one = played(pushes);
        const other = played(pushes, sizes);
        expect(other.answers).toEqual(one.answers);
        expect(new Map([...other.acme.rows].sort())).toEqual(new Map([...one.acme.rows].sort()));
        expect(other.acme.head).toEqual(one.acme.head);
        expect(other.acme.fingerprints.size).toBeLessThanOrEqual(one.acme.fingerprints.size);
      }),
    );
  });
});
