// Groups of a directory, and who is in them: what they give is said here (U26).
import { describe, expect } from "vitest";
import { good, problemIn } from "../../support/server.ts";
import { skipUnless } from "../../support/skip.ts";
import { loggedIn } from "../support.ts";
import { house, type Person } from "./house.ts";
import { BASE, GROUPS, hasSlapd, READER, SECRET } from "./slapd.ts";

const test = skipUnless(hasSlapd, "needs slapd");

/** A directory of so many people, with its groups. */
async function houseWith(count: number, groups: { readonly [cn: string]: readonly string[] }, more: object = {}) {
  const all = await house(count, { groups: {}, ...more });
  for (const [cn, uids] of Object.entries(groups)) await all.slapd.addGroup(cn, uids);
  return all;
}

async function idOf(all: Awaited<ReturnType<typeof house>>, name: string): Promise<string> {
  const groups = await all.rows<{ id: string; displayName: string }>("groups");
  return groups.find(({ displayName }) => displayName === name)?.id ?? "";
}

describe("groups of a directory", () => {
  test("[U26] come with their members, by name and by uid; a second pass changes nothing", async () => {
    await using all = await houseWith(4, { crew: ["u0", "u1"] });
    await all.slapd.add("Jürgen, O.");
    await all.slapd.addGroup("Büro, Süd", ["u2", "Jürgen, O."]);
    await all.slapd.addPosixGroup("staff", ["u1", "u3", "nobody"]);
    expect((await all.sync()).groups).toEqual({ found: 3, joined: 6, left: 0 });
    const expected = { crew: ["u0", "u1"], "Büro, Süd": ["Jürgen, O.", "u2"], staff: ["u1", "u3"] };
    expect(await all.groups()).toEqual(expected);
    const head = await all.server.store.head("system");
    expect((await all.sync()).groups).toEqual({ found: 3, joined: 0, left: 0 });
    expect(await all.server.store.head("system")).toEqual(head);
  });

  test("[U26] give their members a role that is bound to them here, until they leave", async () => {
    await using all = await houseWith(3, { crew: ["u1"] });
    await all.sync();
    await all.admin.role("reader", [{ space: "acme", read: ["*"] }]);
    await all.admin.insert("bindings", { id: "crew", role: "reader", group: await idOf(all, "crew") });
    const ask = async (uid: string) => {
      const { accessToken: token } = await loggedIn(all.server, uid, `password of ${uid}`);
      return (await all.server.request("/v1/spaces/acme?scope=*", { token })).status;
    };
    expect([await ask("u1"), await ask("u2")]).toEqual([404, 403]);
    await all.slapd.setGroup("crew", ["u2"]);
    expect((await all.sync()).groups).toEqual({ found: 1, joined: 1, left: 1 });
    expect([await ask("u1"), await ask("u2")]).toEqual([403, 404]);
  });

  test("[U26] are who they are under another name, and without members where they are gone", async () => {
    await using all = await houseWith(3, { crew: ["u0"], cooks: ["u1"] });
    await all.sync();
    const before = await idOf(all, "crew");
    await all.slapd.renameGroup("crew", "sailors");
    await all.slapd.removeGroup("cooks");
    await all.sync();
    expect(await idOf(all, "sailors")).toBe(before);
    expect(await all.groups()).toEqual({ sailors: ["u0"], cooks: [] });
  });

  test("[U26] keep the members who were added here, and those who are absent, for the day of coming back", async () => {
    await using all = await houseWith(3, { crew: ["u0", "u1"] });
    await all.sync();
    const u2 = (await all.people()).get("u2") as Person;
    await all.admin.insert("memberships", { id: "own", group: await idOf(all, "crew"), user: u2.id });
    await all.slapd.remove("u1");
    await all.slapd.setGroup("crew", ["u0"]);
    expect(await all.sync()).toMatchObject({ deactivated: 1, groups: { joined: 0, left: 0 } });
    expect(await all.groups()).toEqual({ crew: ["u0", "u1", "u2"] });
  });

  test("[U26 U10] make nobody an administrator", async () => {
    await using all = await houseWith(2, { crew: ["u0"] });
    await all.sync();
    await all.admin.insert("bindings", { id: "b", role: "administrator", group: await idOf(all, "crew") });
    await all.slapd.setGroup("crew", ["u0", "u1"]);
    const passed = await all.sync();
    expect([passed.groups, passed.refused]).toEqual([
      { found: 1, joined: 0, left: 0 },
      [expect.stringMatching(/^u1 in crew: /)],
    ]);
    expect(await all.groups()).toEqual({ crew: ["u0"] });
  });

  const failures: [string, (all: Awaited<ReturnType<typeof house>>) => void | Promise<void>, RegExp][] = [
    [
      "a wrong bind password",
      (all) => {
        all.over.bindPassword = "wrong";
      },
      /InvalidCredentials/,
    ],
    [
      "a list of groups that is cut off by a limit",
      async (all) => {
        for (let i = 0; i < 30; i++) await all.slapd.addPosixGroup(`more${i}`, []);
      },
      /SizeLimitExceeded/,
    ],
  ];
  for (const [title, breakIt, reason] of failures)
    test(`[U26 U18] ${title} ends no membership`, async () => {
      await using all = await houseWith(3, { crew: ["u0", "u1"] }, { bindDn: READER });
      await all.sync();
      const before = await all.groups();
      await all.slapd.removeGroup("crew");
      await breakIt(all);
      expect(await problemIn(all.order("sync"))).toMatchObject({
        code: "unavailable",
        detail: expect.stringMatching(reason),
      });
      expect(await all.groups()).toEqual(before);
    });

  test("[U26 U5] that all are empty, or that there is none, is held until it is confirmed", async () => {
    const uids = Array.from({ length: 12 }, (_, i) => `u${i}`);
    await using all = await houseWith(12, { crew: uids });
    await all.sync();
    await all.slapd.setGroup("crew", ["u0"]);
    expect(await problemIn(all.order("sync"))).toMatchObject({
      code: "forbidden",
      detail: expect.stringMatching(/11 of 12 memberships of groups would end/),
    });
    await all.slapd.removeGroup("crew");
    const none = await problemIn(all.order("sync"));
    expect(none).toMatchObject({ code: "forbidden", detail: expect.stringMatching(/found no group at all/) });
    expect(await all.groups()).toEqual({ crew: [...uids].sort() });
    await good(await all.order("confirm"));
    expect((await all.sync()).groups).toEqual({ found: 0, joined: 0, left: 12 });
  });

  test("[U26] that cannot be read are told, and then none counts as gone", async () => {
    await using all = await house(2, { groups: { name: "description" } });
    await all.slapd.addGroup("crew", ["u0"], { description: "the crew" });
    await all.sync();
    await all.slapd.removeGroup("crew");
    await all.slapd.addGroup("cooks", ["u1"]);
    await all.slapd.addGroup("boys", ["u1"], { description: "the boys" });
    expect((await all.sync()).refused).toEqual([`cn=cooks,${GROUPS} has no description`]);
    expect(await all.groups()).toEqual({ "the crew": ["u0"], "the boys": ["u1"] });
  });

  test("[U26] are sought where they are said to be; where they are not asked for there are none", async () => {
    await using all = await house(2, { groups: { base: GROUPS, filter: "(cn=c*)", name: "description" } });
    await all.slapd.addGroup("crew", ["u0"]);
    expect(await all.sync()).toMatchObject({ groups: { found: 0 }, refused: [`cn=crew,${GROUPS} has no description`] });
    await using plain = await house(1, { base: BASE, bindPassword: SECRET });
    await plain.slapd.addGroup("crew", ["u0"]);
    expect((await plain.sync()).groups).toBeUndefined();
    expect(await plain.groups()).toEqual({});
  });
});
