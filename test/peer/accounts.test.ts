// Accounts that come over a link: whom headquarters knows, the branch knows, and nobody gets more by it (U2, U4, U5).
import { describe, expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { good } from "../support/server.ts";
import { Admin, loggedIn, login, PASSWORD, statusOf } from "../users/support.ts";
import { addUsers, branch, headquarters, invited, kept, pair, setActive, until } from "./branch.ts";

const BOXES = [{ space: "acme", read: ["*"], write: ["*"] }];

describe("a user who was made at headquarters", () => {
  test("[U2 U20] logs in at the branch while headquarters is unreachable, where both ends say verifier", async () => {
    const { hq, branch } = await pair();
    await hq.admin.add("carl");
    await until(async () => (await kept(branch.server, "verifiers", "carl", "system-credentials")) !== null);
    await until(async () => (await kept(branch.server, "users", "carl")) !== null);
    await hq.server[Symbol.asyncDispose]();
    expect((await loggedIn(branch.server, "carl")).user).toMatchObject({ id: "carl" });
    expect((await login(branch.server, "carl", "another password")).status).toBe(401);
    expect(await kept(branch.server, "users", "carl")).toMatchObject({ managedBy: "link:hq", active: true });
  });

  test("[U2 U20] has no password at the branch where it asks for the directory alone", async () => {
    const { hq, branch } = await pair({ users: "directory" });
    await hq.admin.add("carl");
    await until(async () => (await kept(branch.server, "users", "carl")) !== null);
    expect(await kept(branch.server, "verifiers", "carl", "system-credentials")).toBeNull();
    expect((await login(branch.server, "carl")).status).toBe(401);
  });

  test("[U2 U24] takes a new password of headquarters at once, and the sessions of the old one end", async () => {
    const { hq, branch } = await pair();
    await hq.admin.add("carl");
    await until(async () => (await login(branch.server, "carl")).status === 200);
    const carl = await loggedIn(branch.server, "carl");
    await hq.admin.password("carl", "something quite else");
    await until(async () => (await statusOf(branch.server, carl.accessToken)) === 401);
    expect((await login(branch.server, "carl")).status).toBe(401);
    expect((await login(branch.server, "carl", "something quite else")).status).toBe(200);
  });

  test("[U4] is out at the branch with the revision that deactivates: session ended, socket closed", async () => {
    const { hq, branch } = await pair();
    await hq.admin.add("carl");
    await branch.admin.role("boxes", BOXES);
    await until(async () => (await login(branch.server, "carl")).status === 200);
    await branch.admin.insert("bindings", { id: "here", role: "boxes", user: "carl" });
    const carl = await loggedIn(branch.server, "carl");
    const socket = await branch.server.connect({ token: carl.accessToken });
    await setActive(hq.admin, ["carl"], false);
    expect((await socket.closed).code).toBe(1008);
    expect(await statusOf(branch.server, carl.accessToken)).toBe(401);
    expect((await login(branch.server, "carl")).status).toBe(401);
    await setActive(hq.admin, ["carl"], true);
    await until(async () => (await login(branch.server, "carl")).status === 200);
    expect(await kept(branch.server, "bindings", "here")).toMatchObject({ user: "carl" });
  });
});

test("[U4 U25] what concerns accounts has a lane of its own: a copy that hangs holds up nobody who is locked out", async () => {
  const hq = await headquarters();
  await hq.admin.add("carl");
  const acme = {
    client: "x",
    mutations: [{ id: 1, base: 0, writes: [{ op: "insert", collection: "items", record: { id: "i" } }] }],
  };
  await good(await hq.server.post("/v1/spaces/acme/push", acme, { token: hq.ann.accessToken }));
  const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme" });
  let hangs = 0;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await globalThis.fetch(input, init);
    if (!String(input).includes("/acme/pull")) return response;
    // The head of the answer comes, and nothing after it.
    hangs++;
    return new Response(new ReadableStream(), response);
  };
  const local = await branch({ space: "acme", link: { url: hq.server.url, code, users: "verifier" }, fetch });
  await until(async () => (await login(local.server, "carl")).status === 200);
  const carl = await loggedIn(local.server, "carl");
  const socket = await local.server.connect({ token: carl.accessToken });
  await until(() => hangs > 0);
  await setActive(hq.admin, ["carl"], false);
  expect((await socket.closed).code).toBe(1008);
  expect((await login(local.server, "carl")).status).toBe(401);
  expect((await local.server.store.head("acme"))?.revision).toBe(0);
});

test("[U4 U25] while a copy is being written, who is locked out is out before it goes on", async () => {
  const hq = await headquarters();
  await hq.admin.add("carl");
  const text = "x".repeat(900);
  for (let id = 1; id <= 4; id++) {
    const writes = Array.from({ length: 1_000 }, (_, i) => {
      return { op: "insert", collection: "items", record: { id: `${id}-${i}`, text } };
    });
    const push = { client: "x", mutations: [{ id, base: 0, writes }] };
    await good(await hq.server.post("/v1/spaces/acme/push", push, { token: hq.ann.accessToken }));
  }
  const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme" });
  let goesOn = () => {};
  const held = new Promise<void>((resolve) => {
    goesOn = resolve;
  });
  const store = openSqliteStore({ path: ":memory:" });
  const write = store.write.bind(store);
  // The copy's third transaction waits: what would be in its way is in everybody's.
  store.write = async (space, wanted, decide) => {
    if (space === "acme" && (await store.head("acme"))?.revision === 2) await held;
    return await write(space, wanted, decide);
  };
  const link = { url: hq.server.url, code, users: "verifier" as const };
  const local = await branch({ space: "acme", link, store });
  await until(async () => (await login(local.server, "carl")).status === 200);
  const carl = await loggedIn(local.server, "carl");
  const socket = await local.server.connect({ token: carl.accessToken });
  await until(async () => (await local.server.store.head("acme"))?.revision === 2);
  await setActive(hq.admin, ["carl"], false);
  expect((await socket.closed).code).toBe(1008);
  expect((await local.server.store.head("acme"))?.revision).toBe(2);
  goesOn();
  await until(async () => ((await local.server.store.head("acme"))?.revision ?? 0) >= 4);
});

describe("what a link may not do to the accounts here", () => {
  test("[U5 U21] roles are nothing here unless mapped: not those of an administrator either", async () => {
    const { hq, branch } = await pair({ roles: { editor: "boxes" } }, {});
    await hq.admin.role("editor", [{ space: "*", read: ["*"], write: ["*"] }]);
    await hq.admin.role("auditor", BOXES);
    await branch.admin.role("boxes", BOXES);
    await hq.admin.add("carl", "editor");
    await hq.admin.add("dora", "auditor");
    await hq.admin.insert("bindings", { id: "administrator carl", role: "administrator", user: "carl" });
    await until(async () => (await login(branch.server, "dora")).status === 200);
    await until(async () => (await kept(branch.server, "bindings", "editor carl")) !== null);
    expect(await kept(branch.server, "bindings", "editor carl")).toEqual({
      id: "editor carl",
      role: "boxes",
      user: "carl",
      managedBy: "link:hq",
    });
    for (const [collection, id] of [
      ["roles", "editor"],
      ["bindings", "auditor dora"],
      ["bindings", "administrator carl"],
    ] as const)
      expect(await kept(branch.server, collection, id)).toBeNull();
    const carl = await loggedIn(branch.server, "carl");
    const dora = await loggedIn(branch.server, "dora");
    const grants = (token: string) => branch.server.request("/v1/spaces/system", { token });
    expect([(await grants(carl.accessToken)).status, (await grants(dora.accessToken)).status]).toEqual([403, 403]);
    expect(await kept(branch.server, "roles", "administrator")).toMatchObject({ name: "Administrator" });
  });

  test("[U5] an upstream administrator who is mapped is one here", async () => {
    const { hq, branch } = await pair({ roles: { administrator: "administrator" } });
    await hq.admin.add("carl", "administrator");
    await until(async () => (await login(branch.server, "carl")).status === 200);
    const carl = await loggedIn(branch.server, "carl");
    await until(
      async () => (await branch.server.request("/v1/spaces/system", { token: carl.accessToken })).status === 200,
    );
  });

  test("[U5 U21] a group of headquarters that administers here makes nobody an administrator", async () => {
    const { hq, branch } = await pair();
    await hq.admin.insert("groups", { id: "team", displayName: "Team" });
    await until(async () => (await kept(branch.server, "groups", "team")) !== null);
    await branch.admin.insert("bindings", { id: "b", role: "administrator", group: "team" });
    await hq.admin.add("carl");
    await hq.admin.insert("memberships", { id: "m", group: "team", user: "carl" });
    await until(async () => (await branch.state())?.aside === 1);
    const [aside] = (await branch.links.show("system", "hq"))?.asideLog ?? [];
    expect(aside).toMatchObject({ collection: "memberships", message: "only an administrator makes an administrator" });
  });

  test("[U5 U22] the last administrator stays, and goes as soon as there is another", async () => {
    const { hq, branch } = await pair({ roles: { chief: "administrator" } });
    await hq.admin.role("chief", []);
    await hq.admin.add("carl", "chief");
    await until(async () => (await kept(branch.server, "bindings", "chief carl")) !== null);
    const bea = branch.bea.user.id;
    await until(async () => (await login(branch.server, "carl")).status === 200);
    const carl = await loggedIn(branch.server, "carl");
    const admin = new Admin(branch.server, () => carl.accessToken);
    await setActive(admin, [bea], false);
    await setActive(hq.admin, ["carl"], false);
    await until(async () => (await branch.state())?.aside === 1);
    const details = await branch.links.show("system", "hq");
    expect(details?.asideLog[0]?.message).toMatch(/^the last administrator stays/);
    expect((await login(branch.server, "carl")).status).toBe(200);
    await setActive(admin, [bea], true);
    await branch.links.order("system", "hq", { do: "confirm" });
    expect((await login(branch.server, "carl")).status).toBe(401);
    expect((await login(branch.server, "bea")).status).toBe(200);
  });

  test("[U5 U21] a record of this server's own is left alone, be its id or its name the same", async () => {
    const { hq, branch } = await pair();
    await branch.admin.insert("users", { id: "dan", userName: "dan", displayName: "ours", active: true });
    await branch.admin.password("dan", PASSWORD);
    await hq.admin.add("eve");
    await until(async () => (await kept(branch.server, "users", "eve")) !== null);
    await hq.admin.insert("users", { id: "dan", userName: "dan.h", displayName: "theirs", active: false });
    await hq.admin.password("dan", "a password of theirs");
    await hq.admin.insert("users", { id: "other", userName: "DAN", active: true });
    await until(async () => (await branch.state())?.aside === 2);
    expect(await kept(branch.server, "users", "dan")).toMatchObject({ displayName: "ours", active: true });
    expect(await kept(branch.server, "users", "other")).toBeNull();
    await until(async () => (await branch.state("system-credentials"))?.aside === 1);
    expect((await login(branch.server, "dan")).status).toBe(200);
    expect((await login(branch.server, "dan", "a password of theirs")).status).toBe(401);
  });

  test("[U24] a password that headquarters sends for an id of nobody gives nobody a way in", async () => {
    const { hq, branch } = await pair();
    await hq.admin.password("sso|7", "planted by somebody");
    await until(async () => (await kept(branch.server, "verifiers", "sso|7", "system-credentials")) !== null);
    await branch.admin.insert("users", { id: "sso|7", userName: "fay", active: true });
    expect((await login(branch.server, "fay", "planted by somebody")).status).toBe(401);
  });

  test("[U5 U21] memberships of here and of upstream live together, and each keeps its manager", async () => {
    const { hq, branch } = await pair();
    await hq.admin.add("carl");
    await hq.admin.insert("groups", { id: "team", displayName: "Team" });
    await hq.admin.insert("memberships", { id: "up", group: "team", user: "carl" });
    await until(async () => (await kept(branch.server, "memberships", "up")) !== null);
    await branch.admin.insert("users", { id: "gus", userName: "gus", active: true });
    await branch.admin.insert("memberships", { id: "down", group: "team", user: "gus" });
    await hq.admin.write({ op: "delete", collection: "memberships", id: "up" });
    await until(async () => (await kept(branch.server, "memberships", "up")) === null);
    expect(await kept(branch.server, "memberships", "down")).toEqual({ id: "down", group: "team", user: "gus" });
  });
});

describe("a synchronisation that would end many accounts", () => {
  const IDS = Array.from({ length: 40 }, (_, i) => `u${i}`);

  test("[U5 U23] is held, all else comes in, and it waits for a confirmation", async () => {
    const { hq, branch } = await pair({ users: "directory" });
    await addUsers(hq.admin, IDS);
    await until(async () => (await kept(branch.server, "users", "u39")) !== null);
    await setActive(hq.admin, IDS.slice(0, 11), false);
    await until(async () => (await branch.state())?.held === 11);
    expect(await kept(branch.server, "users", "u0")).toMatchObject({ active: true });
    const details = await branch.links.show("system", "hq");
    expect(details?.asideLog[0]?.message).toMatch(/^11 of 41 active users would be deactivated/);
    // Who leaves alone is not held by it, and what is held is not let in by a later change.
    await setActive(hq.admin, ["u20"], false);
    await hq.admin.update("users", { id: "u0", displayName: "changed" });
    await until(async () => (await kept(branch.server, "users", "u20"))?.active === false);
    await until(
      async () =>
        (await branch.links.named("system", "hq")?.mirror.get(["users/u0"]))?.[0]?.data.displayName === "changed",
    );
    expect(await kept(branch.server, "users", "u0")).toMatchObject({ active: true });
    await branch.links.order("system", "hq", { do: "confirm" });
    expect(await branch.state()).toMatchObject({ held: 0, aside: 0 });
    for (const id of IDS.slice(0, 11)) expect(await kept(branch.server, "users", id)).toMatchObject({ active: false });
  });

  test("[U5 U23] is forgotten where upstream takes it back", async () => {
    const { hq, branch } = await pair({ users: "directory" });
    await addUsers(hq.admin, IDS);
    await until(async () => (await kept(branch.server, "users", "u39")) !== null);
    await hq.admin.write(...IDS.slice(0, 20).map((id) => ({ op: "delete" as const, collection: "users", id })));
    await until(async () => (await branch.state())?.held === 20);
    expect(await kept(branch.server, "users", "u5")).toMatchObject({ active: true });
    await addUsers(hq.admin, IDS.slice(0, 20));
    await until(async () => (await branch.state())?.aside === 0);
    expect(await kept(branch.server, "users", "u5")).toMatchObject({ active: true, managedBy: "link:hq" });
  });

  test("[U5 U23] of ten or fewer is carried out", async () => {
    const { hq, branch } = await pair({ users: "directory" });
    await addUsers(hq.admin, IDS);
    await until(async () => (await kept(branch.server, "users", "u39")) !== null);
    await setActive(hq.admin, IDS.slice(0, 10), false);
    await until(async () => (await kept(branch.server, "users", "u9"))?.active === false);
    expect((await branch.state())?.held).toBe(0);
  });
});

test("[S13 S17] a link into the accounts says whom it brings, and its verification tells no record of them", async () => {
  const { hq, branch } = await pair();
  await hq.admin.add("carl");
  await until(async () => (await kept(branch.server, "users", "carl")) !== null);
  const link = { name: "second", url: hq.server.url };
  const refused = await branch.server.post("/v1/spaces/system/links", link, { token: branch.bea.accessToken });
  expect(refused.status).toBe(400);
  expect(((await refused.json()) as { detail: string }).detail).toContain('expected "directory" or "verifier"');
  expect(await branch.links.order("system", "hq", { do: "verify" })).toMatchObject({ report: { own: [] } });
});
