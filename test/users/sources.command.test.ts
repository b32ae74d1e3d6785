import { expect, test } from "vitest";
import { run, serve } from "../cli/program.ts";
import { folderOf } from "../support/folder.ts";
import { skipUnless } from "../support/skip.ts";
import { ADMIN, BASE, hasSlapd, SECRET, Slapd } from "./ldap/slapd.ts";
import { PASSWORD } from "./support.ts";

/** A server with an administrator, and what asks it as her. */
async function house(config: string) {
  const files = {
    "tidemark.config.ts": `import { defineConfig } from "tidemark/server";\nexport default defineConfig(${config});\n`,
  };
  const folder = folderOf(files);
  const added = await run(["users", "add", "data", "ann", "--admin"], { input: `${PASSWORD}\n`, cwd: folder });
  expect(added.code).toBe(0);
  const server = await serve(folder, ["--port", "0"]);
  const token = (await run(["users", "login", server.url, "ann"], { input: `${PASSWORD}\n` })).stdout.trim();
  const users = (action: string, ...rest: string[]) =>
    run(["users", action, server.url, ...rest], { env: { TIDEMARK_TOKEN: token } });
  return { server, users };
}

test("[U17] a SCIM token is made, listed without itself, and revoked by the command line", async () => {
  const { server, users } = await house("{ users: true }");
  const made = await users("scim-token", "okta");
  expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^tdms_[\w-]+\n$/)]);
  const ask = () =>
    fetch(`${server.url}/scim/v2/Users`, { headers: { authorization: `Bearer ${made.stdout.trim()}` } });
  expect((await ask()).status).toBe(200);
  const listed = (await users("scim-tokens")).stdout;
  expect(listed).toMatch(/^NAME +MADE +HASH\nokta +\d{4}-\S+Z +[0-9a-f]{12}\n$/);
  expect((await users("scim-token", "a b")).stderr).toMatch(/1 to 64 letters/);
  expect((await users("confirm", "scim:okta")).stderr).toMatch(/nothing of "scim:okta" is held/);
  expect((await users("sync", "office")).stderr).toMatch(/there is no source ldap:office/);
  expect((await users("scim-revoke", "okta")).stdout).toMatch(/^1 token of okta is good for nothing/);
  expect((await ask()).status).toBe(401);
});

skipUnless(hasSlapd, "needs slapd")("[U18] `users sync` reads the directory that the configuration names", async () => {
  await using slapd = await Slapd.start();
  await slapd.add("bob");
  await slapd.add("ann");
  const office = { url: slapd.url, bindDn: ADMIN, bindPassword: SECRET, base: BASE };
  const { server, users } = await house(JSON.stringify({ users: { ldap: { office } } }));
  const first = await users("sync", "office");
  expect(first.stdout).toBe("ldap:office has 2 users: 1 added, 0 changed, 0 deactivated, 0 unchanged\n");
  expect([first.code, first.stderr]).toEqual([1, expect.stringMatching(/uid=ann.*another user of this name/)]);
  const login = await run(["users", "login", server.url, "bob"], { input: "password of bob\n" });
  expect(login.code).toBe(0);
  expect((await users("list")).stdout).toMatch(/bob +active +- +ldap:office/);
});
