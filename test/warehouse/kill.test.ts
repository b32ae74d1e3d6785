import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { RecordData } from "../../src/model/record.ts";
import { seededRandom } from "../../src/testing/random.ts";
import type { Random } from "../../src/util/random.ts";
import type { Mode, Warehouse } from "../../src/warehouse/index.ts";
import { schemaOf, statement } from "../support/postgres.ts";
import { insert, type TestServer } from "../support/server.ts";
import type { Death } from "./mortal.ts";
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
  warehouseIn,
} from "./support.ts";
import type { Life } from "./syncer.ts";

const LONG = process.env.TIDEMARK_LONG === "1";
/** Of each kind and mode, in the long run, at moments that a seed picks: beside those below, 207 of all together. */
const KILLS = 23;
const SYNCER = fileURLToPath(new URL("syncer.ts", import.meta.url));

type Moment = Pick<Life, "verb" | "death">;
const dying = (verb: Life["verb"], at: string, nth: number, how: Death["how"], since?: string): Moment => ({
  verb,
  death: { at, nth, how, ...(since !== undefined && { since }) },
});
/** The first state that is to be written without a generation under way. */
const SWAPPING = dying("refresh", String.raw`build\\*":null`, 1, "before");
const LIVING: Moment = { verb: "sync", death: null };

/** By their order a warehouse comes to be, follows, and is built anew; at each of these it is killed once. */
const MOMENTS: { readonly [K in "database" | "folder"]: readonly Moment[] } = {
  database: [
    dying("sync", 'INSERT INTO "items\\$next"', 2, "after"),
    dying("sync", 'RENAME TO "items"', 1, "after"),
    LIVING,
    dying("sync", 'UPDATE "tidemark\\$state"', 1, "after"),
    dying("sync", "COMMIT", 1, "after"),
    SWAPPING,
    dying("refresh", "COMMIT", 1, "after", 'RENAME TO "items"'),
  ],
  folder: [
    dying("sync", "file rename .*-next.parquet", 2, "after"),
    dying("sync", "file write .*manifest", 1, "after"),
    LIVING,
    dying("sync", "file link .*manifest", 1, "before"),
    dying("sync", "file link .*manifest", 1, "after"),
    SWAPPING,
    dying("refresh", "file link .*manifest", 1, "after", String.raw`build\\*":null`),
  ],
};

/** Lets a process work on the warehouse; says whether it was killed. */
async function lived(life: Life): Promise<boolean> {
  const env = { ...process.env, ...(life.kind === "postgres" && { PGAPPNAME: schemaOf(life.place) }) };
  const child = spawn(process.execPath, [SYNCER, JSON.stringify(life)], { env, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (text) => {
    said += text;
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  expect(said).toBe("");
  expect(signal ?? code).toBe(signal === null ? 0 : "SIGKILL");
  if (life.kind === "postgres") await letGo(life.place);
  return signal !== null;
}

/** The server notices a little later that nobody is there any more. */
async function letGo(place: string): Promise<void> {
  const query = `SELECT 1 FROM pg_stat_activity WHERE application_name = '${schemaOf(place)}'`;
  while ((await statement(place, query)).length > 0);
}

/** What is shown is what the journal replays to at the revision that the warehouse says it is at: neither less nor more. */
async function expectWhole(server: TestServer, warehouse: Warehouse, mode: Mode, why: string): Promise<void> {
  const status = await warehouse.status();
  const revision = status?.revision ?? 0;
  if (status === null || status.tables.length === 0)
    return await expect(warehouse.query("SELECT id FROM items"), why).rejects.toThrow(/items/);
  const entries = (await journalOf(server)).filter((entry) => entry.revision <= revision);
  const items = sorted(replayed(entries, revision).get("items")?.values() ?? []);
  if (mode === "append") return expect(await folded(warehouse, revision, why), why).toEqual(items);
  expect(await rowsOf(warehouse, "items", mode === "current" ? present : "_valid_to IS NULL"), why).toEqual(items);
  if (mode === "current") {
    const { rows } = await warehouse.query("SELECT id FROM items GROUP BY id HAVING count(*) > 1");
    return expect(rows, why).toEqual([]);
  }
  const { rows } = await warehouse.query(
    "SELECT CAST(count(*) AS int) AS n, CAST(count(_valid_to) AS int) AS closed FROM items",
  );
  const changes = entries.flatMap(({ changes: each = [] }) => each);
  const n = changes.filter(({ after }) => after !== null).length;
  const closed = changes.filter(({ before }) => before !== null).length;
  expect(rows, why).toEqual([{ n, closed }]);
}

/** What the rows of `append` come to, each of which is there once, and none from behind the cursor. */
async function folded(warehouse: Warehouse, revision: number, why: string): Promise<RecordData[]> {
  const { rows } = await warehouse.query(
    "SELECT id, _op, n, text, CAST(list AS text) AS list, CAST(_atoms AS text) AS atoms, CAST(_rev AS int) AS at FROM items ORDER BY _rev",
  );
  const records = new Map<unknown, { [atom: string]: unknown }>();
  const seen = new Set<string>();
  for (const { id, _op: op, atoms, at: from, ...row } of rows) {
    const key = `${id} ${from}`;
    expect(seen.has(key), `${why}: ${key} twice`).toBe(false);
    seen.add(key);
    expect(from, `${why}: ${key} before its cursor`).toBeLessThanOrEqual(revision);
    if (op === "remove") records.delete(id);
    else {
      const record: { [atom: string]: unknown } = op === "patch" ? { ...records.get(id) } : { id };
      for (const atom of JSON.parse(String(atoms)) as string[]) {
        if (row[atom] === null) delete record[atom];
        else record[atom] = atom === "list" ? JSON.parse(String(row[atom])) : row[atom];
        if (atom === "n" && record.n !== undefined) record.n = Number(record.n);
      }
      records.set(id, record);
    }
  }
  return sorted(records.values() as Iterable<RecordData>);
}

/** Several pages of a copy, and of the journal. */
async function filled(): Promise<{ server: TestServer; url: string }> {
  const { server, url } = await listening();
  const text = "x".repeat(500);
  for (const first of [1, 751]) {
    const mutations = Array.from({ length: 750 }, (_, i) => {
      const id = first + i;
      return {
        id,
        base: 0,
        writes: ["a", "b", "c"].map((each) => insert(`${each}${id}`, { n: id, text, list: [id] })),
      };
    });
    await server.push({ client: "filler", mutations });
  }
  return { server, url };
}

function anyMoment(random: Random): Moment {
  const pick = (n: number) => Math.floor(random.fraction() * n);
  const how = pick(2) === 0 ? (["before", "after"] as const)[pick(2)] : { during: pick(6) };
  return dying(pick(3) === 0 ? "refresh" : "sync", "", 1 + pick(60), how as Death["how"]);
}

const cases = KINDS.flatMap((kind) => (["current", "history", "append"] as const).map((mode) => [kind, mode] as const));

/** Kills one process after the other on the same warehouse, and looks at what each has left. */
async function survive(kind: Kind, mode: Mode, seed: string): Promise<void> {
  const random = seededRandom(seed);
  const { server, url } = await filled();
  const place = await placeOf(kind);
  const live = async (moment: Moment, why: string) => {
    await scribble(server, random, 4);
    const killed = await lived({ url, kind, place, mode, ...moment });
    const left = await warehouseIn(kind, { url, mode, page: 500 }, place);
    await expectWhole(server, left, mode, why);
    await left.close();
    return killed;
  };
  for (const moment of MOMENTS[kind === "parquet" ? "folder" : "database"]) {
    const why = `${seed}, ${JSON.stringify(moment)}`;
    expect(await live(moment, why), `${why} was met`).toBe(moment.death !== null);
  }
  for (let kills = 0; LONG && kills < KILLS; ) {
    const moment = anyMoment(random);
    if (await live(moment, `${seed}, any ${kills}: ${JSON.stringify(moment)}`)) kills++;
  }
  const warehouse = await warehouseIn(kind, { url, mode }, place);
  expect((await warehouse.sync()).rebuilt).not.toContain("damaged");
  await expectWhole(server, warehouse, mode, `${seed}, at the end`);
  if (mode !== "append") expect((await warehouse.verify()).differences).toEqual([]);
  if (kind !== "postgres") expect(leftOf(kind, place)).toEqual([]);
}

/** What is being loaded lies beside the warehouse, and is not left there. */
function leftOf(kind: Kind, place: string): string[] {
  return readdirSync(kind === "duckdb" ? dirname(place) : place).filter((name) => name.includes(".load-"));
}

test.each(cases)("[X2] [X1] %s, %s: killed at any moment, it goes on exactly once", async (kind, mode) => {
  await survive(kind, mode, `kill ${kind} ${mode}`);
});
