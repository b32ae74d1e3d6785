// Links that are registered and added to a running server in one (S7, S13): with a refusal nothing is changed on either side.
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/util/clock.ts";
import type { GrantedLink } from "../../src/wire/grants.ts";
import type { LinkRequest } from "../../src/wire/links.ts";
import { good } from "../support/server.ts";
import { Admin, loggedIn, login, statusOf } from "../users/support.ts";
import { addUsers, type Branch, branch, headquarters, invited, kept, reopened, setActive, until } from "./branch.ts";

type House = Awaited<ReturnType<typeof headquarters>>;

const ACME = { space: "acme", users: "none" } as const;

function added(to: Branch, link: Partial<LinkRequest> & { url: string }, space = "acme"): Promise<Response> {
  return to.server.post(`/v1/spaces/${space}/links`, { name: "hq", ...link }, { token: to.bea.accessToken });
}

interface Told {
  readonly code: string;
  readonly detail: string;
  readonly path?: string;
}

async function refusal(answer: Promise<Response>): Promise<Told> {
  const response = await answer;
  expect(response.ok).toBe(false);
  return (await response.json()) as Told;
}

async function removed(from: Branch, data: "keep" | "delete", space = "acme") {
  const order = { do: "remove", data };
  await good(await from.server.post(`/v1/spaces/${space}/links/hq`, order, { token: from.bea.accessToken }));
  for (const each of ["acme", "system", "system-credentials"])
    await until(async () => (await from.links.list(each)).length === 0);
}

async function granted({ server, ann }: House): Promise<readonly GrantedLink[]> {
  const token = ann.accessToken;
  return ((await good(await server.request("/v1/links", { token }))) as { links: GrantedLink[] }).links;
}

async function withItem({ server, ann }: { server: House["server"]; ann: { accessToken: string } }, id = "i") {
  const writes = [{ op: "insert", collection: "items", record: { id } }];
  const body = { client: id, mutations: [{ id: 1, base: 0, writes }] };
  await good(await server.post("/v1/spaces/acme/push", body, { token: ann.accessToken }));
}

/** All notes that a server has of links and their keys, in every space; spaces too. */
async function state({ server: { store } }: Branch) {
  const spaces = [...(await store.spaces())].sort();
  const notes = { kind: "notes-between", from: "link", to: "linl", limit: 100 } as const;
  return await Promise.all(spaces.map(async (space) => [space, (await store.read(space, [notes]))?.results[0]]));
}

describe("a link that is added with a code", () => {
  test("[S7 S13] is registered and runs, also after a restart, and its code is kept nowhere", async () => {
    const hq = await headquarters();
    await withItem(hq);
    const { code } = await invited(hq.server, hq.ann.accessToken, ACME);
    const local = await branch({});
    await good(await added(local, { url: hq.server.url, code }));
    await until(async () => (await kept(local.server, "items", "i", "acme")) !== null);
    expect(await granted(hq)).toMatchObject([{ space: "acme", scopes: ["*"], direction: "pull", users: "none" }]);
    expect(JSON.stringify(await state(local))).not.toContain(code);
    await local.links.close();
    await withItem(hq, "j");
    const again = await reopened(local);
    await until(async () => (await kept(again.server, "items", "j", "acme")) !== null);
  });

  const codes: [string, (hq: House) => Promise<string>, RegExp][] = [
    [
      "used",
      async (hq) => {
        const { code } = await invited(hq.server, hq.ann.accessToken, ACME);
        await good(await added(await branch({}), { url: hq.server.url, code }));
        return code;
      },
      /this code has been used/,
    ],
    [
      "for another space",
      async (hq) => (await invited(hq.server, hq.ann.accessToken, { space: "other", users: "none" })).code,
      /does not grant the space acme/,
    ],
    ["made up", async () => "made up", /there is no such code/],
  ];
  for (const [title, codeOf, reason] of codes)
    test(`[S7 S13] that is ${title} is refused, and nothing is changed at either end`, async () => {
      const hq = await headquarters();
      await withItem(hq);
      const code = await codeOf(hq);
      const local = await branch({});
      const before = [await state(local), await granted(hq)];
      const problem = await refusal(added(local, { url: hq.server.url, code }));
      expect(problem).toMatchObject({ code: "invalid", path: "code", detail: expect.stringMatching(reason) });
      expect([await state(local), await granted(hq)]).toEqual(before);
    });

  test("[S13 S20] that has expired is refused, and so is a clock that is a year off", async () => {
    let off = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + off, sleep: systemClock.sleep };
    const hq = await headquarters({ clock });
    const { code } = await invited(hq.server, hq.ann.accessToken, { ...ACME, lasts: "1m" });
    const local = await branch({ clock });
    off = 120_000;
    const expired = await refusal(added(local, { url: hq.server.url, code }));
    expect(expired).toMatchObject({ detail: expect.stringMatching(/this code has expired/) });
    off = 0;
    const other = await branch({ clock: { ...clock, now: () => systemClock.now() - 31_536_000_000 } });
    const before = await state(other);
    const early = await refusal(added(other, { url: hq.server.url, code }));
    expect(early).toMatchObject({ detail: expect.stringMatching(/clocks of the two servers are 365 days apart/) });
    expect([await state(other), await granted(hq)]).toEqual([before, []]);
  });

  test("[S3 S13] that would close a ring, or follow itself, is refused before the code is spent", async () => {
    const hq = await headquarters();
    await withItem(hq);
    const { code: down } = await invited(hq.server, hq.ann.accessToken, ACME);
    const local = await branch({});
    await good(await added(local, { url: hq.server.url, code: down, scopes: ["box/1"] }));
    await until(async () => (await local.state("acme"))?.state === "running");
    const { code } = await invited(local.server, local.bea.accessToken, ACME);
    const own = await refusal(added(local, { name: "own", url: local.server.url, code, scopes: ["x"] }));
    expect(own.detail).toMatch(/a space does not follow itself/);
    const third = await branch({});
    await good(await added(third, { url: local.server.url, code }));
    await until(async () => (await third.state("acme"))?.state === "running");
    const back = await invited(third.server, third.bea.accessToken, ACME);
    const ring = await refusal(added(local, { name: "ring", url: third.server.url, code: back.code, scopes: ["y"] }));
    expect(ring.detail).toMatch(/would close a ring: acme@\S+ would follow acme@\S+, and acme@/);
    expect(await local.links.list("acme")).toHaveLength(1);
    const fourth = await branch({});
    await good(await added(fourth, { url: third.server.url, code: back.code }));
  });

  test("[S13] is refused where upstream is away, or the environment has a token for it", async () => {
    const hq = await headquarters();
    const { code } = await invited(hq.server, hq.ann.accessToken, ACME);
    const fetch: typeof globalThis.fetch = async () => {
      throw new TypeError("fetch failed");
    };
    const local = await branch({ fetch });
    const before = await state(local);
    const away = await refusal(added(local, { url: hq.server.url, code }));
    expect(away).toMatchObject({ code: "unavailable", detail: expect.stringMatching(/cannot be reached/) });
    expect([await state(local), await granted(hq)]).toEqual([before, []]);
    const other = await branch({ tokenOf: () => "a token" });
    const both = await refusal(added(other, { url: hq.server.url, code }));
    expect(both.detail).toMatch(/the environment has a token for this link/);
  });
});

describe("a link that is added with the users of upstream", () => {
  async function pair(users: "directory" | "verifier") {
    const hq = await headquarters();
    await withItem(hq);
    await hq.admin.add("carl");
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme", users });
    const local = await branch({});
    await good(await added(local, { url: hq.server.url, code, users }));
    return { hq, local };
  }

  test("[S13 U2 U5] brings data and users: who is known there logs in here while the line is down", async () => {
    const { hq, local } = await pair("verifier");
    await until(async () => (await login(local.server, "carl")).status === 200);
    await until(async () => (await kept(local.server, "items", "i", "acme")) !== null);
    await hq.server[Symbol.asyncDispose]();
    expect((await loggedIn(local.server, "carl")).user).toMatchObject({ id: "carl" });
  });

  test("[S13 U5] is removed with them, or they stay, as its records do", async () => {
    const { hq, local } = await pair("directory");
    await until(async () => (await kept(local.server, "users", "carl")) !== null);
    const part = await refusal(
      local.server.post("/v1/spaces/system/links/hq", { do: "remove", data: "keep" }, { token: local.bea.accessToken }),
    );
    expect(part.detail).toMatch(/the link hq of the space acme brings these accounts/);
    await removed(local, "keep");
    expect(await kept(local.server, "users", "carl")).toMatchObject({ managedBy: "link:hq", active: true });
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "system", users: "directory" });
    await good(await added(local, { url: hq.server.url, code, users: "directory" }, "system"));
    await until(async () => (await local.links.list("system"))[0]?.state === "running");
    await until(async () => (await local.links.list("system"))[0]?.revision !== 0);
    await removed(local, "delete", "system");
    expect(await kept(local.server, "users", "carl")).toBeNull();
    expect(await kept(local.server, "users", local.bea.user.id)).toMatchObject({ userName: "bea" });
  });

  test("[S13 U5] is refused beside another that brings users, and where the code grants none", async () => {
    const { hq, local } = await pair("directory");
    await until(async () => (await kept(local.server, "users", "carl")) !== null);
    const before = await state(local);
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "more", users: "directory" });
    const second = { name: "second", url: hq.server.url, code, users: "directory" } as const;
    expect((await refusal(added(local, second, "more"))).detail).toMatch(/the link hq brings users already/);
    const none = await invited(hq.server, hq.ann.accessToken, ACME);
    const other = await branch({});
    const asked = { url: hq.server.url, code: none.code, users: "verifier" } as const;
    expect((await refusal(added(other, asked))).detail).toMatch(/does not grant users: "verifier"/);
    expect((await refusal(added(other, { ...asked, users: "none" }, "system"))).detail).toMatch(/expected "directory"/);
    expect((await state(local)).map(([space]) => space)).toEqual(before.map(([space]) => space));
    expect(await granted(hq)).toHaveLength(1);
  });
});

describe("what becomes of accounts with a link that is removed", () => {
  /** A branch where `ann` of upstream administers, too, and thirty users came with her. */
  async function staffed() {
    const hq = await headquarters();
    const many = Array.from({ length: 30 }, (_, i) => `u${i}`);
    await addUsers(hq.admin, many);
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "system", users: "verifier" });
    const local = await branch({});
    const roles = { administrator: "administrator" };
    await good(await added(local, { url: hq.server.url, code, users: "verifier", roles }, "system"));
    await until(async () => (await login(local.server, "ann")).status === 200);
    await until(async () => (await kept(local.server, "users", "u29")) !== null);
    await local.admin.add("dora");
    return { hq, local, many };
  }

  test("[S13 S18] with --data delete they go, however many: users, passwords, sessions, and roles", async () => {
    const { hq, local, many } = await staffed();
    const ann = await loggedIn(local.server, "ann");
    await removed(local, "delete", "system");
    for (const id of [...many, hq.ann.user.id]) expect(await kept(local.server, "users", id)).toBeNull();
    expect((await login(local.server, "ann")).status).toBe(401);
    expect(await statusOf(local.server, ann.accessToken)).toBe(401);
    expect(await managed(local)).toEqual([]);
    expect((await login(local.server, "dora")).status).toBe(200);
  });

  test("[S13 S18 U10] the last administrator stays all the same, able to log in", async () => {
    const { hq, local } = await staffed();
    const ann = await loggedIn(local.server, "ann");
    await setActive(new Admin(local.server, () => ann.accessToken), [local.bea.user.id], false);
    await removed({ ...local, bea: ann }, "delete", "system");
    expect(await kept(local.server, "users", "u1")).toBeNull();
    expect(await kept(local.server, "users", hq.ann.user.id)).toMatchObject({ active: true });
    const again = await loggedIn(local.server, "ann");
    expect((await local.server.request("/v1/links", { token: again.accessToken })).status).toBe(200);
  });

  test("[S13 S18] with --data keep they stay, and log in without the server upstream", async () => {
    const { hq, local, many } = await staffed();
    await removed(local, "keep", "system");
    expect((await login(local.server, "ann")).status).toBe(200);
    expect((await managed(local)).length).toBeGreaterThan(many.length);
    await hq.server[Symbol.asyncDispose]();
    expect((await login(local.server, "ann")).status).toBe(200);
  });

  test("[S13 S18] with --data delete of a link that no configuration names any longer they go as well", async () => {
    const hq = await headquarters();
    await hq.admin.add("carl");
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme" });
    const roles = { administrator: "administrator" };
    const link = { url: hq.server.url, code, users: "verifier", roles } as const;
    const before = await branch({ space: "acme", link });
    await until(async () => (await login(before.server, "carl")).status === 200);
    await until(async () => (await managed(before)).some(({ role }) => role === "administrator"));
    await before.links.close();
    const local = await reopened(before);
    await removed(local, "delete");
    expect(await managed(local)).toEqual([]);
    expect((await login(local.server, "carl")).status).toBe(401);
  });
});

/** Everything of the accounts that a link manages. */
async function managed({ server: { store } }: Pick<Branch, "server">) {
  const page = { kind: "page", scope: "*", after: null, limit: 1e6, bytes: 1e9 } as const;
  const found: { readonly [atom: string]: unknown }[] = [];
  for (const space of ["system", "system-credentials"]) {
    const runs = (await store.read(space, [page]))?.results[0].runs ?? [];
    found.push(...runs.flatMap(({ records }) => JSON.parse(`[${records}]`) as (typeof found)[number][]));
  }
  return found.filter(({ managedBy }) => managedBy === "link:hq");
}
