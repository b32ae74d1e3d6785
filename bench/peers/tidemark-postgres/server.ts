import postgres from "postgres";
import { createServer, listen } from "tidemark/server";
import { openPostgresStore } from "tidemark/store/postgres";
import { schemaUrl, startDatabase } from "../../postgres/database.ts";
import { makeTable } from "../../postgres/parts/adopted.ts";
import { get } from "../../wire.ts";
import { type StartServer, until } from "../work.ts";

const SPACE = "peers";

interface Head {
  readonly scopes?: { readonly [scope: string]: { readonly count: number } };
}

interface History {
  readonly versions?: readonly { readonly record?: { readonly updated?: number } | null }[];
}

/** A table that is adopted: other programs write it with SQL, replicas follow it and write it. */
export const start: StartServer = async ({ records }) => {
  const database = await startDatabase(false);
  const sql = postgres(database.url, { max: 8, onnotice: () => undefined });
  await makeTable(sql, "shop", records);
  const store = await openPostgresStore({ url: schemaUrl(database.url, "tidemark") });
  const config = { collections: { tasks: {} }, adopt: { [SPACE]: { tables: { tasks: { table: "shop.tasks" } } } } };
  const server = await listen(createServer({ store, config }), { host: "127.0.0.1", port: 0 });
  const base = `${server.url}/v1/spaces/${SPACE}`;
  const count = async () => (await get<Head>(`${base}?scope=*`)).scopes?.["*"]?.count;
  await until(async () => (await count()) === records, 50);
  return {
    address: { url: server.url, space: SPACE, database: database.url },
    /** In one transaction. */
    change: async (rows) => {
      await sql.begin(async (transaction) => {
        const updates = rows.map(
          ({ id, title, updated }) =>
            transaction`UPDATE shop.tasks SET title = ${title}, updated = ${updated} WHERE id = ${id}`,
        );
        await Promise.all(updates);
      });
      const last = rows.at(-1);
      const newest = async () => (await get<History>(`${base}/history/tasks/${last?.id}?limit=1`)).versions?.[0];
      await until(async () => (await newest())?.record?.updated === last?.updated, 10);
    },
    holds: async (ids) => {
      const [row] = await sql<{ n: string }[]>`SELECT count(*) AS n FROM shop.tasks WHERE id = ANY(${[...ids]})`;
      return Number(row?.n);
    },
    close: async () => {
      await server.close();
      await sql.end();
      await database.stop();
    },
  };
};
