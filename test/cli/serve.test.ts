import { existsSync } from "node:fs";
import { join } from "node:path";
import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { folderOf } from "../support/folder.ts";
import { CONFIG, freePort, reached, run, serve, start } from "./program.ts";

const rows = (count: number) => Array.from({ length: count }, (_, i) => `{"id":"r${i}","n":${i}}`).join("\n");

test("[D5] serve prints one line, logs on standard error, and ends with 0 on SIGTERM", async () => {
  const server = await serve(folderOf({ "tidemark.config.ts": CONFIG }));
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  const { code, stdout, stderr } = await server.stop();
  expect(code).toBe(0);
  expect(stdout).toBe(`listening on ${server.url}\n`);
  const logs = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { msg: string });
  expect(logs.map(({ msg }) => msg)).toContain("request");
});

test("[D5] Ctrl-C ends it alike", async () => {
  const server = await serve(folderOf({ "tidemark.config.ts": CONFIG }));
  expect((await server.stop("SIGINT")).code).toBe(0);
});

test("[W8 R4] what was acknowledged is there after kill -9, and the server goes on with it", async () => {
  const folder = folderOf({ "tidemark.config.ts": CONFIG, "rows.ndjson": rows(2000) });
  const port = String(await freePort());
  const first = await serve(folder, ["--port", port]);
  const file = join(folder, "rows.ndjson");
  const done = await run(["import", file, first.url, "--into", "things", "--json"]);
  expect(JSON.parse(done.stdout)).toMatchObject({ inserted: 2000, refused: 0 });
  await first.stop("SIGKILL");
  const second = await serve(folder, ["--port", port]);
  const again = await run(["import", file, second.url, "--into", "things", "--json"]);
  expect(JSON.parse(again.stdout)).toMatchObject({ inserted: 0, changed: 0, unchanged: 2000 });
  expect((await run(["audit", second.url])).code).toBe(0);
});

test("[W6 R4] an import whose server is killed and started again goes on, and nothing happens twice", async () => {
  const folder = folderOf({ "tidemark.config.ts": CONFIG, "rows.ndjson": rows(20_000) });
  const port = String(await freePort());
  const first = await serve(folder, ["--port", port]);
  const importing = start(["import", join(folder, "rows.ndjson"), first.url, "--into", "things", "--json"]);
  await reached(first.url, 2);
  await first.stop("SIGKILL");
  const second = await serve(folder, ["--port", port]);
  const { stdout } = await importing.ended;
  expect(JSON.parse(stdout)).toMatchObject({ inserted: 20_000, refused: 0, complete: true });
  const head = JSON.parse((await run(["head", second.url, "--scope", "*", "--json"])).stdout);
  expect(head.scopes["*"].count).toBe(20_000);
});

describe("[D3] what keeps it from starting is said in a sentence", () => {
  test("a port in use", async () => {
    const server = await serve(folderOf({ "tidemark.config.ts": CONFIG }));
    const port = new URL(server.url).port;
    const { code, stdout, stderr } = await run(["serve", "--port", port], { cwd: folderOf() });
    expect(stderr).toMatch(new RegExp(`^tidemark: Port ${port} of 127.0.0.1 is in use: `, "m"));
    expect([code, stdout]).toEqual([1, ""]);
  });

  test("a data folder in use", async () => {
    const folder = folderOf({ "tidemark.config.ts": CONFIG });
    await serve(folder);
    const { code, stderr } = await run(["serve", "--port", "0"], { cwd: folder });
    expect(stderr).toMatch(/^tidemark: data is in use by another server: /m);
    expect(code).toBe(1);
  });

  test("a data folder that is a file", async () => {
    const { code, stderr } = await run(["serve", "--data", "file"], { cwd: folderOf({ file: "" }) });
    expect(stderr).toMatch(/file is a file, and a data folder was expected/);
    expect(code).toBe(2);
  });

  test("a data folder that cannot be made", async () => {
    const { code, stderr } = await run(["serve", "--data", "file/data"], { cwd: folderOf({ file: "" }) });
    expect(stderr).toMatch(/^tidemark: .*\n$/m);
    expect(stderr).not.toMatch(/\n +at /);
    expect(code).toBe(1);
  });

  test("a data file that is none of Tidemark's", async () => {
    const folder = folderOf({ "data/tidemark.db": "a letter to my aunt, which is no database at all".repeat(99) });
    const { code, stderr } = await run(["serve"], { cwd: folder });
    expect(stderr).toMatch(/^tidemark: .*tidemark\.db is .*\n$/m);
    expect(code).toBe(1);
  });
});

test("[A1 D4] on an address beyond loopback it does not start without authentication, and says the cure", async () => {
  const cwd = folderOf({ "tidemark.config.ts": CONFIG });
  const { code, stderr } = await run(["serve", "--host", "0.0.0.0"], { cwd });
  expect(stderr).toMatch(/^tidemark: No authentication is configured.*TIDEMARK_JWT_SECRET.*127\.0\.0\.1\.\n$/);
  expect(code).toBe(2);
  expect(existsSync(join(cwd, "data"))).toBe(false);
});

test("[D4] the environment goes before the configuration, and options before the environment", async () => {
  const cwd = folderOf({ "tidemark.config.ts": CONFIG });
  const secret = "a secret of more than thirty-two characters";
  const server = await serve(cwd, ["--port", "0"], { TIDEMARK_DATA: "elsewhere", TIDEMARK_JWT_SECRET: secret });
  expect(existsSync(join(cwd, "elsewhere/tidemark.db"))).toBe(true);
  const refused = await run(["head", server.url]);
  expect(refused.stderr).toMatch(/unauthenticated: .*--token or TIDEMARK_TOKEN/);
  await serve(cwd, ["--port", "0", "--data", "here"], { TIDEMARK_DATA: "elsewhere" });
  expect(existsSync(join(cwd, "here/tidemark.db"))).toBe(true);
});

test("[A2 D4] a token comes from the environment, and --token goes before it", async () => {
  const secret = "a secret of more than thirty-two characters";
  const cwd = folderOf({ "tidemark.config.ts": CONFIG });
  const server = await serve(cwd, ["--port", "0"], { TIDEMARK_JWT_SECRET: secret });
  const claims = { tidemark: { main: { read: ["*"], write: ["*"] } } };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("ann")
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(secret));
  const edit = (color: string, env: NodeJS.ProcessEnv, ...more: string[]) =>
    run(["edit", server.url, "things", "a", `color=${color}`, ...more], { env });
  expect((await edit("red", { TIDEMARK_TOKEN: token })).code).toBe(0);
  expect((await edit("blue", { TIDEMARK_TOKEN: "wrong" }, "--token", token)).code).toBe(0);
  const refused = await edit("green", { TIDEMARK_TOKEN: "wrong" });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^tidemark: .*token/);
});

describe("[D4] a mistake in the configuration is told with its key, before anything starts", () => {
  const config = (text: string) => `import { defineConfig } from "tidemark/server";\nexport default ${text};\n`;

  test.each([
    {
      text: config("defineConfig({ collections: { things: { scopes: 5 } } })"),
      says: /collections\.things\.scopes: expected a function/,
    },
    { text: config("{ colections: {} }"), says: /colections: there is no such key/ },
    { text: config('{ spaces: ["My Space"] }'), says: /spaces\[0\]: expected another name/ },
    { text: config('{ auth: { jwtSecret: "short" } }'), says: /auth\.jwtSecret: expected at least 32 characters/ },
    { text: config("5"), says: /configuration: expected object/ },
    { text: "export const config = {};", says: /no default export/ },
    { text: "export default {", says: /cannot be loaded: / },
    {
      text: 'import "not-installed"; export default {};',
      says: /imports something that is not there: .*not-installed/,
    },
    { text: 'throw new Error("no luck");', says: /cannot be loaded: no luck/ },
  ])("$text", async ({ text, says }) => {
    const cwd = folderOf({ "tidemark.config.ts": text });
    const { code, stdout, stderr } = await run(["serve", "--port", "0"], { cwd });
    expect(stderr).toMatch(says);
    expect(stderr).toContain("tidemark.config.ts");
    expect(stderr).not.toMatch(/\n +at /);
    expect([code, stdout]).toEqual([2, ""]);
    expect(existsSync(join(cwd, "data"))).toBe(false);
  });
});
