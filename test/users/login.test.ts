import { decodeJwt, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { good, insert, problemIn } from "../support/server.ts";
import { EVERYTHING, founded, type Login, loggedIn, login, open, PASSWORD, refresh, statusOf } from "./support.ts";

async function house() {
  const all = await founded();
  await all.admin.role("worker", EVERYTHING);
  await all.admin.add("bob", "worker");
  await all.server.write("c0", insert("a"), {}, { token: all.ann.accessToken });
  return all;
}

describe("the first administrator", () => {
  it("[U11] is made by a code that is good once, and there is none where there is one", async () => {
    const { server, users } = await open();
    await using _ = server;
    const code = (await users.setupCode()) as string;
    const setup = (userName: string, shown = code) =>
      server.post("/v1/auth/setup", { code: shown, userName, password: PASSWORD });
    expect(await problemIn(setup("ann", "a wrong code"))).toMatchObject({ code: "unauthenticated" });
    const both = await Promise.all([setup("ann"), setup("eve")]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401]);
    const { accessToken } = (await both.find(({ status }) => status === 200)?.json()) as Login;
    expect(await statusOf(server, accessToken, "/metrics")).toBe(200);
    expect(await users.setupCode()).toBeNull();
  });

  it("[U11] two codes of two servers make one administrator", async () => {
    const { server, users } = await open();
    await using _ = server;
    const codes = [await users.setupCode(), await users.setupCode()];
    const both = await Promise.all(
      codes.map((code, i) => server.post("/v1/auth/setup", { code, userName: `u${i}`, password: PASSWORD })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 400]);
  });

  it("[U11] a code is not stored, and ends after an hour", async () => {
    let now = Date.UTC(2026, 0, 1);
    const clock = { now: () => now, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) };
    const { server, users } = await open({ users: { clock: { ...clock, sleep: () => new Promise(() => undefined) } } });
    await using _ = server;
    const code = (await users.setupCode()) as string;
    const journal = await server.store.read("system-sessions", [{ kind: "journal", after: 0, limit: 100 }]);
    expect(JSON.stringify(journal)).not.toContain(code);
    now += 3_600_001;
    const late = server.post("/v1/auth/setup", { code, userName: "ann", password: PASSWORD });
    expect(await problemIn(late)).toMatchObject({ code: "unauthenticated" });
  });
});

describe("login", () => {
  it("[U3 U8] gives tokens by which the roles of the user hold", async () => {
    const { server } = await house();
    await using _ = server;
    const { accessToken, expiresIn, user } = await loggedIn(server, "bob");
    expect([expiresIn, user]).toEqual([600, { id: "bob", userName: "bob" }]);
    expect(await statusOf(server, accessToken)).toBe(200);
    expect(await statusOf(server, accessToken, "/v1/spaces/other")).toBe(403);
    expect(await statusOf(server, accessToken, "/v1/spaces/system")).toBe(403);
  });

  it("[U3] a wrong name and a wrong password are answered alike, by the same work", async () => {
    const { server, argon2, admin } = await house();
    await using _ = server;
    await admin.insert("users", { id: "carl", userName: "carl", active: true });
    await admin.add("dora");
    await admin.update("users", { id: "dora", active: false });
    const answer = async (name: string, password: string) => {
      const before = argon2.verified;
      const response = await login(server, name, password);
      return [argon2.verified - before, response.status, await response.text()];
    };
    const wrong = await answer("bob", "not my password");
    expect(wrong.slice(0, 2)).toEqual([1, 401]);
    expect(await answer("nobody", "not my password")).toEqual(wrong);
    expect(await answer("carl", "not my password")).toEqual(wrong);
    expect(await answer("dora", PASSWORD)).toEqual(wrong);
    expect(await answer("bob", `${PASSWORD}${"!".repeat(2_000)}`)).toEqual(wrong);
    expect(await answer("", "")).toEqual(wrong);
    expect(await answer('bob"}],"x":[{"', "x")).toEqual(wrong);
  });

  it("[U3] a name is the same in capitals and in other forms of its letters", async () => {
    const { server, admin } = await house();
    await using _ = server;
    await admin.insert("users", { id: "j", userName: "Jürgen", active: true });
    await admin.password("j", "pässword ﬁne");
    expect((await loggedIn(server, "JU\u0308RGEN", "pa\u0308ssword fine")).user.id).toBe("j");
  });

  it("[U3 U14] after ten failures in a row one waits, with the right password too, and for names that are nobody's", async () => {
    const { server, argon2 } = await house();
    await using _ = server;
    for (const name of ["bob", "nobody"]) {
      for (let i = 0; i < 10; i++) expect((await login(server, name, "not my password")).status).toBe(401);
      const work = argon2.verified;
      const refused = await problemIn(login(server, name));
      expect(refused).toMatchObject({ code: "rate-limited", retryAfter: expect.any(Number) });
      expect(argon2.verified).toBe(work);
    }
    expect((await login(server, "ann")).status).toBe(200);
  });

  it("[U2] the password is stored as argon2id alone, and nobody is sent that", async () => {
    const { server, ann } = await house();
    await using _ = server;
    const snapshot = await server.store.read("system-credentials", [
      { kind: "row", collection: "verifiers", id: "bob" },
    ]);
    expect(JSON.parse(snapshot?.results[0]?.text as string).phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    const token = ann.accessToken;
    for (const space of ["system-credentials", "system-sessions"]) {
      const at = `/v1/spaces/${space}`;
      expect((await server.request(at, { token })).status).toBe(403);
      expect((await server.request(`${at}/journal`, { token })).status).toBe(403);
      expect((await server.request(`${at}/history/verifiers/bob`, { token })).status).toBe(403);
      expect((await server.post(`${at}/cut`, { journal: "0s" }, { token })).status).toBe(403);
      for (const scope of ["*", "verifiers"]) {
        expect((await server.post(`${at}/pull`, { subscriptions: [{ scope }] }, { token })).status).toBe(403);
        expect((await server.post(`${at}/verify`, { subscription: { scope }, ranges: [] }, { token })).status).toBe(
          403,
        );
      }
    }
    const all = await server.post("/v1/spaces/system/pull", { subscriptions: [{ scope: "*" }] }, { token });
    const journal = await server.request("/v1/spaces/system/journal", { token });
    for (const text of [await all.text(), await journal.text()]) {
      expect(text).toContain('"bob"');
      expect(text).not.toContain("argon2");
    }
  });

  it("[U7] without accounts the server behaves as if their spaces were not there", async () => {
    const { server, ann } = await house();
    const { createServer } = await import("../../src/server/index.ts");
    const plain = createServer({ store: server.store, config: { auth: { open: true } } });
    for (const space of ["system", "system-credentials", "system-sessions"]) {
      const answer = await plain.handler(new Request(`http://localhost/v1/spaces/${space}`));
      expect(answer.status).toBe(404);
    }
    expect(ann.user.userName).toBe("ann");
    await server[Symbol.asyncDispose]();
  });
});

describe("what is sent in", () => {
  const bad: readonly (readonly [string, string, RequestInit, number])[] = [
    ["another type", "{}", { headers: { "content-type": "text/plain" } }, 400],
    ["no JSON", "{", {}, 400],
    ["a list", "[]", {}, 400],
    ["a name that is none", '{"userName":{"$ne":null},"password":"x"}', {}, 400],
    ["a key that comes twice", '{"userName":"a","userName":"b","password":"x"}', {}, 400],
    ["a prototype's key", '{"__proto__":{},"userName":"a","password":"x"}', {}, 400],
    ["10 MB", `{"userName":"a","password":"${"x".repeat(10_000_000)}"}`, {}, 413],
  ];
  it.each(bad)("[U3 A5] %s is refused, before any work", async (_, body, init, status) => {
    const { server, argon2 } = await open();
    await using _server = server;
    for (const name of ["login", "setup", "password", "refresh", "logout"])
      expect((await server.post(`/v1/auth/${name}`, body, init)).status).toBe(status);
    expect([argon2.verified, argon2.hashed]).toEqual([0, 0]);
  });
});

describe("refresh", () => {
  it("[U3] gives the next pair, and the session goes on", async () => {
    const { server } = await house();
    await using _ = server;
    const first = await loggedIn(server, "bob");
    const second = (await good(await refresh(server, first.refreshToken))) as Login;
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(await statusOf(server, second.accessToken)).toBe(200);
    expect((await refresh(server, second.refreshToken)).status).toBe(200);
  });

  it("[U3] a token that was used before ends all of its family, access tokens too", async () => {
    const { server } = await house();
    await using _ = server;
    const first = await loggedIn(server, "bob");
    const other = await loggedIn(server, "bob");
    const second = (await good(await refresh(server, first.refreshToken))) as Login;
    expect(await problemIn(refresh(server, first.refreshToken))).toMatchObject({ code: "unauthenticated" });
    expect((await refresh(server, second.refreshToken)).status).toBe(401);
    expect(await statusOf(server, second.accessToken)).toBe(401);
    expect(await statusOf(server, other.accessToken)).toBe(200);
  });

  it("[U3] of many at once with one token one gets the next, and then it is in two hands", async () => {
    const { server } = await house();
    await using _ = server;
    const { refreshToken, accessToken } = await loggedIn(server, "bob");
    const all = await Promise.all(Array.from({ length: 8 }, () => refresh(server, refreshToken)));
    const won = all.filter(({ status }) => status === 200);
    expect(won.length).toBeLessThanOrEqual(1);
    for (const response of won) {
      const next = (await response.json()) as Login;
      expect(await statusOf(server, next.accessToken)).toBe(401);
      expect((await refresh(server, next.refreshToken)).status).toBe(401);
    }
    expect(await statusOf(server, accessToken)).toBe(401);
  });

  it("[U2 U3 U14] is stored as a hash; one that was made up ends nothing", async () => {
    const { server } = await house();
    await using _ = server;
    const { refreshToken, accessToken } = await loggedIn(server, "bob");
    const { jti, ...rest } = decodeJwt(refreshToken);
    const journal = await server.store.read("system-sessions", [{ kind: "journal", after: 0, limit: 1_000 }]);
    expect(JSON.stringify(journal)).not.toContain(jti);
    const madeUp = await new SignJWT({ ...rest, jti: "guess" })
      .setProtectedHeader({ alg: "HS256" })
      .sign(new Uint8Array(32));
    expect((await refresh(server, madeUp)).status).toBe(401);
    expect((await refresh(server, accessToken)).status).toBe(401);
    expect(await statusOf(server, refreshToken)).toBe(401);
    expect(await statusOf(server, accessToken)).toBe(200);
  });

  it("[U3] logout ends the session at once", async () => {
    const { server } = await house();
    await using _ = server;
    const { refreshToken, accessToken } = await loggedIn(server, "bob");
    await good(await server.post("/v1/auth/logout", { refreshToken }));
    expect(await statusOf(server, accessToken)).toBe(401);
    expect((await refresh(server, refreshToken)).status).toBe(401);
  });
});

describe("passwords", () => {
  it("[U3 U9] a new one ends the sessions of the old one", async () => {
    const { server } = await house();
    await using _ = server;
    const before = await loggedIn(server, "bob");
    const change = { userName: "bob", password: PASSWORD, newPassword: "another good one" };
    const after = (await good(await server.post("/v1/auth/password", change))) as Login;
    expect(await statusOf(server, before.accessToken)).toBe(401);
    expect(await statusOf(server, after.accessToken)).toBe(200);
    expect((await login(server, "bob")).status).toBe(401);
    expect((await login(server, "bob", "another good one")).status).toBe(200);
    expect(await problemIn(server.post("/v1/auth/password", { ...change, newPassword: "short" }))).toMatchObject({
      code: "invalid",
      path: "newPassword",
    });
  });

  it("[U9] hashes of other schemes are refused by name, those that cost too much as well", async () => {
    const { server, ann } = await house();
    await using _ = server;
    const set = async (phc: string) =>
      problemIn(
        server.post("/v1/auth/credentials", { credentials: [{ user: "bob", phc }] }, { token: ann.accessToken }),
      );
    expect(await set(`$2b$12$${"a".repeat(53)}`)).toMatchObject({
      code: "invalid",
      detail: expect.stringContaining("bcrypt"),
    });
    expect(await set("$scrypt$ln=15,r=8,p=1$c2FsdA$aGFzaA")).toMatchObject({
      detail: expect.stringContaining("scrypt"),
    });
    expect(await set("$pbkdf2-sha256$1000$c2FsdA$aGFzaA")).toMatchObject({ detail: expect.stringContaining("PBKDF2") });
    expect(await set("{SSHA}abc")).toMatchObject({ detail: expect.stringContaining("LDAP") });
    expect(await set("plain text")).toMatchObject({ detail: expect.stringContaining("no password hash") });
    const dear = `$argon2id$v=19$m=4194304,t=2,p=1$${"a".repeat(22)}$${"b".repeat(43)}`;
    expect(await set(dear)).toMatchObject({ detail: expect.stringContaining("costs more") });
  });

  it("[U9] a weaker hash that was brought along is made anew at the next login", async () => {
    const { server, ann, argon2 } = await house();
    await using _ = server;
    const phc = await argon2.hash("from elsewhere", { algorithm: 2, memoryCost: 4_096, timeCost: 1, parallelism: 1 });
    const body = { credentials: [{ user: "bob", phc }] };
    await good(await server.post("/v1/auth/credentials", body, { token: ann.accessToken }));
    const stored = async () => {
      const row = await server.store.read("system-credentials", [{ kind: "row", collection: "verifiers", id: "bob" }]);
      return JSON.parse(row?.results[0]?.text as string).phc as string;
    };
    expect(await stored()).toBe(phc);
    const { accessToken } = await loggedIn(server, "bob", "from elsewhere");
    expect(await stored()).toContain("m=19456,t=2");
    expect(await statusOf(server, accessToken)).toBe(200);
    expect((await login(server, "bob", "from elsewhere")).status).toBe(200);
  });

  it("[U9] one that must be changed lets nobody in until it is", async () => {
    const { server, ann } = await house();
    await using _ = server;
    const body = { credentials: [{ user: "bob", password: "for the first day", mustChange: true }] };
    await good(await server.post("/v1/auth/credentials", body, { token: ann.accessToken }));
    expect(await problemIn(login(server, "bob", "for the first day"))).toMatchObject({ code: "forbidden" });
    const change = { userName: "bob", password: "for the first day", newPassword: "one of my own" };
    await good(await server.post("/v1/auth/password", change));
    expect((await login(server, "bob", "one of my own")).status).toBe(200);
  });

  it("[U9] only an administrator sets those of others", async () => {
    const { server } = await house();
    await using _ = server;
    const { accessToken } = await loggedIn(server, "bob");
    const body = { credentials: [{ user: "ann", password: "mine from now on" }] };
    expect((await server.post("/v1/auth/credentials", body, { token: accessToken })).status).toBe(403);
    expect((await login(server, "ann")).status).toBe(200);
  });
});
