import { expect, test } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import type { Shelf } from "../oracle/place.ts";
import { oracleRun, type Tally } from "../oracle/run.ts";
import { schemaUrl, statement, withSchema } from "../support/postgres.ts";

const STEPS = 120;
const SEEDS = process.env["TIDEMARK_LONG"] ? 200 : 3;
const TABLES = ["space", "record", "member", "fingerprint", "entry", "client", "outcome", "note"];

/** A schema for each store. It is copied as it lies, as a backup would. */
async function postgresShelf(): Promise<Shelf> {
  const first = new URL(await schemaUrl());
  const prefix = first.searchParams.get("schema") as string;
  first.searchParams.delete("schema");
  const server = first.href;
  const made = new Set<string>();
  const schemaOf = (name: string) => {
    made.add(name);
    return `${prefix}_${name}`;
  };
  const open = (name: string) => openPostgresStore({ url: withSchema(server, schemaOf(name)), connections: 3 });
  return {
    open,
    async copy(from, to) {
      await (await open(to)).close();
      const copies = TABLES.map((table) => `INSERT INTO "${schemaOf(to)}".${table} TABLE "${schemaOf(from)}".${table}`);
      await statement(server, copies.join(";"));
    },
    async end() {
      await statement(server, [...made].map((name) => `DROP SCHEMA "${schemaOf(name)}" CASCADE`).join(";"));
    },
  };
}

test(`[P1] [P2] [P5] [P9] [P13] [P15] [W1] [W3] [M3] every delta and copy from PostgreSQL gives what the oracle holds, ${SEEDS} seeds`, async () => {
  const total: Tally = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const tally = await oracleRun(`postgres ${seed}`, STEPS, await postgresShelf());
    for (const [what, times] of Object.entries(tally)) total[what] = (total[what] ?? 0) + times;
  }
  for (const what of ["deltas", "copy in pages", "races", "restores", "cuts", "fingerprints"]) {
    expect(total[what] ?? 0, what).toBeGreaterThan(0);
  }
}, 600_000);
