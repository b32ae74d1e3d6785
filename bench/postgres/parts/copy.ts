import postgres from "postgres";
import { atMost, type Row } from "../../figures.ts";
import { timed } from "../../measure.ts";
import { copied } from "../../replica.ts";
import { FILLED, inTurn, onPostgres, onSqlite, type Part, type RunningServer } from "../part.ts";

export const copy: Part = {
  id: "P2",
  title: "copy of 100,000 records",
  filled: true,
  async measure(setting) {
    const [ours, sqlite] = [await onPostgres(setting), await onSqlite(setting)];
    const sql = postgres(setting.database, { max: 1 });
    const found = await inTurn(
      { ours: () => copyFrom(ours), sqlite: () => copyFrom(sqlite), bare: () => selected(sql) },
      { runs: setting.runs, warm: 1 },
    );
    await sql.end();
    for (const server of [ours, sqlite]) await server.end();
    return rowsOf(found);
  },
};

async function copyFrom({ told }: RunningServer): Promise<number> {
  return (await copied({ url: told.url, space: FILLED })).checked;
}

function selected(sql: postgres.Sql): Promise<number> {
  return timed(async () => {
    const rows = await sql<{ text: string }[]>`SELECT text FROM bare.rows ORDER BY id LIMIT 100000`;
    const map = new Map(rows.map(({ text }) => JSON.parse(text) as { id: string }).map((row) => [row.id, row]));
    if (map.size < 100_000) throw new Error("the floor lost records");
  });
}

function rowsOf({ ours, sqlite, bare }: { [name in "ours" | "sqlite" | "bare"]: readonly number[] }): Row[] {
  const row = { id: "P2", unit: "ms", values: ours };
  return [
    {
      ...row,
      work: "copy of 100,000 to memory, until its fingerprint is checked",
      floor: sqlite,
      floorIs: "the same from a server on SQLite",
      target: atMost(2),
    },
    {
      ...row,
      work: "the same beside a `SELECT`",
      floor: bare,
      floorIs: "`SELECT` of the same texts by the same driver, `JSON.parse`, a Map by id, no HTTP",
    },
  ];
}
