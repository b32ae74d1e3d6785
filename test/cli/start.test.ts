// `npm start`: the board and the cities in one process.
import { join } from "node:path";
import { expect, test } from "vitest";
import { folderOf } from "../support/folder.ts";
import { root, start } from "./program.ts";

test("[D14] npm start serves the board beside the cities, says where both are, and ends both on SIGTERM", async () => {
  const cwd = folderOf();
  const data = ["--data", join(cwd, "cities"), "--board-data", join(cwd, "board")];
  const examples = start(["--port", "0", "--board-port", "0", ...data], { program: join(root, "examples/start.ts") });
  const board = String((await examples.says(/^the board is at (http:\S+)\n/))[1]);
  expect(await (await fetch(board)).text()).toContain("<title>Tidemark tasks</title>");
  const cities = String((await examples.says(/^listening on (http:\S+)\n/m))[1]);
  const heads = await Promise.all([
    fetch(`${board}/v1/spaces/tasks?scope=project/website`, { headers: { authorization: "Bearer guest" } }),
    fetch(`${cities}/v1/spaces/cities`),
  ]);
  expect(await heads[0].json()).toMatchObject({ scopes: { "project/website": { count: 21 } } });
  expect(await heads[1].json()).toMatchObject({ revision: 172 });
  const { code, stdout } = await examples.stop();
  expect([code, stdout]).toEqual([0, `the board is at ${board}\nlistening on ${cities}\n`]);
  for (const url of [board, cities]) await expect(fetch(url)).rejects.toThrow("fetch failed");
}, 300_000);

test("[D14] a start that was killed goes on filling the board where it was, once", async () => {
  const cwd = folderOf();
  const program = join(root, "examples/tasks/start.ts");
  const args = ["--port", "0", "--data", join(cwd, "board")];
  const records = async () => {
    const running = start(args, { program });
    const url = String((await running.says(/^the board is at (http:\S+)\n/))[1]);
    const head = await fetch(`${url}/v1/spaces/tasks`, { headers: { authorization: "Bearer ann" } });
    await running.stop("SIGKILL");
    return ((await head.json()) as { revision: number }).revision;
  };
  expect(await records()).toBe(await records());
}, 60_000);

test("[A7] the board answers no page of another site, and nobody who is not of the team", async () => {
  const running = start(["--port", "0", "--data", join(folderOf(), "board")], {
    program: join(root, "examples/tasks/start.ts"),
  });
  const url = String((await running.says(/^the board is at (http:\S+)\n/))[1]);
  const asked = async (headers: { [name: string]: string }) =>
    (await fetch(`${url}/v1/spaces/tasks`, { headers })).status;
  expect(await asked({ authorization: "Bearer ann" })).toBe(200);
  expect(await asked({ authorization: "Bearer nobody" })).toBe(401);
  expect(await asked({})).toBe(401);
  expect(await asked({ authorization: "Bearer ann", origin: "https://elsewhere.example" })).toBe(401);
}, 60_000);
