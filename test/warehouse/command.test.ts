import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { expect, test } from "vitest";
import { freePort, reached, run, serve, start } from "../cli/program.ts";
import { folderOf } from "../support/folder.ts";

const configOf = (warehouse: string) => `
import { defineConfig } from "tidemark/server";
export default defineConfig({ warehouses: { reports: ${warehouse} } });
`;

async function push(url: string, id: number, writes: object[]): Promise<void> {
  const response = await fetch(`${url}/v1/spaces/main/push`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client: "c", mutations: [{ id, base: 0, writes }] }),
  });
  expect(response.status, await response.text()).toBe(200);
}

const note = (id: string, text: unknown) => ({ op: "insert", collection: "notes", record: { id, text } });

test("[X8] warehouse syncs, tells, verifies, refreshes and asks", async () => {
  const cwd = folderOf({ "tidemark.config.ts": configOf('{ duckdb: "reports.duckdb" }') });
  const { url } = await serve(cwd);
  await push(url, 1, [note("a", "one"), note("b", "two")]);
  const warehouse = (verb: string, ...more: string[]) =>
    run(["warehouse", verb, "reports", "--server", url, ...more], { cwd });
  expect(await warehouse("status")).toMatchObject({ code: 0, stdout: "reports has never been synced.\n" });
  const synced = await warehouse("sync", "--json");
  expect(synced.stderr).toBe("");
  expect(JSON.parse(synced.stdout)).toEqual({ revision: 1, taken: 2, rebuilt: ["new"], paused: {} });
  const asked = await warehouse("query", "SELECT id, text FROM notes ORDER BY id");
  expect(asked.stdout).toBe("id  text\na   one\nb   two\n");
  const counted = await warehouse("query", "SELECT count(*) AS n FROM notes", "--json");
  expect(JSON.parse(counted.stdout)).toEqual({ n: 2 });
  expect(await warehouse("verify")).toMatchObject({ code: 0 });
  await push(url, 2, [note("c", { rich: true })]);
  const paused = await warehouse("sync");
  expect(paused.code).toBe(1);
  expect(paused.stdout).toContain("notes rests: text was text, and is json in notes/c.");
  expect((await warehouse("status")).code).toBe(1);
  expect((await warehouse("refresh", "--collections", "notes")).code).toBe(0);
  expect(await warehouse("query", "SELECT nothing FROM notes")).toMatchObject({ code: 1, stdout: "" });
});

test("[X8] a mistake is told before anything starts", async () => {
  const cwd = folderOf({ "tidemark.config.ts": configOf('{ duckdb: "a", parquet: "b", mode: "all" }') });
  const { code, stderr } = await run(["warehouse", "sync", "reports"], { cwd });
  expect(code).toBe(2);
  expect(stderr).toContain('warehouses.reports.mode: expected "current", "history" or "append"');
  const other = folderOf({ "tidemark.config.ts": configOf('{ duckdb: "a" }') });
  expect((await run(["warehouse", "sync", "other"], { cwd: other })).stderr).toContain("there are: reports");
  const nobody = await run(["warehouse", "query", "reports"], { cwd: other });
  expect(nobody.code).toBe(2);
});

test("[X8 X13] while another process has a file of DuckDB open, a command says so and waits", async () => {
  const cwd = folderOf({ "tidemark.config.ts": configOf('{ duckdb: "reports.duckdb" }') });
  const { url } = await serve(cwd);
  await push(url, 1, [note("a", "one")]);
  await run(["warehouse", "sync", "reports", "--server", url], { cwd });
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const other = await DuckDBInstance.create(join(cwd, "reports.duckdb"));
  const asking = start(["warehouse", "query", "reports", "SELECT text FROM notes", "--json"], { cwd });
  await once(asking.child.stderr as Readable, "data");
  other.closeSync();
  const { code, stdout, stderr } = await asking.ended;
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: '{"text":"one"}\n',
    stderr: "Another process has reports open, a sync perhaps: waiting for it.\n",
  });
});

const PLACES = ['duckdb: "reports.duckdb"', 'parquet: "reports"'];
test.each(PLACES)(
  "[X8 X12 X13] serve syncs %s at its times, tells of it, and another process can ask it between",
  async (place) => {
    const port = await freePort();
    const cwd = folderOf({ "tidemark.config.ts": configOf(`{ ${place}, schedule: "* * * * * *" }`) });
    const running = start(["serve", "--port", String(port)], { cwd });
    await running.says(/listening on/);
    const url = `http://127.0.0.1:${port}`;
    await push(url, 1, [note("a", "one")]);
    await reached(url, 1);
    const asked = async () => await run(["warehouse", "query", "reports", "SELECT text FROM notes", "--json"], { cwd });
    let answer = await asked();
    while (answer.code !== 0) answer = await asked();
    expect(JSON.parse(answer.stdout)).toEqual({ text: "one" });
    const listed = async () =>
      (await (await fetch(`${url}/v1/spaces/main/warehouses`)).json()) as { warehouses: { last: object | null }[] };
    let list = await listed();
    while (list.warehouses[0]?.last === null) list = await listed();
    expect(list.warehouses).toMatchObject([
      {
        name: "reports",
        kind: place.slice(0, place.indexOf(":")),
        schedule: "* * * * * *",
        due: expect.any(Number),
        last: { revision: 1 },
      },
    ]);
    expect((await running.stop()).code).toBe(0);
  },
);
