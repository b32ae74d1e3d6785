import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { folderOf } from "../support/folder.ts";
import { run, serve } from "./program.ts";

const INDEX = new URL("../../src/ingest/index.ts", import.meta.url).href;

function configured(check: string, every = ""): string {
  return `
import { clean, files, required, trim } from ${JSON.stringify(INDEX)};
const source = files({ name: "crm", stream: "people", path: "people.csv", key: ["id"] });
const people = clean(source.streams[0], { collection: "people", normalise: { "*": trim() }, check: [${check}] });
export default { ingest: { main: [{ source, streams: [people]${every} }] } };
`;
}

test("[I4 I6 I9 D1 D2] ingest and quarantine: run, status, runs, list, show, fix, replay, discard, origin", async () => {
  const cwd = folderOf({
    "people.csv": "id,name\n1, Ada \n2,\n3,\n4,\n5,E,E\n",
    "tidemark.config.ts": configured('required("name")'),
  });
  const tidemark = (...args: string[]) => run(args, { cwd });
  const first = await tidemark("ingest", "run");
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(first.stdout).toMatch(/crm\.people +1 .* complete +done +5 +1 +0 +1 +4 +0 +0\n/);
  expect((await tidemark("ingest", "status")).stdout).toMatch(
    /crm\.people +people +done .* by-complete-pass +3 required, 1 unreadable|1 unreadable, 3 required/,
  );
  const list = await tidemark("quarantine", "list", "--code", "required");
  expect(list.stdout.split("\n")).toHaveLength(5);
  expect(list.stdout).toMatch(
    /crm\.people +1 +open +required +name +people\.csv:3 +1 +name is missing, and every record has one/,
  );
  expect((await tidemark("quarantine", "show", "crm.people", "2")).stdout).toContain("at people.csv:4, key 3, 1 times");
  expect((await tidemark("quarantine", "show", "crm.people", "4")).stdout).toContain("raw: 5,E,E");
  expect(await tidemark("quarantine", "fix", "crm.people", "2", "--set", '{"name":"Bob"}')).toMatchObject({ code: 0 });
  expect(await tidemark("quarantine", "fix", "crm.people", "2", "--set", '{"name":"Bob"}')).toMatchObject({ code: 1 });
  expect(await tidemark("quarantine", "fix", "crm.people", "3", "--set", "Bob")).toMatchObject({ code: 2, stdout: "" });
  expect((await tidemark("quarantine", "discard", "crm.people", "3")).stdout).toContain("1 discarded");
  expect(await tidemark("quarantine", "discard", "crm.people")).toMatchObject({ code: 2 });
  await writeFile(join(cwd, "tidemark.config.ts"), configured(""));
  const replayed = await tidemark("quarantine", "replay", "crm.people", "--code", "required", "--json");
  expect(JSON.parse(replayed.stdout)).toMatchObject({ kind: "replay", read: 1, added: 1 });
  const origin = await tidemark("ingest", "origin", "people/1");
  expect(origin.stdout).toMatch(/name +Ada +1 +crm\.people run 1 +people\.csv:2 +[0-9a-f]{12}\n/);
  const runs = (await tidemark("ingest", "runs", "crm", "--json")).stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(runs.map(({ kind }) => kind)).toEqual(["replay", "replay", "complete"]);
  expect(await tidemark("ingest", "fetch")).toMatchObject({ code: 2 });
  expect(await tidemark("ingest", "run", "nobody")).toMatchObject({ code: 2 });
});

test("[I4 I50] ingest run names a table of a database as it names a file", async () => {
  const table = `sqlite({ name: "shop", path: "shop.db", tables: [{ table: "orders", key: ["id"], cursor: "n" }] })`;
  const cwd = folderOf({
    "tidemark.config.ts": `
import { clean, sqlite } from ${JSON.stringify(INDEX)};
const source = ${table};
export default { ingest: { main: [{ source, streams: [clean(source.streams[0], { collection: "orders" })] }] } };
`,
  });
  const db = new DatabaseSync(join(cwd, "shop.db"));
  db.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO orders VALUES (1, 1), (2, 2)");
  const ran = async () => JSON.parse((await run(["ingest", "run", "shop.orders", "--json"], { cwd })).stdout);
  expect(await ran()).toMatchObject({ status: "done", added: 2 });
  db.exec("UPDATE orders SET n = 3 WHERE id = 1");
  db.close();
  expect(await ran()).toMatchObject({ status: "done", kind: "incremental", changed: 1 });
});

test("[I4] serve picks up what is scheduled, and quarantine can be read beside it", async () => {
  const cwd = folderOf({
    "people.csv": "id,name\n1,Ada\n2,\n",
    "tidemark.config.ts": configured('required("name")', ', every: "1h"'),
  });
  const { url } = await serve(cwd);
  while (!(await run(["pull", url, "--json"])).stdout.includes("Ada"));
  const list = await run(["quarantine", "list", "--json"], { cwd });
  expect(JSON.parse(list.stdout)).toMatchObject({ stream: "crm.people", code: "required", position: "people.csv:3" });
  const locked = await run(["ingest", "run"], { cwd });
  expect(locked).toMatchObject({ code: 1, stdout: "" });
  expect(locked.stderr).toContain("--server http://");
});

test("[I60 X4 D1 D2] beside a running server the commands ask it: run, status, fix, verify, duplicates", async () => {
  const cwd = folderOf({
    "people.csv": "id,name\n1,Ada\n2,\n",
    "tidemark.config.ts": configured('required("name")'),
  });
  const { url } = await serve(cwd);
  const tidemark = (...args: string[]) => run([...args, "--server", url], { cwd });
  const first = await tidemark("ingest", "run", "--json");
  expect(JSON.parse(first.stdout)).toMatchObject({ stream: "crm.people", status: "done", added: 1, rejected: 1 });
  expect((await tidemark("ingest", "status")).stdout).toMatch(/crm\.people +people +done .* when asked +1 /);
  const verified = await tidemark("ingest", "verify");
  expect(verified).toMatchObject({ code: 1, stderr: "" });
  expect(verified.stdout).toMatch(/crm\.people: 2 read, 1 the same, .* 1 in quarantine\n/);
  expect(verified.stdout).toMatch(/quarantine +2 +people\.csv:3 +item 1: required: name is missing/);
  const fixed = await tidemark("quarantine", "fix", "crm.people", "1", "--set", '{"name":"Bob"}');
  expect(fixed).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse((await tidemark("ingest", "verify", "--json")).stdout)).toMatchObject({ same: 2, differences: [] });
  expect(await tidemark("duplicates", "list", "people")).toMatchObject({ code: 1, stdout: "" });
  expect(await tidemark("ingest", "run", "--data", "data")).toMatchObject({ code: 2, stdout: "" });
});
