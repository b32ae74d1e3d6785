import { fork } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { duckdbSink, openWarehouse } from "tidemark/warehouse";
import { rested, spread, timed } from "./measure.ts";
import { record } from "./records.ts";
import { change, fill } from "./wire.ts";

/**
 * A warehouse in DuckDB: the first load of a space, and a sync of 1,000 changed records, beside what DuckDB takes for the same
 * rows alone: its import of a file of JSON lines, its appender, its update. Prints the table of docs/warehouse.md, and the
 * processor's time of each load, which other work on the machine changes less.
 *
 *   npm run bench:warehouse [RECORDS]
 */
const RECORDS = Number(process.argv[2] ?? 1_000_000);
const CHANGED = 1_000;
const RUNS = 3;

const folder = mkdtempSync(join(tmpdir(), "tidemark-warehouse-"));
const server = fork(join(import.meta.dirname, "server.ts"), [folder]);
const [{ url }] = (await once(server, "message")) as [{ url: string }];
const base = `${url}/v1/spaces/warehouse`;
await fill(base, RECORDS);

const loads: number[] = [];
const floors: number[] = [];
const imports: number[] = [];
const lines = join(folder, "lines.ndjson");
for (let at = 0; at < RECORDS; at += 10_000)
  appendFileSync(
    lines,
    Array.from({ length: Math.min(10_000, RECORDS - at) }, (_, i) => `${JSON.stringify(record(at + i))}\n`).join(""),
  );
for (let run = 0; run < RUNS; run++) {
  await rested();
  floors.push(await appended(join(folder, `floor-${run}.duckdb`)));
  await rested();
  imports.push(await imported(join(folder, `import-${run}.duckdb`)));
  await rested();
  loads.push(await loaded(join(folder, `load-${run}.duckdb`)));
}
const syncs: number[] = [];
const updates: number[] = [];
const place = join(folder, `load-${RUNS - 1}.duckdb`);
for (let run = 0; run < RUNS; run++) {
  await change(base, CHANGED, run + 1);
  await rested();
  syncs.push(await synced(place));
  updates.push(await updated(join(folder, `floor-${RUNS - 1}.duckdb`), run + 1));
}
const perSecond = (ms: number) => Math.round(RECORDS / (ms / 1_000)).toLocaleString("en");
const load = spread(loads).median;
const floor = spread(floors).median;
const sync = spread(syncs).median;
const update = spread(updates).median;
const fromFile = spread(imports).median;
process.stdout.write("| work | measured | floor | ratio |\n| --- | --- | --- | --- |\n");
process.stdout.write(
  `| first load of ${RECORDS.toLocaleString("en")} records | ${perSecond(load)} rows/s | ${perSecond(floor)} rows/s (DuckDB's appender) | ${(load / floor).toFixed(1)} |\n`,
);
process.stdout.write(
  `| the same | ${perSecond(load)} rows/s | ${perSecond(fromFile)} rows/s (DuckDB's import of JSON lines) | ${(load / fromFile).toFixed(1)} |\n`,
);
process.stdout.write(
  `| sync of ${CHANGED.toLocaleString("en")} changed records | ${sync.toFixed(0)} ms | ${update.toFixed(0)} ms (DuckDB's update) | ${(sync / update).toFixed(1)} |\n`,
);
const ended = once(server, "exit");
server.disconnect();
await ended;
rmSync(folder, { recursive: true, force: true });

async function loaded(path: string): Promise<number> {
  const warehouse = openWarehouse({ url, space: "warehouse", sink: duckdbSink(path) });
  const before = process.cpuUsage();
  const ms = await timed(() => warehouse.sync());
  const { user, system } = process.cpuUsage(before);
  process.stderr.write(`${((user + system) / RECORDS).toFixed(1)} µs of the client's processor time a row\n`);
  await warehouse.close();
  return ms;
}

/** The same records as JSON lines, from a file. */
async function imported(path: string): Promise<number> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  const ms = await timed(() => connection.run(`CREATE TABLE tasks AS SELECT * FROM read_json('${lines}')`));
  connection.closeSync();
  instance.closeSync();
  return ms;
}

/** The process and the file are open, as in `serve` between two syncs. */
async function synced(path: string): Promise<number> {
  const warehouse = openWarehouse({ url, space: "warehouse", sink: duckdbSink(path) });
  await warehouse.status();
  const ms = await timed(async () => {
    const { taken } = await warehouse.sync();
    if (taken !== CHANGED) throw new Error(`${taken} records came`);
  });
  await warehouse.close();
  return ms;
}

/** The same rows through the appender, one transaction, from objects that are there already. */
async function appended(path: string): Promise<number> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  await connection.run(
    "CREATE TABLE tasks (id VARCHAR, title VARCHAR, status VARCHAR, priority BIGINT, assignee VARCHAR, body VARCHAR, updated BIGINT)",
  );
  const rows = Array.from({ length: RECORDS }, (_, i) => record(i));
  const ms = await timed(async () => {
    const appender = await connection.createAppender("tasks");
    for (const { id, title, status, priority, assignee, body, updated } of rows) {
      appender.appendVarchar(id);
      appender.appendVarchar(title);
      appender.appendVarchar(status);
      appender.appendBigInt(BigInt(priority));
      appender.appendVarchar(assignee);
      appender.appendVarchar(body);
      appender.appendBigInt(BigInt(updated));
      appender.endRow();
    }
    appender.closeSync();
  });
  connection.closeSync();
  instance.closeSync();
  return ms;
}

/** The same change by one statement that makes the values itself. */
async function updated(path: string, version: number): Promise<number> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  const ids = Array.from({ length: CHANGED }, (_, i) => `('${record(i).id}')`);
  await connection.run(`CREATE TEMP TABLE changed AS SELECT * FROM (VALUES ${ids.join(", ")}) AS v(id)`);
  const ms = await timed(() =>
    connection.run(
      `UPDATE tasks SET title = 'version ${version}', updated = ${version} FROM changed WHERE tasks.id = changed.id`,
    ),
  );
  connection.closeSync();
  instance.closeSync();
  return ms;
}
