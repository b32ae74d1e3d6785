// Looks for a failure in the sources that stand beside it, seed by seed; the parent has put a bug into them.
// Arguments: "oracle" or "simulation", and the number of seeds. Exit code 1: found; 0: not found.

import { simulate } from "../../src/testing/simulation.ts";
import { oracleRun } from "../oracle/run.ts";

const [where, seeds] = process.argv.slice(2);
for (let seed = 1; seed <= Number(seeds); seed++) {
  try {
    await (where === "oracle" ? oracleRun(String(seed), 150) : simulate(String(seed)));
  } catch (error) {
    console.log(`seed ${seed}: ${error instanceof Error ? error.message.slice(0, 300) : error}`);
    process.exit(1);
  }
}
