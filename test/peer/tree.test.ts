import { describe, expect, it } from "vitest";
import { folderOf } from "../support/folder.ts";
import { simulateTree } from "./tree.ts";

const SEEDS = process.env["TIDEMARK_LONG"] ? 1000 : 30;
const AT_ONCE = 10;

describe("a tree of servers, while everything fails that can", () => {
  const total: { [what: string]: number } = {};
  let conflicts = 0;

  for (let first = 1; first <= SEEDS; first += AT_ONCE) {
    it(`[S2] [S4] [R2] [R4] comes to rest with equal fingerprints, and what lost is logged, seeds ${first} to ${first + AT_ONCE - 1}`, async () => {
      for (let seed = first; seed < first + AT_ONCE; seed++) {
        const result = await simulateTree(String(seed), folderOf()).catch((error: unknown) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
        conflicts += result.conflicts;
        for (const [what, times] of Object.entries(result.tally)) total[what] = (total[what] ?? 0) + times;
      }
    }, 900_000);
  }

  it.each([
    [
      "[S9]",
      "331",
      "a journal is cut where of a record that has a write on its way a later one had not been looked at",
    ],
    ["[S2] [W6]", "766", "a restored link asks again for an outcome that it acknowledged before"],
  ])("%s comes to rest, seed %s: %s", async (_, seed) => {
    await simulateTree(seed, folderOf());
  });

  it("came by everything that can happen", () => {
    for (const what of ["write", "kill", "partition", "restore", "cut"])
      expect(total[what] ?? 0, what).toBeGreaterThan(0);
    expect(conflicts).toBeGreaterThan(0);
  });
});
