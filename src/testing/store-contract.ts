import type { Runner } from "./runner.ts";
import { acknowledged } from "./store-cases-acknowledged.ts";
import { cutting } from "./store-cases-cut.ts";
import { erasing } from "./store-cases-erase.ts";
import { journalled } from "./store-cases-journal.ts";
import { noted } from "./store-cases-notes.ts";
import { reading } from "./store-cases-read.ts";
import { scoped } from "./store-cases-scopes.ts";
import { writing } from "./store-cases-write.ts";
import { type Case, type OpenStore, StoreTrial } from "./store-trial.ts";

export type { OpenStore } from "./store-trial.ts";

const CASES: readonly Case[] = [
  ...writing,
  ...acknowledged,
  ...reading,
  ...journalled,
  ...scoped,
  ...noted,
  ...cutting,
  ...erasing,
];

/**
 * The suite that every `Store` passes. Each test opens an empty store of its own. Titles name the rules of the
 * specification that stand or fall with the store.
 *
 * @param open makes an empty store: see `OpenStore`.
 * @example
 * import { describe, expect, it } from "vitest";
 * storeContract("my store", async () => ({ store: await openMine(), reopen: () => openMine() }), { describe, it, expect });
 */
export function storeContract(name: string, open: () => Promise<OpenStore>, runner: Runner): void {
  runner.describe(name, () => {
    for (const { title, run } of CASES) {
      runner.it(title, async () => {
        const trial = new StoreTrial(await open(), runner.expect);
        try {
          await run(trial);
        } finally {
          await trial.store.close();
        }
      });
    }
  });
}
