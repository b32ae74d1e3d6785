import { expect, test } from "vitest";
import { folderOf } from "../support/folder.ts";
import { run, serve } from "./program.ts";

test("[S8 S2 D1 D2] link tells state and cause, what was lost, and applies it again", async () => {
  const above = await serve(folderOf());
  const up = { url: above.url, direction: "both" };
  const cwd = folderOf({ "tidemark.config.ts": `export default ${JSON.stringify({ links: { main: { up } } })};` });
  const below = await serve(cwd);
  const link = (what: string, ...rest: string[]) => run(["link", what, below.url, ...rest]);
  const edit = (url: string, value: string) => run(["edit", url, "things", "a", `color=${value}`]);
  await edit(above.url, "red");
  await settled(async () => JSON.parse((await run(["head", below.url, "--json"])).stdout).revision > 0);
  const history = (await run(["history", below.url, "things", "a"])).stdout;
  expect(history).toMatch(/REVISION +TIME +WHO +CHANGE +FIRST WRITTEN BY/);
  expect(history).toMatch(/color: .* → red.* anyone · \S+, revision 1 of main@\S+/);
  expect((await run(["audit", below.url])).code).toBe(0);
  expect((await link("pause", "up")).stdout).toBe("up is to pause.\n");
  await settled(async () => (await link("list")).stdout.includes("paused"));
  await edit(below.url, "green");
  await edit(above.url, "blue");
  await link("resume", "up");
  await settled(async () => (await link("list")).stdout.includes("1 lost"));
  const shown = await link("show", "up");
  expect(shown.stdout).toMatch(/^up: running since/);
  expect(shown.stdout).toMatch(/paused/);
  expect(shown.stdout).toContain("upstream says who wrote what\n");
  expect(shown.stdout).toMatch(/1 {2}\S+ {2}things\/a {2}\{"color":"green"\} {2}anyone · \S+ {2}newer/);
  expect(await link("verify", "up")).toMatchObject({ code: 0, stdout: "up holds what upstream holds.\n" });
  expect(await link("apply", "up", "1")).toMatchObject({ code: 0, stdout: "things/a: applied\n" });
  await settled(async () => (await run(["history", above.url, "things", "a"])).stdout.includes("color: blue → green"));
  const list = await run(["link", "list", below.url, "--json"]);
  expect(JSON.parse(list.stdout)).toMatchObject({ name: "up", state: "running", direction: "both", conflicts: 1 });
  expect(await link("show", "nobody")).toMatchObject({ code: 1, stdout: "" });
  expect(await link("turn", "up")).toMatchObject({ code: 2 });
});

test("[S13] link add follows without a restart, and link remove ends it and says what becomes of the records", async () => {
  const above = await serve(folderOf());
  const below = await serve(folderOf());
  const edit = (url: string, value: string) => run(["edit", url, "things", "a", `color=${value}`]);
  await edit(above.url, "red");
  const added = await run(["link", "add", below.url, "up", above.url, "--direction", "both", "--every", "live"]);
  expect(added).toMatchObject({ code: 0, stdout: `up follows ${above.url} main *, both.\n` });
  await settled(async () => (await run(["head", below.url, "--json"])).stdout.includes('"revision":1'));
  expect((await run(["link", "add", below.url, "other", "nowhere"])).code).toBe(1);
  const removed = await run(["link", "remove", below.url, "up", "--data", "delete"]);
  expect(removed).toMatchObject({ code: 0, stdout: expect.stringContaining("up is removed. Its records are deleted") });
  expect((await run(["link", "list", below.url])).stdout).toBe("This space follows no other.\n");
  expect((await run(["link", "remove", below.url, "up"])).code).toBe(1);
});

test("[S20 S13] link add --code registers and follows in one command, and a code is good once", async () => {
  const env = { TIDEMARK_SECRET_KEY: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" };
  const above = await serve(folderOf(), ["--port", "0"], env);
  const below = await serve(folderOf(), ["--port", "0"], env);
  await run(["edit", above.url, "things", "a", "color=red"]);
  const { stdout } = await run(["link", "invite", above.url, "--json"]);
  const { code } = JSON.parse(stdout) as { code: string };
  const add = (name: string) => run(["link", "add", below.url, name, above.url, "--code", code]);
  expect(await add("up")).toMatchObject({ code: 0, stdout: `up follows ${above.url} main *, pull.\n` });
  await settled(async () => (await run(["head", below.url, "--json"])).stdout.includes('"revision":1'));
  expect((await run(["link", "granted", above.url, "--json"])).stdout).toMatch(/"direction":"pull"/);
  expect((await add("second")).stderr).toMatch(/a scope has one upstream/);
  const third = await serve(folderOf(), ["--port", "0"], env);
  const again = await run(["link", "add", third.url, "up", above.url, "--code", code]);
  expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(/code/)]);
  expect((await run(["link", "list", third.url])).stdout).toBe("This space follows no other.\n");
});

async function settled(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()));
}
