import { describe, expect, it } from "vitest";
import { simulate } from "../../src/testing/simulation.ts";
import { FOUND } from "./seeds.ts";

const SEEDS = process.env["TIDEMARK_LONG"] ? 3000 : 60;
const AT_ONCE = 10;

describe("a server and its clients, while everything fails that can", () => {
  const total: { [what: string]: number } = {};

  it.each(FOUND)("[R4] $what (seed $seed)", async ({ seed }) => {
    await simulate(seed);
  });

  for (let first = 1; first <= SEEDS; first += AT_ONCE) {
    it(`[C2] [M1] [P4] [R2] [R3] [R4] [V4] [W6] [W9] [W10] all comes to rest and agrees, nothing is lost, seeds ${first} to ${first + AT_ONCE - 1}`, async () => {
      for (let seed = first; seed < first + AT_ONCE; seed++) {
        const { tally } = await simulate(String(seed));
        for (const [what, times] of Object.entries(tally)) total[what] = (total[what] ?? 0) + times;
      }
    }, 900_000);
  }

  it("came by everything that can happen", () => {
    const events = [
      "killDevice",
      "killServer",
      "restoreServer",
      "restoreDevice",
      "cloneDevice",
      "revoke",
      "cut",
      "jump",
    ];
    for (const event of events) expect(total[event] ?? 0, event).toBeGreaterThan(0);
  });

  it("happens the same way twice from the same seed, and another way from another", async () => {
    const [one, again, other] = [await simulate("7"), await simulate("7"), await simulate("8")];
    expect(again.trace).toBe(one.trace);
    expect(other.trace).not.toBe(one.trace);
  });
});
