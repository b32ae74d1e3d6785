import { NOTHING_WANTED, NOTHING_WRITTEN } from "../model/batch.ts";
import { put } from "./store-batches.ts";
import { type Case, failureOf, type StoreTrial } from "./store-trial.ts";

export const noted: readonly Case[] = [
  {
    title: "[S1] notes are written with a batch or not at all, and survive a crash with it",
    run: async (trial) => {
      await trial.write([{ puts: [put("items", "a", {})] }], { notes: new Map([["link/x/row/é", "1\u0001"]]) });
      const failing = trial.store.write("acme", { ...NOTHING_WANTED, notes: ["link/x/row/é"] }, () => {
        throw new Error("decided against it");
      });
      trial.expect(String(await failureOf(failing))).toBe("Error: decided against it");
      await trial.crash();
      trial.expect([...(await namesOf(trial, ["link/x/row/é", "none"]))]).toEqual([["link/x/row/é", "1\u0001"]]);
    },
  },
  {
    title: "[S1] the notes that are wanted are loaded under the space's lock",
    run: async (trial) => {
      await trial.write([], { notes: new Map([["a", "1"]]) });
      let seen: unknown;
      await trial.store.write("acme", { ...NOTHING_WANTED, notes: ["a", "b"] }, (loaded) => {
        seen = [...(loaded.notes ?? [])];
        return { ...NOTHING_WRITTEN, notes: new Map([["a", "2"]]) };
      });
      trial.expect(seen).toEqual([["a", "1"]]);
      trial.expect([...(await namesOf(trial, ["a"]))]).toEqual([["a", "2"]]);
    },
  },
  {
    title: "[S1] notes are read in the order of their names' bytes, from one inclusive to one exclusive",
    run: async (trial) => {
      const names = ["k/a", "k/B", "k/é", "k/z", "k/\u{1f600}", "k0", "j"];
      await trial.write([], { notes: new Map(names.map((name) => [name, name])) });
      const between = { kind: "notes-between", from: "k/", to: "k0" } as const;
      const found = await trial.ask({ ...between, limit: 9 });
      trial.expect(found.map(([name]) => name)).toEqual(["k/B", "k/a", "k/z", "k/é", "k/\u{1f600}"]);
      trial.expect((await trial.ask({ ...between, limit: 2 })).map(([name]) => name)).toEqual(["k/B", "k/a"]);
    },
  },
  {
    title: "[S1] a batch clears ranges of notes before it writes others, and takes single ones out",
    run: async (trial) => {
      await trial.write([], { notes: new Map(["k/a", "k/b", "k0", "other"].map((name) => [name, "old"])) });
      await trial.write([], {
        clear: [{ from: "k/", to: "k0" }],
        notes: new Map([
          ["k/b", "new"],
          ["other", null],
        ]),
      });
      const found = await trial.ask({ kind: "notes-between", from: "", to: "~", limit: 9 });
      trial.expect(found).toEqual([
        ["k/b", "new"],
        ["k0", "old"],
      ]);
    },
  },
];

async function namesOf(trial: StoreTrial, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return await trial.ask({ kind: "notes", names });
}
