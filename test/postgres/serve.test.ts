import { describe, expect, test } from "vitest";
import type { PushResponse } from "../../src/wire/push.ts";
import { CONFIG, freePort, run, serve } from "../cli/program.ts";
import { folderOf } from "../support/folder.ts";
import { LiveReader } from "../support/live-reader.ts";
import { hasNats, NatsServer } from "../support/nats.ts";
import { schemaUrl, statement } from "../support/postgres.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { skipUnless } from "../support/skip.ts";

describe("the program on PostgreSQL", () => {
  test("[D13 D7] serves a database, and every WHERE takes its address, with the same answers", async () => {
    const url = await schemaUrl();
    const cwd = folderOf({ "tidemark.config.ts": CONFIG });
    const server = await serve(cwd, ["--port", "0", "--data", url]);
    await run(["edit", server.url, "things", "a", "color=red", "team=x"]);
    const heads = await Promise.all(
      [server.url, url].map((where) => run(["head", where, "--scope", "team/x", "--json"])),
    );
    expect(heads.map(({ code }) => code)).toEqual([0, 0]);
    expect(JSON.parse(heads[1]?.stdout ?? "")).toEqual(JSON.parse(heads[0]?.stdout ?? ""));
    const doctor = await run(["doctor"], { cwd, env: { TIDEMARK_DATA: url } });
    expect(doctor.stdout).toMatch(/database: PostgreSQL \d+.* at postgres:\/\/127\.0\.0\.1/);
    expect(doctor.stdout).toMatch(/store: \d+ MiB, main at revision 1/);
    const backup = await run(["backup", url, "x.db"], { cwd });
    expect([backup.code, backup.stderr]).toEqual([2, expect.stringMatching(/PostgreSQL.*pg_dump/)]);
    const restore = await run(["restore", "x.db", url], { cwd });
    expect([restore.code, restore.stderr]).toEqual([2, expect.stringMatching(/PostgreSQL.*pg_restore/)]);
    const all = [...heads, doctor, backup, restore, await server.stop()];
    for (const { stdout, stderr } of all) expect(stdout + stderr).not.toContain(new URL(url).password);
  });

  test("[D13 D3] that cannot be reached ends it with a sentence, and doctor says the same", async () => {
    const cwd = folderOf({ "tidemark.config.ts": CONFIG });
    const data = `postgres://me:s3cret@127.0.0.1:${await freePort()}/db`;
    const served = await run(["serve", "--data", data], { cwd });
    expect([served.code, served.stderr]).toEqual([
      1,
      expect.stringMatching(/^tidemark: The connection to PostgreSQL at .*ECONNREFUSED.*\n$/m),
    ]);
    const doctor = await run(["doctor", "--data", data], { cwd });
    expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringMatching(/wrong {2}database: .*ECONNREFUSED/)]);
    for (const { stdout, stderr } of [served, doctor]) expect(stdout + stderr).not.toMatch(/s3cret|\n +at /);
  });

  skipUnless(hasNats, "needs nats-server")(
    "[D16 R11 A6] serve --wake, or TIDEMARK_WAKE, has servers wake each other by NATS, and its password stays in no log",
    async () => {
      const monitor = await freePort();
      const nats = await NatsServer.start("--user", "app", "--pass", "s3cret", "-m", String(monitor));
      const url = await schemaUrl();
      const cwd = folderOf({ "tidemark.config.ts": CONFIG });
      const wake = nats.url("app:s3cret@");
      const servers = [
        await serve(cwd, ["--port", "0", "--data", url, "--wake", wake]),
        await serve(cwd, ["--port", "0", "--data", url, "--wake", "none"], { TIDEMARK_WAKE: "nats://nowhere:1" }),
        await serve(cwd, ["--port", "0", "--data", url], { TIDEMARK_WAKE: wake }),
      ];
      const connections = await (await fetch(`http://127.0.0.1:${monitor}/connz`)).json();
      expect(connections).toMatchObject({ num_connections: 2 });
      await nats.kill();
      await expect.poll(() => servers[0]?.stderr).toMatch(/commits are not heard of/);
      for (const server of servers) {
        const { code, stdout, stderr } = await server.stop();
        expect([code, stdout + stderr]).toEqual([0, expect.not.stringContaining("s3cret")]);
      }
    },
  );

  test("[D16 D1] --wake is refused where it is none, and where there is no database", async () => {
    const cwd = folderOf({ "tidemark.config.ts": CONFIG });
    const data = `postgres://127.0.0.1:${await freePort()}/db`;
    const other = await run(["serve", "--data", data, "--wake", "redis://me:s3cret@host"], { cwd });
    expect([other.code, other.stderr]).toEqual([2, expect.stringMatching(/--wake is notify, .*NATS.*none/)]);
    expect(other.stderr).not.toMatch(/s3cret/);
    const folder = await run(["serve"], { cwd, env: { TIDEMARK_WAKE: "none" } });
    expect([folder.code, folder.stderr]).toEqual([2, expect.stringMatching(/--wake .*database of PostgreSQL/)]);
  });

  test("[D13 W8] doctor tells of a database that writes nothing through to its disk", async () => {
    const postgres = await PostgresServer.start(["-c", "fsync=off"]);
    const doctor = await run(["doctor", "--data", postgres.url], { cwd: folderOf() });
    await postgres.end();
    expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringMatching(/wrong {2}database: .*fsync = off/)]);
  });
});

test("[R7 W6 H15 L1] servers that are restarted one after the other, or killed, under load lose nothing and repeat nothing, live readers included", async () => {
  const url = await schemaUrl();
  const cwd = folderOf({ "tidemark.config.ts": CONFIG });
  const ports = [await freePort(), await freePort()];
  const start = (i: number) => serve(cwd, ["--port", String(ports[i]), "--data", url]);
  const servers = [await start(0), await start(1)];
  let over = false;
  const readers = Array.from({ length: 4 }, (_, i) => new LiveReader(ports, i));
  // From the empty space on: what they are told is all deltas, in the order of revisions.
  for (const reader of readers) await expect.poll(() => reader.cursor).toBeDefined();
  const clients = Array.from({ length: 6 }, (_, i) => pushOn(`c${i}`, ports, () => over));
  for (const [i, signal] of [
    [0, "SIGTERM"],
    [1, "SIGKILL"],
  ] as const) {
    await risen(url);
    await servers[i]?.stop(signal);
    servers[i] = await start(i);
  }
  await risen(url);
  over = true;
  const made = await Promise.all(clients);
  const total = made.reduce((sum, count) => sum + count, 0);
  const head = JSON.parse((await run(["head", servers[0]?.url ?? "", "--scope", "*", "--json"])).stdout);
  expect([head.revision, head.scopes["*"].count]).toEqual([total, total]);
  expect((await run(["audit", servers[1]?.url ?? ""])).code).toBe(0);
  for (const reader of readers) {
    await expect.poll(() => reader.revision, { timeout: 20_000 }).toBe(total);
    reader.close();
    expect(reader.connections).toBeGreaterThan(1);
    // Each record is inserted once, by a revision of its own.
    for (const [i, count] of made.entries()) {
      const told = reader.told.filter((id) => id.startsWith(`c${i}-`));
      expect(told).toEqual(Array.from({ length: count }, (_, n) => `c${i}-${n + 1}`));
    }
  }
});

/** Pushes mutation after mutation, each to whichever server answers, until it is over; gives how many. */
async function pushOn(client: string, ports: readonly number[], over: () => boolean): Promise<number> {
  let at = 0;
  for (let id = 1; ; id++) {
    if (over()) return id - 1;
    const record = { id: `${client}-${id}`, team: "x" };
    const writes = [{ op: "insert", collection: "things", record }];
    const body = JSON.stringify({ client, acked: id - 1, mutations: [{ id, base: 0, writes }] });
    for (let answer: PushResponse | null = null; answer === null; at++) {
      const address = `http://127.0.0.1:${ports[at % ports.length]}/v1/spaces/main/push`;
      const headers = { "content-type": "application/json" };
      const response = await fetch(address, { method: "POST", headers, body }).catch(() => null);
      if (response?.status !== 200) continue;
      answer = (await response.json().catch(() => null)) as PushResponse | null;
      if (answer !== null) expect(answer.outcomes).toEqual([{ id, status: "applied", revision: expect.any(Number) }]);
    }
  }
}

/** Resolves when the space `main` has grown by some revisions, whoever wrote them. */
async function risen(url: string): Promise<void> {
  const schema = new URL(url).searchParams.get("schema");
  const revision = async () => {
    const [row] = await statement<{ revision: string }>(url, `SELECT max(revision) AS revision FROM "${schema}".space`);
    return Number(row?.revision ?? 0);
  };
  const first = await revision();
  while ((await revision()) < first + 20);
}
