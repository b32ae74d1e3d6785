import { join } from "node:path";
import { expect, test } from "vitest";
import { run, serve, start } from "../cli/program.ts";
import { folderOf } from "../support/folder.ts";
import { PASSWORD } from "./support.ts";

const input = `${PASSWORD}\n`;
const config = (text: string) => ({
  "tidemark.config.ts": `import { defineConfig } from "tidemark/server";\nexport default defineConfig(${text});\n`,
});

/** A folder whose server has accounts, with `ann` as its administrator and her token. */
async function house(files: Record<string, string> = config("{ users: true }")) {
  const folder = folderOf(files);
  const server = await serve(folder, ["--port", "0"]);
  const code = /--code (\S+)/.exec(await stderrOf(server))?.[1] as string;
  const setup = await run(["users", "setup", server.url, "ann", "--code", code], { input });
  expect([setup.code, setup.stdout]).toEqual([0, "ann is the administrator\n"]);
  const users = async (args: string[], text = input) => {
    const token = (await run(["users", "login", server.url, "ann"], { input })).stdout.trim();
    const [action = "", ...rest] = args;
    return run(["users", action, server.url, ...rest], { input: text, env: { TIDEMARK_TOKEN: token } });
  };
  return { folder, server, users };
}

async function stderrOf(server: Awaited<ReturnType<typeof serve>>): Promise<string> {
  while (!/--code \S+\n/.test(server.stderr))
    await new Promise((resolve) => server.child.stderr?.once("data", resolve));
  return server.stderr;
}

test("[U11 D5] serve prints the code beside its log, and a user comes in by the command line", async () => {
  const { server, users } = await house();
  expect(server.stdout).toBe(`listening on ${server.url}\n`);
  expect((await run(["head", server.url])).stderr).toMatch(/unauthenticated/);
  expect((await users(["add", "bob", "--email", "bob@example.org"])).stdout).toBe("bob is added\n");
  expect((await users(["add", "BOB"])).stderr).toMatch(/There is a user "BOB" already/);
  const list = (await users(["list"])).stdout;
  expect(list).toMatch(
    /^NAME +STATE +ROLES +MANAGED BY +ID\nann +active +administrator +- +\S+\nbob +active +- +- +\S+\n$/,
  );
  const json = (await users(["list", "--json"])).stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(json[1]).toMatchObject({ userName: "bob", active: true, roles: [], emails: [{ value: "bob@example.org" }] });
  const login = () => run(["users", "login", server.url, "bob"], { input });
  expect((await login()).code).toBe(0);
  expect((await users(["deactivate", "bob"])).stdout).toMatch(/^bob is deactivated/);
  expect((await login()).stderr).toMatch(/unauthenticated/);
  expect((await users(["reactivate", "bob"])).stdout).toMatch(/^bob is active again/);
  expect((await login()).code).toBe(0);
  expect((await users(["deactivate", "ann"])).stderr).toMatch(/the last administrator stays/);
  expect((await users(["passwd", "bob"], "short\n")).stderr).toMatch(/at least 8 characters/);
  expect((await users(["passwd", "bob"], "one of her own\n")).code).toBe(0);
  expect((await login()).code).toBe(1);
});

test("[U7 D4] --users or the configuration closes a server, which may then listen anywhere", async () => {
  const plain = await serve(folderOf(), ["--port", "0", "--users", "--host", "0.0.0.0"]);
  const { port } = new URL(plain.url);
  expect((await fetch(`http://127.0.0.1:${port}/v1/spaces/main`)).status).toBe(401);
  const wrong = await run(["serve", "--users", "--port", "0"], { cwd: folderOf(config("{ auth: { open: true } }")) });
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/exclude each other/)]);
  const both = await run(["serve"], { cwd: folderOf(config("{ users: true, auth: { open: true } }")) });
  expect([both.code, both.stderr]).toEqual([2, expect.stringMatching(/auth\.open: expected no `open` beside `users`/)]);
});

test("[U7] whoever has the folder in hand makes administrators without a code", async () => {
  const folder = folderOf();
  const data = join(folder, "data");
  const added = await run(["users", "add", data, "ann", "--admin"], { input });
  expect([added.stdout, added.stderr]).toEqual(["ann is added\n", ""]);
  const server = await serve(folder, ["--port", "0", "--users"]);
  expect((await run(["users", "login", server.url, "ann"], { input })).code).toBe(0);
  expect(server.stderr).not.toMatch(/--code/);
  await server.stop();
  expect((await run(["users", "list", data])).stdout).toMatch(/ann +active +administrator/);
  expect((await run(["audit", data, "--space", "system"])).code).toBe(0);
});

test("[U12] import takes a file of users whole, or tells the lines that will not do and writes nothing", async () => {
  const phc = "$argon2id$v=19$m=4096,t=1,p=1$c29tZSBzYWx0IGhlcmU$JZS1KG+gCrUUCMNOjz2zVCvKAGBGgiuyz1oCCGXKbWs";
  const head = "userName,displayName,email,active,roles,passwordHash\n";
  const { folder, users } = await house({
    ...config("{ users: true }"),
    "good.csv": `${head}bob,"Bob, the builder",bob@example.org,true,administrator,${`"${phc}"`}\nzoë,Zoë,,no,,\n`,
    "again.csv": "userName,displayName\nBob,Robert\nzoë,Zoë\n",
    "bad.csv": `${head}carl,,,perhaps,,\ndora,,,,painter,\nCARL,,,,,\n" x",,,,,\nemil,,,,,$2b$12$abc\nfine,,,,,\nfew,,\n`,
    "odd.csv": "userName,shoeSize\nx,46\n",
  });
  const file = (name: string) => join(folder, name);
  const bad = await users(["import", file("bad.csv")]);
  expect([bad.code, bad.stdout]).toEqual([1, "5 rows will not do: nothing was written\n"]);
  for (const line of [/bad\.csv:2: active is/, /:3: roles: there is no role painter/, /:4: userName is that of line 2/])
    expect(bad.stderr).toMatch(line);
  expect(bad.stderr).toMatch(/:6: passwordHash: bcrypt is not supported/);
  expect(bad.stderr).toMatch(/:8: the header has 6 columns/);
  expect((await users(["list"])).stdout.split("\n").length).toBe(3);
  expect((await users(["import", file("odd.csv")])).stderr).toMatch(/has a column "shoeSize"/);
  expect((await users(["import", file("good.csv")])).stdout).toBe("2 added, 0 changed, 0 unchanged\n");
  expect((await users(["import", file("good.csv")])).stdout).toBe("0 added, 0 changed, 2 unchanged\n");
  expect((await users(["import", file("again.csv")])).stdout).toBe("0 added, 1 changed, 1 unchanged\n");
  expect((await users(["list"])).stdout).toMatch(/Bob +active +administrator[\s\S]*zoë +deactivated/);
});

test("[U9 W8] a passwd that is killed leaves the old password or the new one, and never none", async () => {
  const folder = folderOf();
  const data = join(folder, "data");
  await run(["users", "add", data, "ann", "--admin"], { input });
  const passwords = [PASSWORD, "the new password"];
  const set = start(["users", "passwd", data, "ann"], { input: `${passwords[1]}\n` });
  const began = Date.now();
  expect((await set.ended).code).toBe(0);
  const took = Date.now() - began;
  for (let i = 0; i < 6; i++) {
    const killed = start(["users", "passwd", data, "ann"], { input: `${passwords[i % 2]}\n` });
    await new Promise((resolve) => setTimeout(resolve, took * (0.5 + i / 10)));
    await killed.stop("SIGKILL");
  }
  const server = await serve(folder, ["--port", "0", "--users"]);
  const logins = await Promise.all(
    passwords.map((password) => run(["users", "login", server.url, "ann"], { input: `${password}\n` })),
  );
  expect(logins.map(({ code }) => code).sort()).toEqual([0, 1]);
});

test("[D1] what an action does not take is refused", async () => {
  expect((await run(["users", "list", "x", "y"])).stderr).toMatch(/one argument too many/);
  expect((await run(["users", "add", "http://127.0.0.1:1"])).stderr).toMatch(/takes WHERE and NAME/);
  expect((await run(["users", "remove", "x", "y"])).stderr).toMatch(/There is no action "remove"/);
});
