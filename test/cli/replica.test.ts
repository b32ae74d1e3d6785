// follow, edit, verify, backup and restore: replicas on the real program.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { folderOf } from "../support/folder.ts";
import { CONFIG, freePort, run, serve, start } from "./program.ts";

const THINGS = '{"id":"a","color":"red","team":"x"}\n{"id":"b","color":"red","team":"y"}\n';

async function served(port?: number) {
  const cwd = folderOf({ "tidemark.config.ts": CONFIG, "things.ndjson": THINGS });
  const args = ["--port", String(port ?? 0)];
  const server = await serve(cwd, args);
  await run(["import", "things.ndjson", server.url, "--into", "things"], { cwd });
  return { cwd, server, url: server.url, again: () => serve(cwd, args) };
}

test("[D8 P2] follow shows a delta of one atom as just that atom", async () => {
  const { cwd, url } = await served();
  const follow = start(["follow", url, "--scope", "team/x", "--store", "x.db"], { cwd });
  await follow.says(/^up to date at revision 1, 1 records\n/m);
  await run(["edit", url, "things", "b", "color=green"]);
  await run(["edit", url, "things", "a", "color=blue"]);
  await follow.says(/^things\/a: color red → blue \(revision 3\)\n/m);
  await run(["edit", url, "things", "a", "team=y"]);
  await follow.says(/^things\/a: gone \(revision 4\)\n/m);
  const { code, stdout } = await follow.stop();
  expect(code).toBe(0);
  expect(stdout).not.toContain("things/b");
});

test("[D8 D2] follow --once brings the replica up to date and ends; --json gives a line a change", async () => {
  const { cwd, url } = await served();
  const once = (...more: string[]) => run(["follow", url, "--store", "all.db", "--once", ...more], { cwd });
  expect((await once()).stdout).toMatch(/up to date at revision 1, 2 records\n$/);
  await run(["edit", url, "things", "a", "color=blue"]);
  const { code, stdout } = await once("--json");
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines[0]).toEqual({
    op: "change",
    revision: 2,
    collection: "things",
    id: "a",
    before: { color: "red" },
    after: { color: "blue" },
  });
  expect(lines.at(-1)).toMatchObject({ op: "status", state: "upToDate", revision: 2, records: 2 });
  expect(code).toBe(0);
});

test("[D8] follow --once fails where it cannot be brought up to date", async () => {
  const { code, stderr } = await run(["follow", "http://127.0.0.1:9", "--once"]);
  expect(stderr).toMatch(/^tidemark: .*cannot be reached.*Is the server running/);
  expect(code).toBe(1);
});

test("[R2] a follower notices that the server was restored from a backup, and shows what became of it", async () => {
  const { cwd, url, server, again } = await served(await freePort());
  const follow = start(["follow", url, "--store", "x.db"], { cwd });
  await follow.says(/up to date/);
  expect((await run(["backup", "data", "1.db"], { cwd })).code).toBe(0);
  await run(["edit", url, "things", "a", "color=blue"]);
  await follow.says(/red → blue/);
  await server.stop();
  const refused = await run(["restore", "1.db", "data"], { cwd });
  expect(refused.stderr).toMatch(/holds a database already: --overwrite/);
  expect(refused.code).toBe(1);
  const restored = await run(["restore", "1.db", "data", "--overwrite", "--policy", "discard"], { cwd });
  expect(restored.stdout).toMatch(/clients will drop/);
  await again();
  await follow.says(/recovered: the server was restored from a backup/);
  await follow.says(/^things\/a: color blue → red \(revision 1\)\n/m);
}, 120_000);

describe("[D8] edit", () => {
  test("says what became of it, and exits 1 where it was not applied as it was meant", async () => {
    const { url } = await served();
    const edit = (...more: string[]) => run(["edit", url, ...more]);
    expect(await edit("things", "a", "color=blue", "size=3")).toMatchObject({
      code: 0,
      stdout: "applied: things/a: color red → blue, size null → 3 (revision 2)\n",
    });
    expect((await edit("things", "a", "size=")).stdout).toBe("applied: things/a: size 3 → null (revision 3)\n");
    expect((await edit("things", "a", "color=blue")).stdout).toBe("applied: things/a: nothing changed (revision 3)\n");
    expect((await edit("things", "new", "list=[1,2]")).stdout).toMatch(/^applied: things\/new: list null → \[1,2\]/);
    expect((await edit("things", "new", "--delete")).stdout).toMatch(/^applied: things\/new: deleted/);
    expect(await edit("things", "new", "--delete")).toMatchObject({
      code: 1,
      stderr: "tidemark: There is no things/new.\n",
    });
    expect(await edit("others", "x", "a=1")).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^rejected: others\/x: /),
    });
    const json = await edit("things", "a", "size=1", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ outcome: { status: "applied" }, record: { id: "a", size: 1 } });
  });

  test("[H9] writes the first record of a space that is not there yet; where none may be made it says so", async () => {
    const { url } = await served();
    const { code, stdout } = await run(["edit", url, "things", "a", "n=1", "--space", "fresh"]);
    expect([code, stdout]).toEqual([0, "applied: things/a: n null → 1 (revision 1)\n"]);
    const listed = CONFIG.replace("collections:", 'spaces: ["main"], collections:');
    const closed = await serve(folderOf({ "tidemark.config.ts": listed }));
    const refused = await run(["edit", closed.url, "things", "a", "n=1", "--space", "fresh"]);
    expect(refused.stderr).toMatch(/^tidemark: there is no such space/);
    expect(refused.code).toBe(1);
  });

  test("[W10] without a server, an edit of a kept replica waits in its queue until the server is there", async () => {
    const { cwd, url, server, again } = await served(await freePort());
    await run(["follow", url, "--store", "x.db", "--once"], { cwd });
    await server.stop();
    const offline = await run(["edit", url, "things", "a", "color=blue", "--store", "x.db"], { cwd });
    expect(offline.stderr).toMatch(/^tidemark: Not sent yet, and kept in x\.db: /);
    expect(offline.code).toBe(1);
    await again();
    await run(["follow", url, "--store", "x.db", "--once"], { cwd });
    expect((await run(["history", url, "things", "a"])).stdout).toContain("color: red → blue");
  });
});

describe("[V3] verify", () => {
  test("finds a replica equal, and exits 0", async () => {
    const { cwd, url } = await served();
    await run(["follow", url, "--store", "x.db", "--once"], { cwd });
    const { code, stdout } = await run(["verify", url, "--store", "x.db"], { cwd });
    expect(stdout).toBe("* is equal to the server's at revision 1: 2 records\n");
    expect(code).toBe(0);
  });

  test("names what somebody changed in it, repairs it, and exits 1", async () => {
    const { cwd, url } = await served();
    await run(["follow", url, "--store", "x.db", "--once"], { cwd });
    damage(join(cwd, "x.db"));
    const { code, stdout } = await run(["verify", url, "--store", "x.db"], { cwd });
    expect(stdout).toMatch(/^things\/a had other content here: repaired\n/);
    expect(code).toBe(1);
    expect((await run(["verify", url, "--store", "x.db"], { cwd })).code).toBe(0);
  });
});

function damage(file: string): void {
  const db = new DatabaseSync(file);
  db.exec(`UPDATE records SET data = replace(data, '"red"', '"pink"') WHERE key = 'things/a'`);
  db.close();
}

describe("[D9] backup and restore", () => {
  test("a backup of a running server is whole, and replaces no file", async () => {
    const { cwd } = await served();
    expect((await run(["backup", "data", "b.db"], { cwd })).stdout).toMatch(
      /^b\.db holds all of data \(\d+ bytes\)\.\n$/,
    );
    expect((await run(["restore", "b.db", "copy"], { cwd })).code).toBe(0);
    const head = await run(["head", "copy", "--scope", "*", "--json"], { cwd });
    expect(JSON.parse(head.stdout)).toMatchObject({ revision: 1, scopes: { "*": { count: 2 } } });
    const second = await run(["backup", "data", "b.db"], { cwd });
    expect(second.stderr).toMatch(/exists already, and is left as it is/);
    expect(second.code).toBe(1);
  });

  test("no restore into a folder that a server has open, nor of a file that is no backup", async () => {
    const { cwd } = await served();
    await run(["backup", "data", "b.db"], { cwd });
    const busy = await run(["restore", "b.db", "data", "--overwrite"], { cwd });
    expect(busy.stderr).toMatch(/data is in use/);
    const wrong = await run(["restore", "things.ndjson", "other"], { cwd });
    expect(wrong.stderr).toMatch(/things\.ndjson is /);
    expect([busy.code, wrong.code]).toEqual([1, 1]);
  });
});

test("[D11] doctor looks at everything, and says the cure", async () => {
  const { cwd, server } = await served();
  const healthy = await run(["doctor", "--json"], { cwd });
  const findings = JSON.parse(healthy.stdout) as { what: string; state: string; text: string }[];
  expect(findings.map(({ what }) => what)).toEqual(["versions", "configuration", "data folder", "store", "disk"]);
  expect(findings.find(({ what }) => what === "store")?.text).toContain("main at revision 1");
  expect(healthy.code).toBe(0);
  await server.stop();
  const db = new DatabaseSync(join(cwd, "data/tidemark.db"));
  db.exec("PRAGMA user_version = 99");
  db.close();
  const sick = await run(["doctor"], { cwd });
  expect(sick.stdout).toMatch(/^wrong +store: .*newer/m);
  expect(sick.code).toBe(1);
  const serving = await run(["serve", "--port", "0"], { cwd });
  expect(serving.stderr).toMatch(/^tidemark: .*newer.*\n$/m);
  expect(serving.code).toBe(1);
});
