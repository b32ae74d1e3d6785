import { describe, expect, it } from "vitest";
import { oracleRun, type Tally } from "./run.ts";
import { FOUND } from "./seeds.ts";

const STEPS = 150;
const SEEDS = process.env.TIDEMARK_LONG ? 2000 : 30;

describe("random transactions against the oracle", () => {
  const total: Tally = {};

  it.each(FOUND)("[P1] $what (seed $seed)", async ({ seed }) => {
    await oracleRun(seed, STEPS);
  });

  for (let first = 1; first <= SEEDS; first += 10) {
    it(`[P1] [P2] [P5] [P9] [P13] [P14] [P15] [M8] [W1] [W3] [M3] [K4] [K7] every delta and copy gives what the oracle holds, seeds ${first} to ${first + 9}`, async () => {
      for (let seed = first; seed < first + 10; seed++) {
        const tally = await oracleRun(String(seed), STEPS);
        for (const [what, times] of Object.entries(tally)) total[what] = (total[what] ?? 0) + times;
      }
    }, 600_000);
  }

  it("came by everything that it is to judge", () => {
    const needed = [
      "deltas",
      "copy in pages",
      "delta in pages",
      "copy goes on",
      "delta goes on",
      "cut answers",
      "races",
      "thrown away",
    ];
    const events = [
      "restores",
      "restarts",
      "cuts",
      "superseded",
      "rejected",
      "grants and revocations",
      "revoked",
      "fingerprints of patterns",
      "without a revision",
      "copied: diverged",
      "copied: expired",
      "fingerprints",
      "erased",
      "erased after it was deleted",
      "erasures that copies tell of",
    ];
    for (const what of [...needed, ...events]) expect(total[what] ?? 0, what).toBeGreaterThan(0);
  });
});
