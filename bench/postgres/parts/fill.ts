import postgres from "postgres";
import type { Row } from "../../figures.ts";
import { timed } from "../../measure.ts";
import { fill as filled } from "../../wire.ts";
import { bareRows, insertRows } from "../bare.ts";
import { once } from "../database.ts";
import { baseOf, FILLED, onPostgres, onSqlite, type Part, RECORDS, type RunningServer, type Setting } from "../part.ts";

const PUSHED = 1_000;

export const fill: Part = {
  id: "P1",
  title: "100,000 records, 1,000 a push",
  filled: false,
  async measure(setting) {
    const onBoth = [await onPostgres(setting), await onSqlite(setting)];
    const [ours, sqlite] = [await written(onBoth[0]), await written(onBoth[1])];
    const bare = await inserted(setting);
    for (const server of onBoth) await server.end();
    // As autovacuum leaves it after a while; in the middle of a run it would count in somebody's figure.
    await once(setting.database, "VACUUM ANALYZE");
    return rowsOf(ours, bare, sqlite);
  },
};

async function written(server: RunningServer | undefined): Promise<number> {
  if (server === undefined) throw new Error("no server");
  return timed(() => filled(baseOf(server, FILLED), RECORDS));
}

async function inserted({ database }: Setting): Promise<number> {
  const sql = postgres(database, { max: 1 });
  const batches = Array.from({ length: RECORDS / PUSHED }, () => bareRows(PUSHED));
  const ms = await timed(async () => {
    for (const batch of batches) await insertRows(sql, batch);
  });
  await sql.end();
  return ms;
}

function rowsOf(ours: number, bare: number, sqlite: number): Row[] {
  const row = { id: "P1", unit: "ms", values: [ours] };
  return [
    {
      ...row,
      work: "100,000 new records in pushes of 1,000 writes, until durable",
      floor: [bare],
      floorIs: "`INSERT` of the same rows by the same driver, 1,000 a statement and a commit, no HTTP",
    },
    { ...row, work: "the same beside SQLite", floor: [sqlite], floorIs: "the same of a server on SQLite" },
  ];
}
