import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { DuckDBInstance } from "@duckdb/node-api";
import postgres from "postgres";
import { timed } from "../measure.ts";
import { startDatabase } from "../postgres/database.ts";

/** Milliseconds in which DuckDB makes a table of a file, on one thread. */
export async function imported(file: string, folder: string): Promise<number> {
  const instance = await DuckDBInstance.create(join(folder, "floor.duckdb"), { threads: "1" });
  const connection = await instance.connect();
  const ms = await timed(async () => {
    await connection.run(`CREATE TABLE people AS SELECT * FROM read_csv('${file}')`);
    await connection.run("CHECKPOINT");
  });
  connection.closeSync();
  instance.closeSync();
  return ms;
}

/** Milliseconds in which PostgreSQL takes a file by COPY, into a table with a primary key. */
export async function copied(file: string): Promise<number> {
  const database = await startDatabase(false);
  const sql = postgres(database.url, { max: 1 });
  try {
    await sql`CREATE TABLE people (id int PRIMARY KEY, name text, email text, born text, city text, visits int)`;
    return await timed(async () => {
      const into = await sql`COPY people FROM STDIN WITH (FORMAT csv, HEADER)`.writable();
      await pipeline(createReadStream(file), into);
    });
  } finally {
    await sql.end();
    await database.stop();
  }
}
