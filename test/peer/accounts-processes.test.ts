// Accounts over a link between two programs, of which each is killed with -9 (S7, U2, U4).
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort, run, serve } from "../cli/program.ts";
import { folderOf } from "../support/folder.ts";
import { SECRET_KEY, until } from "./branch.ts";

const PASSWORD = "correct horse battery";
const input = `${PASSWORD}\n`;
const env = { TIDEMARK_SECRET_KEY: SECRET_KEY };

async function status(url: string, path: string, body: object): Promise<number> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) }).catch(
    () => null,
  );
  return response?.status ?? 0;
}

const login = (url: string, userName: string) => status(url, "/v1/auth/login", { userName, password: PASSWORD });

test("[S7 U2 U4] a user of headquarters logs in at the branch while that is dead, and is out once it is back", async () => {
  const port = await freePort();
  const hqFolder = folderOf();
  writeFileSync(join(hqFolder, "tidemark.config.ts"), "export default { users: true };");
  const startHq = () => serve(hqFolder, ["--port", String(port)], env);
  let hq = await startHq();
  // It comes on standard error, behind the address on standard output.
  await until(() => /--code (\S+)\n/.test(hq.stderr));
  const code = /--code (\S+)\n/.exec(hq.stderr)?.[1] ?? "";
  expect((await run(["users", "setup", hq.url, "ann", "--code", code], { input })).code).toBe(0);
  const admin = async () => {
    const token = (await run(["users", "login", hq.url, "ann"], { input })).stdout.trim();
    return { ...env, TIDEMARK_TOKEN: token };
  };
  const invitation = await run(["link", "invite", hq.url, "--space", "system", "--users", "verifier"], {
    env: await admin(),
  });
  const invite = invitation.stdout.trim();
  expect(invite).toMatch(/^[\w-]{22}$/);
  expect((await run(["users", "add", hq.url, "carl"], { env: await admin(), input })).code).toBe(0);

  const folder = folderOf();
  const link = { url: hq.url, code: invite, users: "verifier" };
  const config = { users: true, links: { system: { hq: link } } };
  writeFileSync(join(folder, "tidemark.config.ts"), `export default ${JSON.stringify(config)};`);
  let branch = await serve(folder, ["--port", "0"], env);
  await until(async () => (await login(branch.url, "carl")) === 200);
  await hq.stop("SIGKILL");
  await branch.stop("SIGKILL");
  branch = await serve(folder, ["--port", "0"], env);
  expect(await login(branch.url, "carl")).toBe(200);
  for (const { stdout, stderr } of [hq, branch]) expect(stdout + stderr).not.toContain(invite);

  hq = await startHq();
  expect((await run(["users", "deactivate", hq.url, "carl"], { env: await admin() })).code).toBe(0);
  await until(async () => (await login(branch.url, "carl")) === 401);
  const granted = await run(["link", "granted", hq.url, "--json"], { env: await admin() });
  const { link: id } = JSON.parse(granted.stdout) as { link: string };
  expect((await run(["link", "revoke", hq.url, id], { env: await admin() })).stdout).toMatch(/is revoked/);
  expect((await run(["link", "granted", hq.url], { env: await admin() })).stdout).toMatch(/revoked/);
}, 120_000);
