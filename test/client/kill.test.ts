import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";
import { listen } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { folderOf } from "../support/folder.ts";
import { insert, TestServer } from "../support/server.ts";

const LIVES = 6;
const WRITER = fileURLToPath(new URL("writer.ts", import.meta.url));

/** Lets a client process write, and kills it after it has said so many lines; gives what it said was durable. */
async function killed(url: string, path: string, life: number, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [WRITER, url, path, `life${life}`], { stdio: ["ignore", "pipe", "inherit"] });
  const durable: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    durable.push(line);
    if (durable.length === lines) child.kill("SIGKILL");
  }
  return durable;
}

it("[R4] [W10] [W6] a client that is killed again and again loses nothing that was durable, and repeats nothing", async () => {
  const folder = folderOf();
  const config = { collections: { items: { atoms: { n: "sum" } } } } as const;
  const server = new TestServer(config, { store: openSqliteStore({ path: join(folder, "server") }) });
  await server.write("other", insert("count", { n: 0 }));
  const listening = await listen(server.server, { host: "127.0.0.1", port: 0 });
  onTestFinished(() => listening.close());
  const path = join(folder, "replica.db");
  const random = seededRandom("kill");
  const durable: string[] = [];
  for (let life = 0; life < LIVES; life++) {
    durable.push(...(await killed(listening.url, path, life, 1 + Math.floor(random.fraction() * 25))));
  }
  const client = createClient({ url: listening.url, space: "acme", store: sqliteStore({ path }) });
  await client.sync();
  const records = await client.query({ collection: "items" });
  const ids = new Set(records.map(({ id }) => id));
  expect(durable.filter((id) => !ids.has(id))).toEqual([]);
  expect(await client.get("items", "count")).toEqual({ id: "count", n: records.length - 1 });
  expect((await client.verify()).ok).toBe(true);
  await client.close();
});
