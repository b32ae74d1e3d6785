import { NO_FAMILIES, NOTHING_WRITTEN } from "../model/batch.ts";
import type { Outcome } from "../model/mutation.ts";
import type { OutcomeRow } from "../store/store.ts";
import { ANN, BOB, put, remove } from "./store-batches.ts";
import { type Case, client, type StoreTrial } from "./store-trial.ts";

const CONTENT = "c0ffee11".repeat(4);
const SUPERSEDED: Outcome = {
  id: 2,
  status: "superseded",
  revision: 1,
  superseded: [{ collection: "items", id: "a", atoms: ["n"], reason: "newer" }],
};
const REJECTED: Outcome = { id: 3, status: "rejected", revision: 1, code: "too-large", message: "big", path: "x[1]" };

export const acknowledged: readonly Case[] = [
  {
    title: "[W6] outcomes are kept whole with the client's last number, in the commit that settles them",
    run: async (trial) => {
      await settleThree(trial);
      const loaded = await loadedOutcomes(trial, 1, 9);
      trial.expect(loaded.map(({ outcome }) => outcome)).toEqual([APPLIED, SUPERSEDED, REJECTED]);
      trial
        .expect(loaded.map(({ content, time, author }) => [content, time, author]))
        .toEqual([1, 2, 3].map(() => [CONTENT, 500, ANN]));
      trial.expect(await trial.ask({ kind: "client", author: ANN })).toEqual(client(ANN, 3, 0, 500));
    },
  },
  {
    title: "[W6] only the outcomes that were asked for are loaded, of that client alone",
    run: async (trial) => {
      await settleThree(trial);
      trial.expect((await loadedOutcomes(trial, 2, 2)).map(({ outcome }) => outcome.id)).toEqual([2]);
      trial.expect(await loadedOutcomes(trial, 1, 9, BOB)).toEqual([]);
    },
  },
  {
    title: "[W6] of an acknowledged outcome number, status, revision and content are still known",
    run: async (trial) => {
      await settleThree(trial);
      await trial.write([], { clients: [client(ANN, 3, 2, 600)] });
      const [first, second, third] = await loadedOutcomes(trial, 1, 3);
      trial.expect(first?.outcome).toEqual(APPLIED);
      trial
        .expect([second?.outcome.id, second?.outcome.status, second?.outcome.revision, second?.content])
        .toEqual([2, "superseded", 1, CONTENT]);
      trial.expect(third?.outcome).toEqual(REJECTED);
    },
  },
  {
    title: "[W6] an acknowledged rejection still says its code",
    run: async (trial) => {
      await settleThree(trial);
      await trial.write([], { clients: [client(ANN, 3, 3, 600)] });
      const outcome = (await loadedOutcomes(trial, 3, 3))[0]?.outcome;
      trial.expect(outcome?.status === "rejected" && outcome.code).toBe("too-large");
    },
  },
  {
    title: "[W6] acknowledged outcomes go once they are older than the horizon, each client's last one stays",
    run: async (trial) => {
      await settleThree(trial);
      await trial.write([], { clients: [client(ANN, 3, 1, 600)] });
      await trial.write([], { clients: [client(ANN, 3, 3, 700)] });
      await trial.cut({ outcomes: 650 });
      trial.expect((await loadedOutcomes(trial, 1, 9)).map(({ outcome }) => outcome.id)).toEqual([2, 3]);
      await trial.cut({ outcomes: 10_000 }, 1);
      trial.expect((await loadedOutcomes(trial, 1, 9)).map(({ outcome }) => outcome.id)).toEqual([3]);
      trial.expect((await trial.ask({ kind: "client", author: ANN }))?.last).toBe(3);
    },
  },
  {
    title: "[W6] what was never acknowledged is never cut",
    run: async (trial) => {
      await settleThree(trial);
      await trial.cut({ outcomes: 1e15 });
      trial
        .expect((await loadedOutcomes(trial, 1, 9)).map(({ outcome }) => outcome))
        .toEqual([APPLIED, SUPERSEDED, REJECTED]);
    },
  },
  {
    title: "[W2] whose writes are a client's own is kept",
    run: async (trial) => {
      const was = [
        { author: BOB, revision: 12 },
        { author: ANN, revision: 3 },
      ];
      await trial.write([], { clients: [{ ...client(ANN, 1), was }] });
      trial.expect((await trial.ask({ kind: "client", author: ANN }))?.was).toEqual(was);
    },
  },
  {
    title: "[W8] whatever was resolved is there after the store is opened again",
    run: (trial) => keepsAll(trial, () => trial.reopen()),
  },
  {
    title: "[W8 R4] whatever was resolved is there after a crash",
    run: (trial) => keepsAll(trial, () => trial.crash()),
  },
  {
    title: "[R2] the policy of a restore is kept with the space",
    run: async (trial) => {
      await trial.write([{ puts: [put("items", "a", {})] }]);
      trial.expect((await trial.head()).restore).toBe(null);
      await trial.store.setRestore("acme", "discard");
      await trial.reopen();
      trial.expect((await trial.head()).restore).toBe("discard");
    },
  },
  {
    title: "[C8] a note is kept beside the space, the last text of each name",
    run: async (trial) => {
      await trial.write([{ puts: [put("items", "a", {})] }]);
      trial.expect(await trial.store.note("acme", "scopes")).toBe(null);
      await trial.store.setNote("acme", "scopes", "v1");
      await trial.store.setNote("acme", "other", "x");
      await trial.store.setNote("acme", "scopes", "v2");
      await trial.reopen();
      trial.expect(await trial.store.note("acme", "scopes")).toBe("v2");
      trial.expect(await trial.store.note("none", "scopes")).toBe(null);
    },
  },
];

const APPLIED: Outcome = { id: 1, status: "applied", revision: 1 };

async function settleThree(trial: StoreTrial): Promise<void> {
  const outcomes = [APPLIED, SUPERSEDED, REJECTED].map(
    (outcome): OutcomeRow => ({ author: ANN, id: outcome.id, content: CONTENT, outcome, time: 500 }),
  );
  await trial.write([{ puts: [put("items", "a", { n: 1 })] }], { clients: [client(ANN, 3, 0, 500)], outcomes });
}

async function loadedOutcomes(trial: StoreTrial, from: number, to: number, author = ANN): Promise<OutcomeRow[]> {
  const loaded: OutcomeRow[] = [];
  const wanted = { keys: new Set<string>(), authors: new Set([author]), outcomes: [{ author, from, to }], hashes: [] };
  await trial.store.write("acme", { ...wanted, families: NO_FAMILIES, create: false }, ({ outcomes }) => {
    loaded.push(...(outcomes.get(author)?.values() ?? []));
    return NOTHING_WRITTEN;
  });
  return loaded.sort((a, b) => a.id - b.id);
}

async function keepsAll(trial: StoreTrial, leave: () => Promise<void>): Promise<void> {
  await settleThree(trial);
  await trial.writeEach([
    { puts: [put("items", "b", { n: 2 }, ["red"]), put("items", "c", { n: 3 }, ["red"])], author: BOB },
    { puts: [remove("items", "b")] },
  ]);
  const before = await everything(trial);
  await leave();
  trial.expect(await everything(trial)).toEqual(before);
  await trial.write([{ puts: [put("items", "d", { n: 4 }, ["red"])] }]);
  trial.expect((await trial.head()).revision).toBe(4);
}

async function everything(trial: StoreTrial): Promise<unknown> {
  const snapshot = await trial.store.read("acme", [
    { kind: "page", scope: "*", after: null, limit: 100, bytes: 1 << 20 },
    { kind: "fingerprint", scope: "red" },
    { kind: "journal", after: 0, limit: 100 },
    { kind: "client", author: ANN },
    { kind: "row", collection: "items", id: "b" },
    { kind: "row", collection: "items", id: "c" },
  ]);
  return [snapshot, await loadedOutcomes(trial, 1, 9), (await trial.scan({ scope: "red" })).found];
}
