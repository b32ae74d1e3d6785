import { describe, expect, it } from "vitest";
import { insert, problemIn, SECRET, tokenFor, update } from "../support/server.ts";
import { createClient, memoryStore } from "./client.ts";
import { EVERYTHING, founded, loggedIn, login, PASSWORD, refresh, statusOf } from "./support.ts";

async function house(config = {}) {
  const all = await founded({ config });
  await all.admin.role("worker", EVERYTHING);
  await all.admin.add("bob", "worker");
  await all.server.write("c0", insert("a", { box: 1 }), {}, { token: all.ann.accessToken });
  return all;
}

describe("deactivation", () => {
  it("[U4] ends tokens and sockets at once, before anything else is told on them", async () => {
    const { server, admin } = await house();
    await using _ = server;
    const { accessToken, refreshToken } = await loggedIn(server, "bob");
    const live = await server.connect({ token: accessToken });
    await live.subscribe({ scope: "*" });
    await admin.update("users", { id: "bob", active: false });
    expect(await live.closed).toEqual({ code: 1008, reason: "unauthenticated" });
    expect(live.lines.some(({ op }) => op === "revoked")).toBe(false);
    expect(await statusOf(server, accessToken)).toBe(401);
    expect((await refresh(server, refreshToken)).status).toBe(401);
    expect((await login(server, "bob")).status).toBe(401);
  });

  it("[U4] reactivation restores everything but the logins", async () => {
    const { server, admin } = await house();
    await using _ = server;
    const { accessToken, refreshToken } = await loggedIn(server, "bob");
    await admin.update("users", { id: "bob", active: false });
    await admin.update("users", { id: "bob", active: true });
    expect(await statusOf(server, accessToken)).toBe(401);
    expect((await refresh(server, refreshToken)).status).toBe(401);
    expect(await statusOf(server, (await loggedIn(server, "bob")).accessToken)).toBe(200);
  });

  it("[U4 U14] a session ends in the revision that deactivates, also where it is activated in the next one", async () => {
    const { server, admin } = await house();
    await using _ = server;
    const logins = await Promise.all([loggedIn(server, "bob"), loggedIn(server, "bob")]);
    await admin
      .update("users", { id: "bob", active: false })
      .then(() => admin.update("users", { id: "bob", active: true }));
    for (const { accessToken } of logins) expect(await statusOf(server, accessToken)).toBe(401);
  });

  it("[U4] a change that is none of standing ends nothing", async () => {
    const { server, admin } = await house();
    await using _ = server;
    const { accessToken } = await loggedIn(server, "bob");
    await admin.update("users", { id: "bob", displayName: "Bob", active: true });
    expect(await statusOf(server, accessToken)).toBe(200);
  });

  it("[U4 U14] a waiting pull of a user who is deactivated ends as unauthenticated, so that its replica keeps what it has", async () => {
    const { server, admin } = await house();
    await using _ = server;
    const { accessToken } = await loggedIn(server, "bob");
    const lines = await server.pull([{ scope: "*" }], { token: accessToken });
    const end = lines.at(-1) as { subscriptions: { [key: string]: { cursor: string } } };
    const cursor = end.subscriptions["*"]?.cursor;
    const body = { subscriptions: [{ scope: "*", cursor }], wait: 30 };
    const waiting = server.post("/v1/spaces/acme/pull", body, { token: accessToken });
    await admin.update("users", { id: "bob", active: false });
    expect(await problemIn(waiting)).toMatchObject({ code: "unauthenticated" });
  });

  it("[U4] a deleted user is out; one of the same id is another", async () => {
    const { server, admin } = await house();
    await using _ = server;
    const { accessToken } = await loggedIn(server, "bob");
    await admin.write({ op: "delete", collection: "users", id: "bob" });
    expect(await statusOf(server, accessToken)).toBe(401);
    await admin.insert("users", { id: "bob", userName: "bob", active: true });
    expect(await statusOf(server, accessToken)).toBe(401);
  });

  it("[U4 U7] somebody whom another authentication names does not come in either, while deactivated here", async () => {
    const { server, admin } = await house({ auth: { jwtSecret: SECRET } });
    await using _ = server;
    const token = await tokenFor("bob", { acme: { read: ["*"] } });
    const live = await server.connect({ token });
    expect(await statusOf(server, token)).toBe(200);
    await admin.update("users", { id: "bob", active: false });
    expect((await live.closed).code).toBe(1008);
    expect(await statusOf(server, token)).toBe(401);
    expect(await statusOf(server, await tokenFor("stranger", { acme: { read: ["*"] } }))).toBe(200);
  });
});

describe("administrators", () => {
  it("[U5] the last one can be neither deactivated, deleted, limited nor unbound, by any push", async () => {
    const { server, admin, ann } = await house();
    await using _ = server;
    const { id } = ann.user;
    const tries = [
      [{ op: "update", collection: "users", record: { id, active: false } }],
      [{ op: "update", collection: "users", record: { id, validUntil: "2030-01-01T00:00:00Z" } }],
      [{ op: "delete", collection: "users", id }],
      [{ op: "delete", collection: "bindings", id: `administrator ${id}` }],
      [{ op: "update", collection: "bindings", record: { id: `administrator ${id}`, space: "acme" } }],
      [{ op: "update", collection: "roles", record: { id: "administrator", grants: [] } }],
      [{ op: "delete", collection: "roles", id: "administrator" }],
      [
        { op: "insert", collection: "users", record: { id: "x", userName: "x", active: true } },
        { op: "delete", collection: "users", id },
      ],
    ] as Parameters<typeof admin.outcome>[];
    for (const writes of tries)
      expect(await admin.outcome(...writes)).toMatchObject({ status: "rejected", code: "rule" });
    expect(await statusOf(server, ann.accessToken)).toBe(200);
  });

  it("[U5] one of two can go, and of two at once one stays", async () => {
    const { server, admin, ann } = await house();
    await using _ = server;
    await admin.insert("bindings", { id: "b", role: "administrator", user: "bob" });
    const base = (await server.store.head("system"))?.revision ?? 0;
    const mutations = ["bob", ann.user.id].map((id, i) => {
      return { id: i + 1, base, writes: [{ op: "update", collection: "users", record: { id, active: false } }] };
    });
    const push = { client: "both", mutations };
    const response = await server.post("/v1/spaces/system/push", push, { token: ann.accessToken });
    const { outcomes } = (await response.json()) as { outcomes: { status: string }[] };
    expect(outcomes.map(({ status }) => status)).toEqual(["applied", "rejected"]);
  });

  it("[U5] one transaction may hand over", async () => {
    const { server, admin, ann } = await house();
    await using _ = server;
    await admin.write(
      { op: "insert", collection: "bindings", record: { id: "b", role: "administrator", user: "bob" } },
      { op: "update", collection: "users", record: { id: ann.user.id, active: false } },
    );
    expect(await statusOf(server, (await loggedIn(server, "bob")).accessToken, "/metrics")).toBe(200);
  });

  it("[U5] a group of administrators is counted by its members", async () => {
    const { server, admin, ann } = await house();
    await using _ = server;
    await admin.write(
      { op: "insert", collection: "groups", record: { id: "g", displayName: "Admins" } },
      { op: "insert", collection: "memberships", record: { id: "m", group: "g", user: "bob", managedBy: "scim" } },
      { op: "insert", collection: "bindings", record: { id: "b", role: "administrator", group: "g" } },
      { op: "delete", collection: "bindings", id: `administrator ${ann.user.id}` },
    );
    const bob = await loggedIn(server, "bob");
    expect(await statusOf(server, bob.accessToken, "/metrics")).toBe(200);
    expect(await statusOf(server, ann.accessToken, "/metrics")).toBe(403);
  });

  it("[U10] whoever manages people makes no administrator, by no way", async () => {
    const { server, admin } = await house();
    await using _ = server;
    await admin.role("people", [{ space: "system", read: ["*"], write: ["*"] }]);
    await admin.add("pat", "people");
    await admin.write(
      { op: "insert", collection: "groups", record: { id: "g", displayName: "Admins" } },
      { op: "insert", collection: "bindings", record: { id: "gb", role: "administrator", group: "g" } },
    );
    const { accessToken } = await loggedIn(server, "pat");
    const { Admin } = await import("./support.ts");
    const pat = new Admin(server, () => accessToken);
    await pat.insert("users", { id: "new", userName: "new", active: true });
    const ways = [
      { op: "insert", collection: "bindings", record: { id: "x", role: "administrator", user: "pat" } },
      { op: "insert", collection: "memberships", record: { id: "x", group: "g", user: "pat" } },
      { op: "insert", collection: "bindings", record: { id: "x", role: "administrator", user: "to-come" } },
      {
        op: "update",
        collection: "roles",
        record: { id: "people", grants: [{ space: "*", read: ["*"], write: ["*"], admin: true }] },
      },
    ] as const;
    for (const way of ways) expect(await pat.outcome(way)).toMatchObject({ status: "rejected", code: "rule" });
    await admin.insert("users", { id: "temp", userName: "temp", active: true, validUntil: "2099-01-01T00:00:00Z" });
    const temporary = { id: "x", role: "administrator", user: "temp" };
    expect(await pat.outcome({ op: "insert", collection: "bindings", record: temporary })).toMatchObject({
      status: "rejected",
    });
    expect(await statusOf(server, accessToken, "/metrics")).toBe(403);
  });
});

describe("users", () => {
  it("[U10] a name is of one user, however it is written, also in one push", async () => {
    const { server, admin } = await house();
    await using _ = server;
    const named = (id: string, userName: string) =>
      ({ op: "insert", collection: "users", record: { id, userName, active: true } }) as const;
    expect(await admin.outcome(named("b2", "BOB"))).toMatchObject({ status: "rejected", code: "rule" });
    expect(await admin.outcome(named("x", "zoe"), named("y", "Zoe"))).toMatchObject({ status: "rejected" });
    expect(await admin.outcome(named("x", "zoe"))).toMatchObject({ status: "applied" });
    await admin.write({ op: "delete", collection: "users", id: "bob" }, named("b3", "bob"));
    expect(
      await admin.outcome({ op: "update", collection: "users", record: { id: "x", userName: "bob" } }),
    ).toMatchObject({ status: "rejected" });
  });

  it("[U1] names hold no surprises: what is no name, no list and no flag is rejected", async () => {
    const { server, admin } = await house();
    await using _ = server;
    const record = { id: "q", userName: "q", active: true };
    const wrong = [
      { ...record, active: "False" },
      { ...record, userName: " q" },
      { ...record, userName: "q\u0000" },
      { ...record, userName: { $ne: null } },
      { ...record, userName: "q".repeat(300) },
      { ...record, emails: "q@example.org" },
      { ...record, validUntil: "tomorrow" },
    ];
    for (const each of wrong)
      expect(await admin.outcome({ op: "insert", collection: "users", record: each })).toMatchObject({
        status: "rejected",
      });
    await admin.insert("users", { ...record, userName: 'q"},{"$add":1', extra: { of: ["another", "server"] } });
  });

  it("[U1] is a space like any other: a client follows the people, and is told of a new one", async () => {
    const { server, admin, ann } = await house();
    await using _ = server;
    const client = createClient({ url: server.url, space: "system", store: memoryStore(), auth: ann.accessToken });
    const people = client.subscribe({ scope: "users" });
    await people.ready;
    await admin.insert("users", { id: "carl", userName: "carl", active: true });
    await client.sync();
    expect((await client.get("users", "carl"))?.userName).toBe("carl");
    expect(await client.get("roles", "administrator")).toBeNull();
    await client.close();
  });
});

describe("roles", () => {
  it("[U8] a change of a role is in force at once, on connections that are open as well", async () => {
    const { server, admin, ann } = await house();
    await using _ = server;
    await admin.role("reader", [{ space: "acme", read: ["box/1"] }]);
    await admin.add("carl", "reader");
    const { accessToken } = await loggedIn(server, "carl");
    const live = await server.connect({ token: accessToken });
    await live.subscribe({ scope: "box/1" });
    await admin.update("roles", { id: "reader", grants: [{ space: "acme", read: ["box/2"] }] });
    expect(await live.next("revoked")).toMatchObject({ key: "box/1" });
    await server.write("c0", update("a", { box: 2 }), {}, { token: ann.accessToken });
    await live.subscribe({ scope: "box/2" });
    expect((await live.pull()).subscriptions["box/2"]?.count ?? 1).toBe(1);
  });

  it("[U8] a binding narrows a role to a space and to a scope, and then administers nothing", async () => {
    const { server, admin } = await house();
    await using _ = server;
    await admin.role("chief", [{ space: "*", read: ["*"], write: ["box/*"], admin: true }]);
    await admin.add("carl");
    await admin.insert("bindings", { id: "c", role: "chief", user: "carl", space: "acme", scope: "box/1" });
    const { accessToken: token } = await loggedIn(server, "carl");
    const pull = async (scope: string) =>
      (await server.post("/v1/spaces/acme/pull", { subscriptions: [{ scope }] }, { token })).status;
    expect([await pull("box/1"), await pull("box/2"), await pull("*")]).toEqual([200, 403, 403]);
    expect(await statusOf(server, token, "/v1/spaces/acme/journal")).toBe(403);
    expect(await statusOf(server, token, "/v1/spaces/other")).toBe(403);
    await admin.update("bindings", { id: "c", scope: null });
    expect([await pull("box/2"), await pull("*")]).toEqual([200, 200]);
    expect(await statusOf(server, token, "/v1/spaces/acme/journal")).toBe(200);
    expect(await statusOf(server, token, "/metrics")).toBe(403);
  });

  it("[U8] a role over every space does not mean the space of the users", async () => {
    const { server, admin } = await house();
    await using _ = server;
    await admin.role("all", [{ space: "*", read: ["*"], write: ["*"] }]);
    await admin.add("carl", "all");
    const { accessToken } = await loggedIn(server, "carl");
    expect(await statusOf(server, accessToken)).toBe(200);
    expect(await statusOf(server, accessToken, "/v1/spaces/system")).toBe(403);
  });

  it("[U8] through a group, as long as one is a member", async () => {
    const { server, admin } = await house();
    await using _ = server;
    await admin.add("carl");
    await admin.insert("groups", { id: "g", displayName: "Team" });
    await admin.insert("bindings", { id: "t", role: "worker", group: "g" });
    const { accessToken } = await loggedIn(server, "carl");
    expect(await statusOf(server, accessToken)).toBe(403);
    await admin.insert("memberships", { id: "m", group: "g", user: "carl" });
    expect(await statusOf(server, accessToken)).toBe(200);
    await admin.write({ op: "delete", collection: "memberships", id: "m" });
    expect(await statusOf(server, accessToken)).toBe(403);
  });

  it("[U7] `authorize` of the configuration replaces the roles, but for the space of the users", async () => {
    const authorize = (user: { claims?: unknown }) =>
      (user.claims as { roles?: string[] } | undefined)?.roles?.includes("worker") === true;
    const { server, ann } = await founded({ config: { auth: { authorize } } });
    await using _ = server;
    expect(await statusOf(server, ann.accessToken)).toBe(403);
    expect(await statusOf(server, ann.accessToken, "/v1/spaces/system-credentials")).toBe(403);
  });

  it("[U7] a token of an administrator from elsewhere administers the users, too", async () => {
    const { server } = await house({ auth: { jwtSecret: SECRET } });
    await using _ = server;
    const token = await tokenFor("ops", { "*": { admin: true } });
    expect(await statusOf(server, token, "/v1/spaces/system")).toBe(200);
    expect(await statusOf(server, await tokenFor("ops", { "*": { read: ["*"] } }), "/v1/spaces/system")).toBe(403);
    const body = { credentials: [{ user: "bob", password: "set from elsewhere" }] };
    expect((await server.post("/v1/auth/credentials", body, { token })).status).toBe(200);
    expect((await login(server, "bob", PASSWORD)).status).toBe(401);
  });
});
