import { describe, expect } from "vitest";
import type { Log } from "../../../src/server/log.ts";
import { type Clock, systemClock } from "../../../src/util/clock.ts";
import { good, problemIn } from "../../support/server.ts";
import { skipUnless } from "../../support/skip.ts";
import { loggedIn, login, statusOf } from "../support.ts";
import { house, type Person } from "./house.ts";
import { ADMIN, BASE, cuttingProxy, hasSlapd, PEOPLE, READER, SECRET } from "./slapd.ts";

const test = skipUnless(hasSlapd, "needs slapd");

describe("a directory as a source of users", () => {
  test("[U18] a pass brings all, page by page, and a second one changes nothing", async () => {
    await using all = await house(23);
    expect(await all.sync()).toEqual({ found: 23, added: 23, changed: 0, deactivated: 0, unchanged: 0, refused: [] });
    const { store } = all.server;
    const head = await store.head("system");
    expect(await all.sync()).toEqual({ found: 23, added: 0, changed: 0, deactivated: 0, unchanged: 23, refused: [] });
    expect(await store.head("system")).toEqual(head);
    expect((await all.people()).get("u7")).toMatchObject({
      active: true,
      managedBy: "ldap:office",
      displayName: "u7 of the directory",
      emails: [{ value: "u7@example.org", type: "work", primary: true }],
      externalId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-/),
    });
  });

  test("[U18] who is renamed and moved stays who they are", async () => {
    await using all = await house(3);
    await all.sync();
    const before = (await all.people()).get("u1");
    await all.slapd.move("u1", `uid=una,ou=ships,${BASE}`);
    expect(await all.sync()).toMatchObject({ added: 0, changed: 1, deactivated: 0, unchanged: 2 });
    expect((await all.people()).get("una")).toMatchObject({ id: before?.id, active: true });
  });

  test("[U18] who is gone is deactivated and not deleted, and comes back as the same", async () => {
    await using all = await house(3);
    await all.sync();
    const before = (await all.people()).get("u1") as Person;
    const { accessToken } = await loggedIn(all.server, "u1", "password of u1");
    await all.slapd.move("u1", `uid=u1,ou=ships,${BASE}`);
    await all.slapd.remove("u2");
    expect(await all.sync()).toMatchObject({ found: 2, deactivated: 1, unchanged: 2 });
    expect((await all.people()).get("u2")).toMatchObject({ active: false });
    expect(await statusOf(all.server, accessToken)).not.toBe(401);
    expect((await all.people()).get("u1")).toEqual(before);
  });

  test("[U18] locks of the directory deactivate, and their end brings back whom nobody deactivated here", async () => {
    await using all = await house(4);
    await all.sync();
    await all.slapd.set("u1", "pwdAccountLockedTime", "000001010000Z");
    await all.slapd.set("u3", "pwdAccountLockedTime", "20260101000000Z");
    expect(await all.sync()).toMatchObject({ deactivated: 1 });
    expect([...(await all.people()).values()].filter(({ active }) => !active).map(({ userName }) => userName)).toEqual([
      "u1",
    ]);
    const u2 = (await all.people()).get("u2") as Person;
    await all.admin.update("users", { id: u2.id, active: false });
    await all.slapd.set("u1", "pwdAccountLockedTime", null);
    expect(await all.sync()).toMatchObject({ changed: 1, deactivated: 0 });
    const after = await all.people();
    expect([after.get("u1")?.active, after.get("u2")?.active]).toEqual([true, false]);
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
      "a limit of the directory, so that not all entries come,",
      async (all) => {
        for (let i = 0; i < 30; i++) await all.slapd.add(`more${i}`);
      },
      /SizeLimitExceeded/,
    ],
    ["a directory that is gone", (all) => all.slapd[Symbol.asyncDispose](), /did not answer in full: .*ECONN/],
  ];
  for (const [title, breakIt, reason] of failures)
    test(`[U18] ${title} deactivates and deletes nobody`, async () => {
      await using all = await house(3, { bindDn: READER });
      await all.sync();
      await all.slapd.remove("u2");
      const head = await all.server.store.head("system");
      await breakIt(all);
      const problem = await problemIn(all.order("sync"));
      expect(problem).toMatchObject({ code: "unavailable", detail: expect.stringMatching(reason) });
      expect(JSON.stringify(problem)).not.toContain(SECRET);
      expect(await all.server.store.head("system")).toEqual(head);
    });

  test("[U18] a base that is not there is no empty directory", async () => {
    await using all = await house(3, { base: `ou=nowhere,${BASE}` });
    expect(await problemIn(all.order("sync"))).toMatchObject({
      code: "unavailable",
      detail: expect.stringMatching(/NoSuchObject/),
    });
  });

  test("[U18] a pass that is cut off between its pages changes nobody", async () => {
    await using all = await house(30);
    await all.sync();
    for (const bytes of [200, 1_500, 4_000]) {
      using proxy = await cuttingProxy(all.slapd.url, bytes);
      const users = { ldap: { office: { url: proxy.url, bindDn: ADMIN, bindPassword: SECRET, base: BASE, page: 5 } } };
      const { createUsers } = await import("../../../src/users/index.ts");
      const { createServer } = await import("../../../src/server/index.ts");
      const { store } = all.server;
      // A second server on the same store, which reaches the directory by a bad line.
      const unclosed = new Proxy(store, {
        get(target, name: keyof typeof store) {
          const member = name === "close" ? async () => undefined : target[name];
          return typeof member === "function" ? (member as () => unknown).bind(target) : member;
        },
      });
      const second = createServer({ store: unclosed, config: { users }, identity: createUsers({ lifetimes: users }) });
      const head = await store.head("system");
      const headers = { "content-type": "application/json", authorization: `Bearer ${all.ann.accessToken}` };
      const body = JSON.stringify({ source: "ldap:office" });
      const asked = new Request("http://localhost/v1/auth/sync", { method: "POST", headers, body });
      expect([bytes, (await problemIn(second.handler(asked))).code, proxy.cut()]).toEqual([bytes, "unavailable", true]);
      expect(await store.head("system")).toEqual(head);
      await second.close();
    }
  });

  test("[U5 U18] a pass that would deactivate many, or finds nobody, is held until it is confirmed", async () => {
    await using all = await house(12);
    await all.sync();
    await all.slapd.add("late");
    for (let i = 0; i < 11; i++) await all.slapd.remove(`u${i}`);
    const head = await all.server.store.head("system");
    const held = await problemIn(all.order("sync"));
    expect(held).toMatchObject({
      code: "forbidden",
      detail: expect.stringMatching(/11 of 12 .*users confirm WHERE ldap:office`$/),
    });
    expect(await all.server.store.head("system")).toEqual(head);
    await good(await all.order("confirm"));
    expect(await all.sync()).toMatchObject({ found: 2, added: 1, deactivated: 11 });
    await all.slapd.remove("u11");
    await all.slapd.remove("late");
    expect(await problemIn(all.order("sync"))).toMatchObject({ detail: expect.stringMatching(/found nobody at all/) });
    await good(await all.order("confirm"));
    expect(await all.sync()).toMatchObject({ found: 0, deactivated: 2 });
  });

  test("[U18] a user of the same name who is not of the directory is not taken over", async () => {
    await using all = await house(2);
    await all.slapd.add("ann");
    const passed = await all.sync();
    expect([passed.added, passed.refused]).toEqual([2, [`uid=ann,${PEOPLE}: there is another user of this name`]]);
    expect((await login(all.server, "ann", "password of ann")).status).toBe(401);
    expect((await login(all.server, "ann")).status).toBe(200);
  });

  test("[U18] a source is read at its times, and a failure waits for the next", async () => {
    let now = Date.parse("2026-03-01T12:00:00Z");
    let wake = (): void => undefined;
    const clock: Clock = {
      now: () => now,
      // What sleeps for long sleeps until its time is there; the rest goes by the real clock.
      sleep: (ms, signal) =>
        ms <= 1_000
          ? systemClock.sleep(ms, signal)
          : new Promise((resolve) => {
              const last = wake;
              wake = () => (last(), resolve());
              signal?.addEventListener("abort", () => resolve(), { once: true });
            }),
    };
    let told = (_text: string): void => undefined;
    const log: Log = { info: (_, text) => told(text), error: (_, text) => told(text) };
    const next = (wanted: RegExp) =>
      new Promise<string>((resolve) => {
        told = (text) => wanted.test(text) && resolve(text);
        now += 3_600_000;
        const due = wake;
        wake = () => undefined;
        due();
      });
    await using all = await house(3, { schedule: { cron: "0 * * * *", timeZone: "Europe/Berlin" } }, clock, log);
    expect(await next(/users (were|could)/)).toBe("users were read");
    expect((await all.people()).get("u1")?.active).toBe(true);
    all.over.bindPassword = "wrong";
    expect(await next(/users (were|could)/)).toBe("users could not be read: nobody was changed");
    all.over.bindPassword = SECRET;
    await all.slapd.add("late");
    expect(await next(/users (were|could)/)).toBe("users were read");
    expect((await all.people()).has("late")).toBe(true);
  });
});

describe("passwords of the directory", () => {
  test("[U18] a login is a bind, and nothing of the password stays here", async () => {
    await using all = await house(2);
    await all.sync();
    const { user } = await loggedIn(all.server, "u1", "password of u1");
    for (const wrong of ["password of u0", "", "\u0000"])
      expect((await login(all.server, "u1", wrong)).status).toBe(401);
    const found = await all.server.store.read("system-credentials", [
      { kind: "row", collection: "verifiers", id: user.id },
    ]);
    expect(found?.results[0]?.text ?? null).toBe(null);
    const changing = { userName: "u1", password: "password of u1", newPassword: "another password" };
    expect(await problemIn(all.server.post("/v1/auth/password", changing))).toMatchObject({ code: "forbidden" });
    await all.slapd.set("u1", "userPassword", "a new one there");
    expect((await login(all.server, "u1", "password of u1")).status).toBe(401);
    expect((await login(all.server, "u1", "a new one there")).status).toBe(200);
  });

  test("[U18] who is deactivated does not come in, whatever the directory says", async () => {
    await using all = await house(2);
    await all.sync();
    const u1 = (await all.people()).get("u1") as Person;
    await all.admin.update("users", { id: u1.id, active: false });
    expect((await login(all.server, "u1", "password of u1")).status).toBe(401);
  });

  test("[U18] a directory that does not answer lets nobody of it in, and says so", async () => {
    await using all = await house(2);
    await all.sync();
    await all.slapd[Symbol.asyncDispose]();
    expect(await problemIn(login(all.server, "u1", "password of u1"))).toMatchObject({ code: "unavailable" });
    expect((await login(all.server, "ann")).status).toBe(200);
  });
});
