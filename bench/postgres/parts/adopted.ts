import { setTimeout as after } from "node:timers/promises";
import postgres from "postgres";
import { createClient } from "tidemark/client";
import { memoryStore } from "tidemark/client/memory";
import { atMost, type Row } from "../../figures.ts";
import { record } from "../../records.ts";
import { onPostgres, type Part, type Setting } from "../part.ts";

const SPACE = "shop";
const RECORDS = 1_000;
const WRITES = 100;
const WARM = 5;
/** Milliseconds between two writes: they come at any moment of what looks now and then. */
const PAUSES = { least: 20, spread: 250 };

export const adopted: Part = {
  id: "P6",
  title: "a change by SQL in an adopted table",
  filled: false,
  async measure(setting) {
    const heard = await notified(setting);
    const rows: Row[] = [];
    for (const capture of ["replication", "triggers"] as const) {
      rows.push({
        id: "P6",
        work: `from an \`UPDATE\` in an adopted table to a live replica, by ${capture}`,
        unit: "ms",
        values: await told(setting, capture),
        floor: heard,
        floorIs:
          "from an `UPDATE` whose trigger says `pg_notify`, to another connection of the same driver that listens",
        target: atMost(200, "value"),
        note: `${WRITES} writes, one at a time`,
      });
    }
    return rows;
  },
};

export async function makeTable(sql: postgres.Sql, schema: string, records: number): Promise<void> {
  await sql.unsafe(
    `CREATE SCHEMA ${schema};
     CREATE TABLE ${schema}.tasks (id text PRIMARY KEY, title text NOT NULL, status text NOT NULL, priority int NOT NULL,
       assignee text NOT NULL, body text NOT NULL, updated double precision NOT NULL)`,
  );
  const table = sql(schema);
  for (let at = 0; at < records; at += 5_000) {
    const rows = Array.from({ length: Math.min(5_000, records - at) }, (_, i) => record(at + i));
    await sql`INSERT INTO ${table}.tasks ${sql(rows)}`;
  }
}

/** Milliseconds, for each write, until a live replica shows it. */
async function told({ database, ...setting }: Setting, capture: "replication" | "triggers"): Promise<number[]> {
  const schema = `shop_${capture}`;
  const sql = postgres(database, { max: 1, onnotice: () => undefined });
  await makeTable(sql, schema, RECORDS);
  const adopt = { [SPACE]: { capture, tables: { tasks: { table: `${schema}.tasks` } } } };
  const server = await onPostgres({ database, ...setting }, `of_${schema}`, adopt);
  const client = createClient({ url: server.told.url, space: SPACE, store: memoryStore() });
  await client.subscribe({ scope: "*" }).ready;
  while ((await client.query({ collection: "tasks" })).length < RECORDS) await after(50);
  const waiting: { updated: number; seen: () => void }[] = [];
  client.on("change", () => {
    void client.get("tasks", record(0).id).then((row) => {
      if (row?.updated === waiting[0]?.updated) waiting.shift()?.seen();
    });
  });
  const times = await timesOf((updated) => {
    const seen = new Promise<void>((resolve) => waiting.push({ updated, seen: resolve }));
    const written = sql`UPDATE ${sql(schema)}.tasks SET updated = ${updated} WHERE id = ${record(0).id}`;
    return Promise.all([written, seen]);
  });
  await client.close();
  await sql.end();
  await server.end();
  return times;
}

async function notified({ database }: Setting): Promise<number[]> {
  const [sql, listener] = [postgres(database, { max: 1 }), postgres(database, { max: 1 })];
  await makeTable(sql, "heard", RECORDS);
  await sql.unsafe(
    `CREATE FUNCTION heard.tell() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN PERFORM pg_notify('heard', NEW.updated::text); RETURN NULL; END $$;
     CREATE TRIGGER tell AFTER UPDATE ON heard.tasks FOR EACH ROW EXECUTE FUNCTION heard.tell()`,
  );
  const waiting = new Map<string, () => void>();
  await listener.listen("heard", (updated) => waiting.get(updated)?.());
  const times = await timesOf((updated) => {
    const seen = new Promise<void>((resolve) => waiting.set(String(updated), resolve));
    return Promise.all([sql`UPDATE heard.tasks SET updated = ${updated} WHERE id = ${record(0).id}`, seen]);
  });
  for (const one of [sql, listener]) await one.end();
  return times;
}

async function timesOf(write: (updated: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < WARM + WRITES; i++) {
    // The golden ratio: pauses that fall evenly into any interval.
    await after(PAUSES.least + PAUSES.spread * ((i * 0.618034) % 1));
    const start = performance.now();
    await write(1_000 + i);
    if (i >= WARM) times.push(performance.now() - start);
  }
  return times;
}
