import { expect, test } from "vitest";
import { oracleRun, type Tally } from "../oracle/run.ts";
import { postgresShelf } from "./shelf.ts";

const STEPS = 120;
const SEEDS = process.env["TIDEMARK_LONG"] ? 200 : 6;

test(`[P1] [P2] [P5] [P9] [P13] [P14] [P15] [M8] [W1] [W3] [M3] every delta and copy from PostgreSQL gives what the oracle holds, ${SEEDS} seeds`, async () => {
  const total: Tally = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const tally = await oracleRun(`postgres ${seed}`, STEPS, await postgresShelf());
    for (const [what, times] of Object.entries(tally)) total[what] = (total[what] ?? 0) + times;
  }
  const judged = ["deltas", "copy in pages", "races", "restores", "cuts", "fingerprints", "fingerprints of patterns"];
  for (const what of [...judged, "grants and revocations"]) {
    expect(total[what] ?? 0, what).toBeGreaterThan(0);
  }
}, 600_000);
