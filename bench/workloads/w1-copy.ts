import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sqliteStore } from "tidemark/client/sqlite";
import { atMost, type Row, type Target } from "../figures.ts";
import { alternated, timed } from "../measure.ts";
import { type Copied, copied, EVERYTHING } from "../replica.ts";
import { linesOf, post } from "../wire.ts";
import type { Bench, Workload } from "../workload.ts";

const TO_MEMORY = "fetch of the same records as one JSON array from a bare server, JSON.parse, a Map by id";
const TO_SQLITE =
  "the same fetch and JSON.parse, then row by row into one SQLite transaction; both sides WAL, and synced once, at the end";

export const memory: Workload = {
  id: "W1",
  title: "copy of 100,000 records to memory",
  records: 100_000,
  async measure(bench) {
    const bytes = await offered(bench);
    const trial = { runs: bench.runs, warm: 2, work: () => copied(bench), floor: floorOf(bench, inMap(bench)) };
    const { results, floors, first } = await alternated(trial);
    return rowsOf("copy of 100,000 to memory", results, floors, {
      floorIs: TO_MEMORY,
      targets: [atMost(1.2), atMost(2.5)],
      note: `${megabytes(bytes)}; first in a fresh process: ${first.checked.toFixed(0)} ms`,
    });
  },
};

export const persistent: Workload = {
  id: "W1",
  title: "copy of 100,000 records to SQLite",
  records: 100_000,
  async measure(bench) {
    await offered(bench);
    const folder = mkdtempSync(join(tmpdir(), "tidemark-replica-"));
    const copy = (run: number) => copied(bench, sqliteStore({ path: join(folder, `replica-${run}.db`) }));
    let file = 0;
    const floor = floorOf(bench, () => inDatabase(bench, join(folder, `floor-${file++}.db`)));
    const { results, floors } = await alternated({ runs: bench.runs, warm: 1, work: copy, floor });
    rmSync(folder, { recursive: true, force: true });
    return rowsOf("copy of 100,000 to SQLite (Node)", results, floors, {
      floorIs: TO_SQLITE,
      targets: [atMost(0.8), atMost(1.5)],
      note: "a new file each run",
    });
  },
};

export const million: Workload = {
  id: "W1",
  title: "copy of 1,000,000 records to memory",
  records: 1_000_000,
  large: true,
  async measure(bench) {
    const bytes = await offered(bench);
    const trial = { runs: Math.min(2, bench.runs), warm: 0, work: () => copied(bench) };
    const { results, floors } = await alternated({ ...trial, floor: floorOf(bench, inMap(bench)) });
    return rowsOf("copy of 1,000,000 to memory", results, floors, {
      floorIs: TO_MEMORY,
      targets: [],
      note: `${megabytes(bytes)}; ${trial.runs} runs, none before`,
    });
  },
};

interface Told {
  readonly floorIs: string;
  /** For reading and for checking. */
  readonly targets: readonly Target[];
  readonly note: string;
}

function rowsOf(work: string, results: readonly Copied[], floor: readonly number[], told: Told): Row[] {
  const { floorIs, targets, note } = told;
  const row = { id: "W1", unit: "ms", floor, floorIs };
  const moments = [
    { moment: "until every record can be read", values: results.map(({ readable }) => readable) },
    { moment: "until its fingerprint is checked", values: results.map(({ checked }) => checked) },
  ];
  return moments.map(({ moment, values }, i) => {
    const target = targets[i];
    return { ...row, work: `${work}, ${moment}`, values, ...(target && { target }), ...(i === 0 && { note }) };
  });
}

/** Gives the bare server what the floor fetches; the bytes of it. */
async function offered({ base, floor }: Bench): Promise<number> {
  const texts: string[] = [];
  // Line by line: as one array in one text a million records would have to be held twice.
  for (const line of (await post(`${base}/pull`, { subscriptions: [EVERYTHING] })).split("\n")) {
    if (line === "") continue;
    for (const { records } of linesOf<{ records?: object[] }>(line))
      if (records !== undefined) texts.push(JSON.stringify(records).slice(1, -1));
  }
  const body = `[${texts.join(",")}]`;
  await fetch(`${floor}/copy`, { method: "PUT", body });
  return body.length;
}

function floorOf({ profile }: Bench, floor: () => Promise<number>): (() => Promise<number>) | null {
  return profile ? null : floor;
}

function inMap({ floor }: Bench): () => Promise<number> {
  return () =>
    timed(async () => {
      const rows = await fetched(floor);
      const map = new Map(rows.map((row) => [row.id, row]));
      if (map.size !== rows.length) throw new Error("the floor lost records");
    });
}

function inDatabase({ floor }: Bench, path: string): Promise<number> {
  return timed(async () => {
    const db = new DatabaseSync(path);
    db.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
    db.exec("CREATE TABLE rows (id TEXT PRIMARY KEY, json TEXT) WITHOUT ROWID, STRICT; BEGIN");
    const insert = db.prepare("INSERT INTO rows VALUES (?, ?)");
    for (const row of await fetched(floor)) insert.run(row.id, JSON.stringify(row));
    db.exec("COMMIT");
    db.close();
  });
}

async function fetched(floor: string): Promise<{ id: string }[]> {
  return JSON.parse(await (await fetch(`${floor}/copy`)).text()) as { id: string }[];
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
