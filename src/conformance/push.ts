import type { Write } from "../model/mutation.ts";
import type { JsonObject } from "../util/json.ts";
import type { Check } from "./check.ts";
import { COLLECTION, type Trial } from "./trial.ts";

export const insert = (id: string, atoms: JsonObject = {}): Write => ({
  op: "insert",
  collection: COLLECTION,
  record: { id, ...atoms },
});
export const update = (id: string, atoms: JsonObject): Write => ({
  op: "update",
  collection: COLLECTION,
  record: { id, ...atoms },
});
export const remove = (id: string): Write => ({ op: "delete", collection: COLLECTION, id });

/** A record that stands, and the revision since which it does. */
export async function standing(
  trial: Trial,
  atoms: JsonObject = { a: 1, b: 1 },
): Promise<{ id: string; base: number }> {
  const id = trial.fresh("record");
  const { status, revision } = await trial.write([insert(id, atoms)]);
  trial.equal(status, "applied", "the outcome of an insert");
  return { id, base: revision };
}

export const pushes: readonly Check[] = [
  {
    id: "M1",
    title: "revisions follow each other without a gap",
    async run(trial) {
      const before = (await trial.head()).revision;
      for (let i = 1; i <= 3; i++) {
        const { revision } = await trial.write([insert(trial.fresh("record"))]);
        trial.equal(revision, before + i, "the revision of the next transaction");
      }
      trial.equal((await trial.head()).revision, before + 3, "the head");
    },
  },
  {
    id: "M2",
    title: "a transaction that changes nothing takes no revision",
    async run(trial) {
      const { id, base } = await standing(trial);
      const outcome = await trial.write([update(id, { a: 1 })], { base });
      trial.equal(outcome.status, "applied", "writing what stands");
      trial.equal((await trial.head()).revision, base, "the head");
    },
  },
  {
    id: "M3",
    title: "an atom that is set to null is removed",
    async run(trial) {
      const { id } = await standing(trial);
      await trial.write([update(id, { a: null })]);
      const held = new Map();
      await trial.pull(held, null);
      trial.equal(held.get(`${COLLECTION}/${id}`), { id, b: 1 }, "the record");
    },
  },
  {
    id: "W1",
    title: "what is on the server has priority, by atom, and the rest applies",
    async run(trial) {
      const { id, base } = await standing(trial);
      const first = await trial.write([update(id, { a: 2 })], { base });
      trial.equal(first.status, "applied", "the first writer");
      const second = await trial.write([update(id, { a: 3, b: 3 })], { base });
      trial.equal(second.status, "superseded", "the second writer");
      const lost =
        second.status === "superseded" ? second.superseded.map(({ atoms, reason }) => ({ atoms, reason })) : [];
      trial.equal(lost, [{ atoms: ["a"], reason: "newer" }], "what was superseded");
      const held = new Map();
      await trial.pull(held, null);
      trial.equal(held.get(`${COLLECTION}/${id}`), { id, a: 2, b: 3 }, "the record");
    },
  },
  {
    id: "W1",
    title: "writing the value that stands is no conflict",
    async run(trial) {
      const { id, base } = await standing(trial);
      await trial.write([update(id, { a: 2 })], { base });
      const outcome = await trial.write([update(id, { a: 2 })], { base });
      trial.equal(outcome.status, "applied", "the outcome");
    },
  },
  {
    id: "W2",
    title: "a client's own earlier mutations are no conflict for its later ones",
    async run(trial) {
      const { id, base } = await standing(trial);
      const mutations = [2, 3].map((a, i) => ({ id: i + 1, base, writes: [update(id, { a })] }));
      const { outcomes } = await trial.push({ client: trial.fresh("client"), mutations });
      trial.equal(
        outcomes.map(({ status }) => status),
        ["applied", "applied"],
        "the outcomes",
      );
    },
  },
  {
    id: "W3",
    title: "an insert of an id that stands, and an update of a record that is not there, are superseded",
    async run(trial) {
      const { id } = await standing(trial);
      const reasonOf = async (write: Write) => {
        const outcome = await trial.write([write], { base: 0 });
        return outcome.status === "superseded" ? outcome.superseded[0]?.reason : outcome.status;
      };
      trial.equal(await reasonOf(insert(id, { c: 9 })), "exists", "an insert");
      trial.equal(await reasonOf(update(trial.fresh("nobody"), { a: 1 })), "missing", "an update");
      trial.equal(await reasonOf(remove(trial.fresh("nobody"))), "applied", "a delete of what is gone");
    },
  },
  {
    id: "W3",
    title: "a delete of a record that someone else changed since is superseded",
    async run(trial) {
      const { id, base } = await standing(trial);
      await trial.write([update(id, { a: 2 })], { base });
      const outcome = await trial.write([remove(id)], { base });
      const reason = outcome.status === "superseded" ? outcome.superseded[0]?.reason : outcome.status;
      trial.equal(reason, "changed", "the outcome");
    },
  },
  {
    id: "W4",
    title: "of a whole mutation nothing applies where a part is superseded",
    async run(trial) {
      const { id, base } = await standing(trial);
      await trial.write([update(id, { a: 2 })], { base });
      const other = trial.fresh("record");
      const outcome = await trial.write([update(id, { a: 3, b: 3 }), insert(other)], { base, whole: true });
      trial.equal(outcome.status, "superseded", "the outcome");
      const held = new Map();
      await trial.pull(held, null);
      trial.equal(held.get(`${COLLECTION}/${id}`), { id, a: 2, b: 1 }, "the record");
      trial.true(!held.has(`${COLLECTION}/${other}`), "the insert beside it did not apply");
    },
  },
  {
    id: "W5",
    title: "a write whose `expect` does not hold is superseded",
    async run(trial) {
      const { id } = await standing(trial);
      const outcome = await trial.write([{ ...update(id, { b: 2 }), expect: { a: 7 } }]);
      const reason = outcome.status === "superseded" ? outcome.superseded[0]?.reason : outcome.status;
      trial.equal(reason, "expect", "the outcome");
    },
  },
  {
    id: "W6",
    title: "a mutation that comes twice is processed once, and gives its first outcome again",
    async run(trial) {
      const client = trial.fresh("client");
      const { revision: base } = await trial.head();
      const mutations = [{ id: 1, base, writes: [insert(trial.fresh("record"))] }];
      const first = await trial.push({ client, mutations });
      const again = await trial.push({ client, mutations });
      trial.equal(again.outcomes as never, first.outcomes, "the outcomes");
      trial.equal((await trial.head()).revision, base + 1, "the head");
    },
  },
  {
    id: "W6",
    title: "a number that was left out is a gap, and nothing applies",
    async run(trial) {
      const client = trial.fresh("client");
      const { revision: base } = await trial.head();
      const write = (id: number) => ({ client, mutations: [{ id, base, writes: [insert(trial.fresh("record"))] }] });
      await trial.push(write(1));
      const problem = await trial.refused(await trial.request("/push", write(3)), 409, "gap");
      trial.equal(problem.lastMutation, 1, "lastMutation");
      trial.equal((await trial.head()).revision, base + 1, "the head");
    },
  },
  {
    id: "R3",
    title: "a number with other content is rewound",
    async run(trial) {
      const client = trial.fresh("client");
      const { revision: base } = await trial.head();
      const write = () => ({ client, mutations: [{ id: 1, base, writes: [insert(trial.fresh("record"))] }] });
      await trial.push(write());
      await trial.refused(await trial.request("/push", write()), 409, "rewound");
    },
  },
  {
    id: "W7",
    title: "a push that is malformed is invalid as a whole, and says where",
    async run(trial) {
      const { revision } = await trial.head();
      const good = insert(trial.fresh("record"));
      const bad = { op: "insert", collection: "no name", record: { id: "x" } };
      const mutations = [{ id: 1, base: revision, writes: [good, bad] }];
      const problem = await trial.refused(
        await trial.request("/push", { client: trial.fresh("client"), mutations }),
        400,
        "invalid",
      );
      trial.equal(problem.path, "mutations[0].writes[1].collection", "path");
      trial.equal((await trial.head()).revision, revision, "the head");
    },
  },
  {
    id: "W12",
    title: "a base beyond the head is of another history: diverged, and nothing applies",
    async run(trial) {
      const { revision } = await trial.head();
      const mutations = [{ id: 1, base: revision + 1_000, writes: [insert(trial.fresh("record"))] }];
      await trial.refused(await trial.request("/push", { client: trial.fresh("client"), mutations }), 409, "diverged");
      trial.equal((await trial.head()).revision, revision, "the head");
    },
  },
];
