import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { seededRandom } from "../../src/testing/random.ts";
import type { Random } from "../../src/util/random.ts";
import { insert } from "../support/server.ts";
import {
  journalOf,
  KINDS,
  type Kind,
  listening,
  placeOf,
  present,
  replayed,
  rowsOf,
  scribble,
  sorted,
  stateOf,
  warehouseIn,
} from "./support.ts";

const LONG = process.env.TIDEMARK_LONG === "1";
/** Of each kind and mode; all together 24, and 204 in the long run. */
const LIVES = LONG ? 34 : 4;
const SYNCER = fileURLToPath(new URL("syncer.ts", import.meta.url));

/** Lets a process sync, and kills it a moment after it has said so many lines. */
async function killed(args: readonly string[], random: Random): Promise<void> {
  const child = spawn(process.execPath, [SYNCER, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = 1 + Math.floor(random.fraction() * 4);
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    // Damage is put right by itself (X7), and would hide what a kill has done.
    expect(line).toBe("on");
    if (++count === lines) setTimeout(() => child.kill("SIGKILL"), random.fraction() * 15);
  }
}

const cases = KINDS.flatMap((kind) => [[kind, "current"] as const, [kind, "history"] as const]);

test.each(cases)("[X2] [X1] %s, %s: killed at any instant, it goes on exactly once", async (kind: Kind, mode) => {
  const seed = `kill ${kind} ${mode}`;
  const random = seededRandom(seed);
  const { server, url } = await listening();
  for (let i = 0; i < 3; i++)
    await server.write(
      "w",
      Array.from({ length: 1_000 }, (_, n) => insert(`r${i * 1_000 + n}`, { n, text: "x".repeat(20) })),
    );
  const place = await placeOf(kind);
  for (let life = 0; life < LIVES; life++) {
    const dying = killed([url, kind, place, mode, life % 3 === 1 ? "refresh" : ""], random);
    await scribble(server, random, 15);
    await dying;
  }
  const warehouse = await warehouseIn(kind, { url, mode }, place);
  expect((await warehouse.sync()).rebuilt).not.toContain("damaged");
  const items = sorted((await stateOf(server)).get("items")?.values() ?? []);
  expect(await rowsOf(warehouse, "items", mode === "current" ? present : "_valid_to IS NULL"), seed).toEqual(items);
  if (mode === "current") {
    const { rows } = await warehouse.query("SELECT id FROM items GROUP BY id HAVING count(*) > 1");
    return expect(rows).toEqual([]);
  }
  const entries = await journalOf(server);
  const { rows } = await warehouse.query(
    "SELECT CAST(count(*) AS int) AS n, CAST(count(_valid_to) AS int) AS closed FROM items",
  );
  const changes = entries.flatMap(({ changes: each = [] }) => each);
  const versions = changes.filter(({ after }) => after !== null).length;
  const ended = changes.filter(({ before }) => before !== null).length;
  expect(rows, seed).toEqual([{ n: versions, closed: ended }]);
  const at = Math.floor(random.fraction() * entries.length);
  const valid = `_valid_from <= ${at} AND (_valid_to IS NULL OR _valid_to > ${at})`;
  expect(await rowsOf(warehouse, "items", valid)).toEqual(sorted(replayed(entries, at).get("items")?.values() ?? []));
});
