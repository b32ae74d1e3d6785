// Two servers on one database: what one does to users is in force on the other.
import { describe, expect, it } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/index.ts";
import { schemaUrl } from "../support/postgres.ts";
import { insert } from "../support/server.ts";
import { Admin, EVERYTHING, founded, loggedIn, login, open, refresh, statusOf } from "./support.ts";

async function two() {
  const url = await schemaUrl();
  const first = await founded({ store: await openPostgresStore({ url }) });
  await first.admin.role("worker", EVERYTHING);
  await first.admin.add("bob", "worker");
  await first.server.write("c0", insert("a", { box: 1 }), {}, { token: first.ann.accessToken });
  const second = await open({ store: await openPostgresStore({ url }) });
  return { first, second };
}

describe("two servers on one database", () => {
  it("[U3 U8] a login at one is one at the other, at once; a refresh at the other as well", async () => {
    const { first, second } = await two();
    await using _first = first.server;
    await using _second = second.server;
    const { accessToken, refreshToken } = await loggedIn(first.server, "bob");
    expect(await statusOf(second.server, accessToken)).toBe(200);
    expect((await refresh(second.server, refreshToken)).status).toBe(200);
    expect((await refresh(first.server, refreshToken)).status).toBe(401);
    expect((await login(second.server, "bob", "wrong password")).status).toBe(401);
    expect(await second.users.setupCode()).toBeNull();
  });

  it("[U4] a deactivation at one closes the sockets at the other", async () => {
    const { first, second } = await two();
    await using _first = first.server;
    await using _second = second.server;
    const { accessToken } = await loggedIn(second.server, "bob");
    const live = await second.server.connect({ token: accessToken });
    await live.subscribe({ scope: "*" });
    await first.admin.update("users", { id: "bob", active: false });
    expect((await live.closed).code).toBe(1008);
    expect(await statusOf(second.server, accessToken)).toBe(401);
  });

  it("[U5] of two administrators who deactivate each other at one moment one stays", async () => {
    const { first, second } = await two();
    await using _first = first.server;
    await using _second = second.server;
    await first.admin.insert("bindings", { id: "b", role: "administrator", user: "bob" });
    const bob = await loggedIn(second.server, "bob");
    const other = new Admin(second.server, () => bob.accessToken);
    const off = (id: string) => ({ op: "update", collection: "users", record: { id, active: false } }) as const;
    const both = await Promise.allSettled([first.admin.outcome(off("bob")), other.outcome(off(first.ann.user.id))]);
    const applied = both.filter((each) => each.status === "fulfilled" && each.value.status === "applied");
    expect(applied.length).toBe(1);
  });
});
