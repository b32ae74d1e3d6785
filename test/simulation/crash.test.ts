import { describe, expect, it } from "vitest";
import { simulate } from "../../src/testing/simulation.ts";

/** The first awaits are those of opening, of the first copy and of the first push; then every so many. */
const CLOSE = process.env["TIDEMARK_LONG"] ? 300 : 24;
const FAR = process.env["TIDEMARK_LONG"] ? 1000 : 150;
const STEP = process.env["TIDEMARK_LONG"] ? 3 : 7;

const awaits = Array.from({ length: FAR }, (_, i) => i + 1).filter((n) => n <= CLOSE || n % STEP === 0);

describe.each(["device", "server"] as const)("a %s that is killed at one await", (who) => {
  it("[R4] [W10] goes on by itself, wherever it was", { timeout: 900_000 }, async () => {
    let deaths = 0;
    for (const n of awaits) {
      const { tally } = await simulate(`killed at ${n}`, { events: 6, crash: { who, await: n } });
      deaths += tally["deaths"] ?? 0;
    }
    expect(deaths).toBeGreaterThan(awaits.length / 2);
  });
});
