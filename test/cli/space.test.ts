// head, pull, history, audit and cut: on a server's address, and on the data folder of a running server.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { folderOf } from "../support/folder.ts";
import { CONFIG, run, serve, start } from "./program.ts";

/** A server whose space has two revisions, both of them of things/a; the second one also has things/b. */
async function served() {
  const cwd = folderOf({
    "tidemark.config.ts": CONFIG,
    "1.json": '[{"id":"a","color":"red","team":"x"}]',
    "2.json": '[{"id":"a","color":"blue"}]',
    "3.json": '[{"id":"b"}]',
  });
  const server = await serve(cwd);
  for (const file of ["1.json", "2.json", "3.json"])
    await run(["import", file, server.url, "--into", "things"], { cwd });
  return { cwd, server, url: server.url };
}

test("[D7 H2] head says the same of an address and of the folder behind it", async () => {
  const { cwd, url } = await served();
  const answers = [];
  for (const where of [url, "data"]) {
    const { code, stdout } = await run(["head", where, "--scope", "team/x,*", "--json"], { cwd });
    expect(code).toBe(0);
    answers.push(JSON.parse(stdout));
  }
  expect(answers[0]).toEqual(answers[1]);
  expect(answers[0]).toMatchObject({
    space: "main",
    revision: 3,
    scopes: { "team/x": { count: 1 }, "*": { count: 2 } },
  });
  const { stdout } = await run(["head", "data", "--at", "2020-01-01"], { cwd });
  expect(stdout).toMatch(/^revision +0$/m);
});

test("[D7] a space that is not there is said to be missing, at both places", async () => {
  const { cwd, url } = await served();
  for (const where of [url, "data"]) {
    const { code, stderr } = await run(["head", where, "--space", "nope"], { cwd });
    expect(stderr).toMatch(/says unknown-space: there is no such space/);
    expect(code).toBe(1);
  }
});

test("[D7] a command that writes is kept out of a folder that a server has open, and is told so", async () => {
  const { cwd } = await served();
  const { code, stderr } = await run(["import", "1.json", "data", "--into", "things"], { cwd });
  expect(stderr).toMatch(/data is in use by another server: .*give its address instead/);
  expect(code).toBe(1);
});

test("[P2] pull prints a copy, and a delta since its cursor", async () => {
  const { url, cwd } = await served();
  const lines = async (...more: string[]) => {
    const { code, stdout } = await run(["pull", url, ...more]);
    expect(code).toBe(0);
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  };
  const copy = await lines("--scope", "team/x");
  expect(copy.map(({ op }) => op)).toEqual(["begin", "subscription", "put", "end"]);
  const { cursor } = copy.at(-1).subscriptions["team/x"];
  await run(["edit", url, "things", "a", "color=green"], { cwd });
  const delta = await lines("--scope", "team/x", "--cursor", cursor);
  expect(delta.find(({ op }) => op === "patch").records).toEqual([{ id: "a", color: "green" }]);
  const filtered = await lines("--collection", "things", "--filter", '{"color":"green"}');
  expect(filtered.flatMap(({ records }) => records ?? []).map(({ id }) => id)).toEqual(["a"]);
});

test("[D2] a pull whose reader has seen enough ends without an error", async () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => `{"id":"r${i}","text":"${"x".repeat(100)}"}`).join("\n");
  const cwd = folderOf({ "tidemark.config.ts": CONFIG, "rows.ndjson": rows });
  await run(["import", "rows.ndjson", "data", "--into", "things"], { cwd });
  const pulling = start(["pull", "data"], { cwd });
  await pulling.says(/begin/);
  pulling.child.stdout?.destroy();
  const { code, stderr } = await pulling.ended;
  expect([code, stderr]).toEqual([0, ""]);
});

test("[K3] history tells who changed which atom when", async () => {
  const { url } = await served();
  const { code, stdout } = await run(["history", url, "things", "a"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^2 +\S+Z +anyone · import\/things #\d+ +color: red → blue$/m);
  expect(stdout).toMatch(/^1 +\S+Z +anyone · import\/things #\d+ +created$/m);
  const json = JSON.parse((await run(["history", url, "things", "a", "--json"])).stdout);
  expect(json.versions[1].record).toEqual({ id: "a", color: "red", team: "x" });
  const none = await run(["history", url, "things", "zzz"]);
  expect(none.stderr).toMatch(/not-found/);
  expect(none.code).toBe(1);
});

describe("[K1] audit", () => {
  test("proves a journal that is whole", async () => {
    const { cwd, url } = await served();
    for (const where of [url, "data"]) {
      const { code, stdout } = await run(["audit", where], { cwd });
      expect(stdout).toBe("The journal of main holds: 3 entries proved, up to 3.\n");
      expect(code).toBe(0);
    }
  });

  test("names the first entry that somebody changed behind Tidemark's back, and exits 1", async () => {
    const { cwd, server } = await served();
    await server.stop();
    const db = new DatabaseSync(join(cwd, "data/tidemark.db"));
    db.exec("UPDATE entry SET time = time + 1 WHERE revision = 2");
    db.close();
    const { code, stdout } = await run(["audit", "data", "--json"], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ holds: false, proved: 1, finding: { revision: 2, what: "changed" } });
    expect(code).toBe(1);
  });
});

test("[G1] cut shortens the journal by hand; audit then proves what is left", async () => {
  const { url } = await served();
  const cut = JSON.parse((await run(["cut", url, "--journal", "0s", "--json"])).stdout);
  expect(cut.horizon).toEqual({ journal: 3, tombstones: 0 });
  const { code, stdout } = await run(["audit", url]);
  expect(stdout).toMatch(/holds: 0 entries proved, up to 3\. Of 3 more, retention has left number, time and hash/);
  expect(code).toBe(0);
});
