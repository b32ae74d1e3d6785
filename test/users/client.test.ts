import { createClient } from "tidemark/client";
import { createLogin, type Keep } from "tidemark/client/login";
import { memoryStore } from "tidemark/client/memory";
import { describe, expect, it, vi } from "vitest";
import type { Clock } from "../../src/util/clock.ts";
import { insert, update } from "../support/server.ts";
import { EVERYTHING, founded, loggedIn, PASSWORD } from "./support.ts";

async function house() {
  const all = await founded();
  await all.admin.role("worker", EVERYTHING);
  await all.admin.add("bob", "worker");
  await all.server.write("c0", insert("a", { box: 1 }), {}, { token: all.ann.accessToken });
  return all;
}

function keeping(): Keep & { token: string | null } {
  return {
    token: null,
    get() {
      return this.token;
    },
    set(token) {
      this.token = token;
    },
  };
}

describe("a client that logs in", () => {
  it("[U3 U13] follows, writes, and goes on with renewed tokens", async () => {
    const { server, ann } = await house();
    await using _ = server;
    let ahead = 0;
    const clock: Clock = { now: () => Date.now() + ahead, sleep: () => new Promise(() => undefined) };
    const fetched = vi.fn(fetch);
    const login = createLogin({ url: server.url, clock, fetch: fetched });
    expect(await login.login("bob", PASSWORD)).toEqual({ id: "bob", userName: "bob" });
    const client = createClient({ url: server.url, space: "acme", store: memoryStore(), auth: login.auth });
    await client.subscribe({ scope: "*" }).ready;
    expect(await client.get("items", "a")).toMatchObject({ box: 1 });
    // Beyond the life of the first access token, as the device sees it.
    ahead = 595_000;
    await server.write("c0", update("a", { box: 2 }), {}, { token: ann.accessToken });
    await client.mutate((tx) => tx.update("items", "a", { note: "mine" })).settled;
    expect(await client.get("items", "a")).toMatchObject({ box: 2, note: "mine" });
    expect(fetched.mock.calls.map(([url]) => String(url).split("/").at(-1))).toEqual(["login", "refresh"]);
    await client.close();
    await login.logout();
    await expect(login.auth()).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("[U13] asks for one token, however many wait for it, and tells a login that ended", async () => {
    const { server, admin } = await house();
    await using _ = server;
    const keep = keeping();
    const fetched = vi.fn(fetch);
    keep.token = (await loggedIn(server, "bob")).refreshToken;
    const login = createLogin({ url: server.url, keep, fetch: fetched });
    const tokens = await Promise.all([login.auth(), login.auth(), login.auth()]);
    expect([new Set(tokens).size, fetched.mock.calls.length]).toEqual([1, 1]);
    await admin.update("users", { id: "bob", active: false });
    const again = createLogin({ url: server.url, keep });
    await expect(again.auth()).rejects.toMatchObject({ code: "unauthenticated" });
    expect(keep.token).toBeNull();
  });

  it("[U13] a server that is away ends no login", async () => {
    const { server } = await house();
    const keep = keeping();
    keep.token = (await loggedIn(server, "bob")).refreshToken;
    const login = createLogin({ url: "http://127.0.0.1:9", keep });
    await expect(login.auth()).rejects.toMatchObject({ failure: "offline" });
    expect(keep.token).not.toBeNull();
    await server[Symbol.asyncDispose]();
  });

  it("[U4 U13] a client whose user is deactivated keeps what it has, and goes on after a new login", async () => {
    const { server, admin } = await house();
    await using _ = server;
    const login = createLogin({ url: server.url });
    await login.login("bob", PASSWORD);
    const client = createClient({ url: server.url, space: "acme", store: memoryStore(), auth: login.auth });
    await client.subscribe({ scope: "*" }).ready;
    await admin.update("users", { id: "bob", active: false });
    const written = client.mutate((tx) => tx.update("items", "a", { note: "while out" }));
    await written.local;
    await expect(client.sync()).rejects.toMatchObject({ code: "unauthenticated" });
    expect(client.status.state).toBe("unauthorised");
    expect(await client.get("items", "a")).toMatchObject({ box: 1, note: "while out" });
    await admin.update("users", { id: "bob", active: true });
    await login.login("bob", PASSWORD);
    await client.sync();
    expect((await written.settled).status).toBe("applied");
    await client.close();
  });
});
