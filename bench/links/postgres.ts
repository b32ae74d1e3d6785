import postgres from "postgres";
import { PostgresServer } from "../../test/support/postgres-server.ts";
import { Proxy } from "../../test/support/proxy.ts";
import type { Row } from "./script.ts";
import type { System } from "./system.ts";

const FLAGS = ["wal_level=logical", "wal_retrieve_retry_interval=100ms"].flatMap((flag) => ["-c", flag]);

export const logical: System = {
  title: "PostgreSQL, logical replication both ways, `origin = none`",
  async start() {
    const servers = { a: await PostgresServer.start(FLAGS), b: await PostgresServer.start(FLAGS) };
    const lines = { a: await Proxy.to(servers.a.url), b: await Proxy.to(servers.b.url) };
    const open = (url: string) => postgres(url, { max: 1, onnotice: () => undefined });
    const at = { a: open(servers.a.url), b: open(servers.b.url) };
    const sides = ["a", "b"] as const;
    for (const side of sides) {
      await at[side].unsafe("CREATE TABLE rows (id text PRIMARY KEY, a text NOT NULL, b text NOT NULL)");
      await at[side].unsafe("CREATE PUBLICATION line FOR TABLE rows");
    }
    const follow = async (side: "a" | "b", from: "a" | "b", copy: boolean) => {
      const { username, password, hostname, port, pathname } = new URL(lines[from].url(servers[from].url));
      const to = `host=${hostname} port=${port} user=${username} password=${password} dbname=${pathname.slice(1)}`;
      await at[side].unsafe(
        `CREATE SUBSCRIPTION line_${side} CONNECTION '${to}' PUBLICATION line WITH (origin = none, copy_data = ${copy})`,
      );
    };
    const all = async (state: "ENABLE" | "DISABLE") => {
      for (const side of sides) await at[side].unsafe(`ALTER SUBSCRIPTION line_${side} ${state}`);
    };
    const rows = async (side: "a" | "b") => [...(await at[side].unsafe<Row[]>("SELECT id, a, b FROM rows"))];
    const [{ server_version: version = "" } = {}] = await at.a<{ server_version: string }[]>`SHOW server_version`;
    return {
      version,
      async seed(seeds) {
        await at.a`INSERT INTO rows ${at.a([...seeds])}`;
        await follow("b", "a", true);
        while ((await rows("b")).length < seeds.length) await new Promise((resolve) => setTimeout(resolve, 20));
        await follow("a", "b", false);
      },
      apart: () => all("DISABLE"),
      async write(side, change) {
        const sql = at[side];
        if (change.op === "insert") await sql`INSERT INTO rows ${sql({ ...change.row })}`;
        else await sql`UPDATE rows SET ${sql(change.field)} = ${change.value} WHERE id = ${change.id}`;
      },
      async together() {
        await all("ENABLE");
        return null;
      },
      rows,
      // It counts its conflicts, and keeps no value.
      losers: async () => 0,
      bytes: () => sides.reduce((sum, side) => sum + lines[side].passed.asked + lines[side].passed.answered, 0),
      async stop() {
        for (const side of sides) {
          await at[side].end();
          lines[side].close();
        }
        for (const side of sides) await servers[side].end();
      },
    };
  },
};
