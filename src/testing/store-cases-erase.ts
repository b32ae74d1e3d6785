import { auditEnd, auditOf, auditRun } from "../model/audit.ts";
import { NOTHING_WRITTEN } from "../model/batch.ts";
import type { Outcome } from "../model/mutation.ts";
import type { ErasureOrder } from "../store/store.ts";
import { ANN, put, remove, wantedFor } from "./store-batches.ts";
import { type Case, client, type StoreTrial } from "./store-trial.ts";

const PLAIN = "Ada Lovelace-Byron";

export const erasing: readonly Case[] = [
  {
    title:
      "[K2 K1] of an erased record the journal keeps the hashes of its changes, no value and no salt; the chain verifies",
    run: async (trial) => {
      await life(trial);
      const { hash } = await trial.head();
      await erase(trial, "items", "ada");
      const entries = await trial.ask({ kind: "journal", after: 0, limit: 100 });
      trial.expect(JSON.stringify(entries).includes(PLAIN)).toBe(false);
      const changes = entries.flatMap((entry) => (entry.cut ? [] : entry.changes));
      const own = changes.filter(({ change }) => change.id === "ada");
      trial.expect(own.map(({ salt, erased }) => [salt, erased?.length])).toEqual(own.map(() => ["", 64]));
      trial.expect(own.length).toBe(5);
      const others = changes.filter(({ change }) => change.id !== "ada");
      trial.expect(others.every(({ erased, salt }) => erased === undefined && salt.length === 32)).toBe(true);
      trial.expect(entries.map((entry) => entry.hash).includes(hash)).toBe(true);
      const head = await trial.head();
      const audit = auditEnd(auditRun(auditOf(head.horizon), entries), head);
      trial.expect([audit.finding, audit.proved, audit.erased]).toEqual([null, 6, 5]);
    },
  },
  {
    title: "[K2 K3] history of an erased record tells when it changed and by whom, and that the values are gone",
    run: async (trial) => {
      await life(trial);
      await erase(trial, "items", "ada");
      const items = await trial.ask({ kind: "history", collection: "items", id: "ada", limit: 10 });
      trial
        .expect(items.map(({ revision, erased, change }) => [revision, erased, change.before, change.after]))
        .toEqual([6, 4, 3, 2, 1].map((revision) => [revision, true, null, null]));
      trial.expect(items[1]?.author).toBe(ANN);
    },
  },
  {
    title:
      "[K2] the tombstone of an erased record tells the revision at which it was, in each of its scopes; others tell none",
    run: async (trial) => {
      await life(trial);
      await erase(trial, "items", "ada");
      for (const scope of ["*", "red", ["red", "blue"]] as const) {
        const { changes } = await trial.ask({ kind: "scan", scope, after: 0, limit: 100 });
        const told = changes.map(({ id, erased, text }) => [id, erased, text === null]);
        trial.expect(told.sort()).toEqual([
          ["ada", 6, true],
          ["bob", null, false],
        ]);
      }
      trial.expect((await trial.ask({ kind: "row", collection: "items", id: "ada" }))?.erased).toBe(6);
      trial.expect((await trial.ask({ kind: "row", collection: "items", id: "bob" }))?.erased).toBe(undefined);
    },
  },
  {
    title:
      "[K2] a record that comes later under an erased id is a new one: with its own history, and the erasure still told",
    run: async (trial) => {
      await life(trial);
      await erase(trial, "items", "ada");
      await trial.write([{ puts: [put("items", "ada", { name: "Ada Two" }, ["red"])] }]);
      const { changes } = await trial.ask({ kind: "scan", scope: "red", after: 6, limit: 100 });
      trial
        .expect(changes.map(({ id, erased, text }) => [id, erased, text]))
        .toEqual([["ada", 6, '{"id":"ada","name":"Ada Two"}']]);
      const items = await trial.ask({ kind: "history", collection: "items", id: "ada", limit: 2 });
      trial.expect(items.map(({ erased }) => erased)).toEqual([undefined, true]);
      await erase(trial, "items", "ada");
      trial
        .expect(JSON.stringify(await trial.ask({ kind: "journal", after: 0, limit: 100 })).includes("Two"))
        .toBe(false);
    },
  },
  {
    title: "[K2] of a rejection that nobody has acknowledged only the code stays, since its message may hold any value",
    run: async (trial) => {
      await life(trial);
      const rejected = {
        id: 1,
        status: "rejected",
        revision: 1,
        code: "rule",
        message: PLAIN,
        path: "writes[0]",
      } as const;
      const outcomes = [{ author: ANN, id: 1, content: "ab".repeat(32), outcome: rejected, time: 1 }];
      await trial.write([], { clients: [client(ANN, 1)], outcomes });
      await erase(trial, "items", "ada");
      let held: Outcome | undefined;
      await trial.store.write("acme", wantedFor([], { outcomes: [{ author: ANN, from: 1, to: 1 }] }), (loaded) => {
        held = loaded.outcomes.get(ANN)?.get(1)?.outcome;
        return NOTHING_WRITTEN;
      });
      trial.expect(held?.status === "rejected" && held.code).toBe("rule");
      trial.expect(JSON.stringify(held).includes(PLAIN)).toBe(false);
    },
  },
  {
    title: "[K2 R4] orders of erasure survive a crash, in their order, each once",
    run: async (trial) => {
      const order = (name: string, id: string): ErasureOrder => {
        return { order: name, space: "acme", collection: "items", id, time: 5, author: ANN };
      };
      trial.expect(await trial.store.orders()).toEqual([]);
      await trial.store.order(order("o1", 'a"\n\u2028b'));
      await trial.store.order(order("o2", "b"));
      await trial.store.order(order("o1", "again"));
      const expected = [order("o1", 'a"\n\u2028b'), order("o2", "b")];
      trial.expect(await trial.store.orders()).toEqual(expected);
      await trial.crash();
      trial.expect(await trial.store.orders()).toEqual(expected);
    },
  },
  {
    title: "[K2] what is kept is written anew, and is the same",
    run: async (trial) => {
      await life(trial);
      await erase(trial, "items", "ada");
      const before = [await trial.head(), await trial.scan(), await trial.ask({ kind: "journal", after: 0, limit: 9 })];
      await trial.store.rewrite();
      await trial.reopen();
      trial
        .expect([await trial.head(), await trial.scan(), await trial.ask({ kind: "journal", after: 0, limit: 9 })])
        .toEqual(before);
    },
  },
];

/** Five revisions: `ada` changes, is deleted and made anew, beside `bob` in the same transactions. */
async function life(trial: StoreTrial): Promise<void> {
  await trial.writeEach([
    { puts: [put("items", "ada", { name: PLAIN }, ["red"]), put("items", "bob", { n: 1 }, ["red"])] },
    { puts: [put("items", "ada", { name: `${PLAIN} II` }, ["red", "blue"]), put("items", "bob", { n: 2 }, ["red"])] },
    { puts: [remove("items", "ada")] },
    { puts: [put("items", "ada", { name: `${PLAIN} III` }, ["red"])] },
    { puts: [put("items", "bob", { n: 3 }, ["red", "blue"])] },
  ]);
}

async function erase(trial: StoreTrial, collection: string, id: string): Promise<void> {
  await trial.write([{ puts: [remove(collection, id)] }], { erased: [`${collection}/${id}`] });
}
