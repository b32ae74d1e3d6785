import { describe, expect, it } from "vitest";
import { noLog } from "../../../src/server/log.ts";
import { systemClock } from "../../../src/util/clock.ts";
import { good, SECRET, tokenFor } from "../../support/server.ts";
import { loggedIn, login, PASSWORD } from "../support.ts";
import { GROUP, PATCH, scimHouse, USER } from "./support.ts";

const ERROR = "urn:ietf:params:scim:api:messages:2.0:Error";

async function house() {
  const all = await scimHouse();
  const bob = await all.provider.user("bob", { title: "Cook" });
  const crew = await all.provider.made("/Groups", { displayName: "Crew", members: [{ value: bob }] });
  return { ...all, bob, crew };
}

describe("what will not do", () => {
  const filters: [string, string, RegExp][] = [
    ["10 kB", `userName eq "${"x".repeat(10_000)}"`, /at most 1024 characters/],
    ["a thousand groups", `${"(".repeat(400)}userName pr${")".repeat(400)}`, /nest at most/],
    ["many comparisons", Array(20).fill('userName eq "a"').join(" or "), /at most 16 comparisons/],
    ["an attribute that there is none of", 'shoeSize eq "43"', /no attribute shoeSize/],
    ["a part that there is none of", 'emails[colour eq "red"]', /no attribute emails.colour/],
    ["no operator", 'userName is "bob"', /Unexpected token/],
    ["no value", "userName eq", /needs a value/],
    ["what is read wrongly elsewhere", 'not (userName eq "a" or userName eq "b")', /`not` stands alone/],
    ["an open bracket", 'emails[type eq "work"', /./],
    ["nothing", " ", /./],
  ];
  it.each(filters)("[U6] a filter of %s is refused as invalidFilter", async (_title, filter, detail) => {
    const { server, provider } = await house();
    await using _ = server;
    for (const path of ["/Users", "/Groups"]) {
      const { status, body } = await provider.ask("GET", `${path}?filter=${encodeURIComponent(filter)}`);
      expect([status, body.schemas, body.status]).toEqual([400, [ERROR], "400"]);
      expect(body.scimType).toMatch(/^invalid(Filter|Value)$/);
      if (path === "/Users") expect(body.detail).toMatch(detail);
      expect(body.detail.length).toBeLessThan(400);
    }
  });

  const patch = (...Operations: unknown[]) => ({ schemas: [PATCH], Operations });
  const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
  const bodies: [string, string, unknown, number, string | undefined][] = [
    ["bad JSON", "PUT", '{"userName": "bo', 400, "invalidSyntax"],
    ["a list", "PUT", "[]", 400, "invalidSyntax"],
    ["deep nesting", "PUT", `{"schemas":["${USER}"],"userName":"bob","name":${deep(500)}}`, 400, "invalidSyntax"],
    ["two megabytes", "PUT", { userName: "x".repeat(2_000_000) }, 413, undefined],
    ["an unknown attribute", "PUT", { schemas: [USER], userName: "bob", shoeSize: 43 }, 400, "invalidSyntax"],
    ["a prototype", "PUT", '{"userName":"bob","__proto__":{"active":false}}', 400, "invalidSyntax"],
    ["no userName", "PUT", { schemas: [USER], title: "Captain" }, 400, "invalidValue"],
    ["active as a number", "PUT", { schemas: [USER], userName: "bob", active: 0 }, 400, "invalidValue"],
    ["active as some text", "PUT", { schemas: [USER], userName: "bob", active: "perhaps" }, 400, "invalidValue"],
    ["a name of controls", "PUT", { schemas: [USER], userName: "bo\u0000b" }, 400, "invalidValue"],
    ["no PatchOp", "PATCH", { Operations: [{ op: "replace", path: "title", value: "x" }] }, 400, "invalidSyntax"],
    ["no operations", "PATCH", patch(), 400, "invalidSyntax"],
    ["an unknown operation", "PATCH", patch({ op: "increment", path: "title", value: "x" }), 400, "invalidSyntax"],
    ["an unknown path", "PATCH", patch({ op: "add", path: "shoeSize", value: 43 }), 400, "invalidPath"],
    ["a remove without a path", "PATCH", patch({ op: "remove" }), 400, "noTarget"],
    ["a long path", "PATCH", patch({ op: "remove", path: `emails[${"(".repeat(9_000)}]` }), 400, "invalidPath"],
    [
      "a second operation that fails",
      "PATCH",
      patch({ op: "replace", path: "title", value: "x" }, { op: "add", path: "shoeSize", value: 1 }),
      400,
      "invalidPath",
    ],
    ["an add without a value", "PATCH", patch({ op: "add", path: "title" }), 400, "invalidValue"],
  ];
  it.each(bodies)("[U6] %s in a %s is refused, and nothing is changed", async (_t, method, body, status, type) => {
    const { server, provider, bob } = await house();
    await using _ = server;
    const before = await server.store.head("system");
    const answer = await provider.ask(method, `/Users/${bob}`, body);
    expect([answer.status, answer.body.scimType, answer.body.schemas]).toEqual([status, type, [ERROR]]);
    expect(await server.store.head("system")).toEqual(before);
  });

  it("[U6] a member of nobody is refused, with all that came along", async () => {
    const { server, provider, crew, bob } = await house();
    await using _ = server;
    const members = [{ value: bob }, { value: "nobody" }];
    const put = await provider.ask("PUT", `/Groups/${crew}`, { schemas: [GROUP], displayName: "New", members });
    expect([put.status, put.body.scimType]).toEqual([400, "invalidValue"]);
    expect((await provider.ask("GET", `/Groups/${crew}`)).body.displayName).toBe("Crew");
  });

  it("[U6] a name that is taken is 409 uniqueness, in any case of its letters", async () => {
    const { server, provider } = await house();
    await using _ = server;
    const made = await provider.ask("POST", "/Users", { schemas: [USER], userName: "BOB" });
    expect([made.status, made.body.scimType]).toEqual([409, "uniqueness"]);
    const carl = await provider.user("carl");
    const renamed = await provider.patch(`/Users/${carl}`, { op: "replace", path: "userName", value: "Bob" });
    expect([renamed.status, renamed.body.scimType]).toEqual([409, "uniqueness"]);
  });

  it("[U6] If-Match refuses a change of what was changed since, and If-None-Match saves an answer", async () => {
    const { server, provider, bob } = await house();
    await using _ = server;
    const etag = (await provider.ask("GET", `/Users/${bob}`)).headers.get("etag") as string;
    expect((await provider.ask("GET", `/Users/${bob}`, undefined, { "if-none-match": etag })).status).toBe(304);
    await provider.patch(`/Users/${bob}`, { op: "replace", path: "title", value: "Captain" });
    const put = { schemas: [USER], userName: "bob", title: "Stoker" };
    const late = await provider.ask("PUT", `/Users/${bob}`, put, { "if-match": etag });
    expect([late.status, late.body.status]).toEqual([412, "412"]);
    expect((await provider.ask("DELETE", `/Users/${bob}`, undefined, { "if-match": etag })).status).toBe(412);
    const now = (await provider.ask("GET", `/Users/${bob}`)).headers.get("etag") as string;
    expect((await provider.ask("PUT", `/Users/${bob}`, put, { "if-match": now })).body.title).toBe("Stoker");
  });

  it("[U6] there is nothing at other addresses, said in SCIM's form", async () => {
    const { server, provider } = await house();
    await using _ = server;
    for (const [method, path] of [
      ["GET", "/Users/nobody"],
      ["POST", "/Bulk"],
      ["DELETE", "/Users"],
      ["GET", "/Schemas/urn:nothing"],
    ] as const) {
      const { status, body } = await provider.ask(method, path, method === "POST" ? {} : undefined);
      expect([path, status, body.schemas]).toEqual([path, 404, [ERROR]]);
    }
  });
});

describe("who may", () => {
  it("[U6] nobody without a token, and a token that was revoked is none", async () => {
    const { server, provider, provide, ann } = await scimHouse();
    await using _ = server;
    const other = await provide("other");
    const without = await server.request("/scim/v2/Users");
    expect([without.status, without.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(((await without.json()) as { schemas: string[] }).schemas).toEqual([ERROR]);
    expect((await server.request("/scim/v2/Users", { token: "tdms_wrong" })).status).toBe(401);
    await good(await server.post("/v1/auth/scim-revoke", { name: "other" }, { token: ann.accessToken }));
    expect((await other.ask("GET", "/Users")).status).toBe(401);
    expect((await provider.ask("GET", "/Users")).status).toBe(200);
  });

  it("[A3 U6] none of its addresses answers without a token", async () => {
    const { server, users } = await scimHouse();
    await using _ = server;
    const own = users.routes.filter(({ path }) => path.startsWith("/scim/v2/"));
    expect(own.length).toBeGreaterThan(20);
    for (const { method, path } of own) {
      const body = method === "GET" || method === "DELETE" ? {} : { body: "{}" };
      const { status } = await server.request(path, { method, ...body });
      expect([method, path, status]).toEqual([method, path, 401]);
    }
  });

  it("[U6] a SCIM token is good for nothing else, and is stored as a hash", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    for (const path of ["/v1/spaces/system", "/v1/spaces/acme", "/metrics", "/v1/auth/scim-tokens"])
      expect([path, (await server.request(path, { token: provider.token })).status]).toEqual([path, 401]);
    const pages = await server.store.read("system-sessions", [{ kind: "scan", scope: "*", after: 0, limit: 100 }]);
    expect(JSON.stringify(pages)).not.toContain(provider.token);
    expect(JSON.stringify(pages)).toContain("idp");
  });

  it("[U6] whoever may write the scope users; who may read it reads", async () => {
    const { server, admin } = await scimHouse();
    await using _ = server;
    await admin.role("helpdesk", [{ space: "system", read: ["users"], write: ["users"] }]);
    await admin.role("auditor", [{ space: "system", read: ["users"] }]);
    for (const [name, role, reading, writing] of [
      ["hal", "helpdesk", 200, 201],
      ["aud", "auditor", 200, 403],
      ["nob", undefined, 403, 403],
    ] as const) {
      await admin.add(name, role);
      const { accessToken: token } = await loggedIn(server, name);
      expect([name, (await server.request("/scim/v2/Users", { token })).status]).toEqual([name, reading]);
      const made = await server.post("/scim/v2/Users", { schemas: [USER], userName: `by ${name}` }, { token });
      expect([name, made.status]).toEqual([name, writing]);
    }
  });

  it("[U6] a principal of that name from elsewhere is not the provider", async () => {
    const { server } = await scimHouse({ config: { auth: { jwtSecret: SECRET } } });
    await using _ = server;
    const token = await tokenFor("scim:idp", {});
    expect((await server.request("/scim/v2/Users", { token })).status).toBe(403);
    expect((await server.request("/v1/spaces/system", { token })).status).toBe(403);
  });
});

describe("the accounts' own rules", () => {
  it("[U5 U6] the last administrator is neither deactivated nor deleted nor given a password", async () => {
    const { server, provider, ann } = await scimHouse();
    await using _ = server;
    const path = `/Users/${ann.user.id}`;
    const off = await provider.patch(path, { op: "replace", path: "active", value: "False" });
    expect([off.status, off.body.detail]).toEqual([403, expect.stringMatching(/the last administrator stays/)]);
    expect((await provider.ask("DELETE", path)).status).toBe(403);
    const password = await provider.patch(path, { op: "replace", path: "password", value: "a new password" });
    expect([password.status, password.body.detail]).toEqual([403, expect.stringMatching(/of an administrator/)]);
    expect((await login(server, "ann", PASSWORD)).status).toBe(200);
  });

  it("[U5 U6] nobody becomes an administrator by a group", async () => {
    const { server, provider, admin } = await scimHouse();
    await using _ = server;
    await admin.insert("groups", { id: "chiefs", displayName: "Chiefs" });
    await admin.insert("bindings", { id: "b", role: "administrator", group: "chiefs" });
    const bob = await provider.user("bob");
    const add = await provider.patch("/Groups/chiefs", { op: "add", path: "members", value: [{ value: bob }] });
    expect([add.status, add.body.detail]).toEqual([403, expect.stringMatching(/only an administrator/)]);
    expect(await provider.members("chiefs")).toEqual([]);
  });

  it("[U6] a deleted user is not there any more, and another one may have the name", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const bob = await provider.user("bob", { password: PASSWORD });
    const crew = await provider.made("/Groups", { displayName: "Crew", members: [{ value: bob }] });
    expect((await provider.ask("DELETE", `/Users/${bob}`)).status).toBe(204);
    for (const method of ["GET", "DELETE"]) expect((await provider.ask(method, `/Users/${bob}`)).status).toBe(404);
    expect((await provider.patch(`/Users/${bob}`, { op: "replace", path: "active", value: true })).status).toBe(404);
    expect(await provider.members(crew)).toEqual([]);
    const second = await provider.user("bob");
    expect(second).not.toBe(bob);
    expect((await login(server, "bob")).status).toBe(401);
  });

  it("[U5 U6] what another source manages is read-only, and its memberships stay", async () => {
    const { server, provider, provide, admin } = await scimHouse();
    await using _ = server;
    const other = await provide("other");
    const bob = await provider.user("bob");
    const refused = await other.patch(`/Users/${bob}`, { op: "replace", path: "title", value: "x" });
    expect([refused.status, refused.body.detail]).toEqual([403, expect.stringMatching(/managed by scim:idp/)]);
    expect((await other.ask("DELETE", `/Users/${bob}`)).status).toBe(403);
    await admin.insert("groups", { id: "crew", displayName: "Crew" });
    await admin.insert("users", { id: "carl", userName: "carl", active: true });
    await provider.patch("/Groups/crew", { op: "add", path: "members", value: [{ value: bob }] });
    await admin.insert("memberships", { id: "m", group: "crew", user: "carl", managedBy: "link:hq" });
    await provider.patch("/Groups/crew", { op: "remove", path: "members" });
    expect(await provider.members("crew")).toEqual(["carl"]);
    const taken = await provider.patch("/Users/carl", { op: "replace", path: "title", value: "Cook" });
    expect(taken.status).toBe(200);
    expect((await other.patch("/Users/carl", { op: "replace", path: "title", value: "x" })).status).toBe(403);
  });

  it("[U5 U6 U17] an eleventh deactivation that is more than a tenth is held until it is confirmed", async () => {
    const { server, provider, ann } = await scimHouse({ server: { log: noLog } });
    await using _ = server;
    const users: string[] = [];
    for (let i = 0; i < 20; i++) users.push(await provider.user(`u${i}`));
    const off = (i: number) => provider.patch(`/Users/${users[i]}`, { op: "replace", path: "active", value: "False" });
    for (let i = 0; i < 10; i++) expect((await off(i)).status).toBe(200);
    const held = await off(10);
    expect([held.status, held.body.detail]).toEqual([
      403,
      expect.stringMatching(/^held: 11 of 20 active users would be deactivated.*users confirm WHERE scim:idp`$/),
    ]);
    expect((await provider.ask("DELETE", `/Users/${users[11]}`)).status).toBe(403);
    expect((await provider.ask("GET", `/Users/${users[10]}`)).body.active).toBe(true);
    await provider.user("one more");
    const confirm = (source: string) => server.post("/v1/auth/confirm", { source }, { token: ann.accessToken });
    expect((await confirm("scim:other")).status).toBe(404);
    expect((await server.post("/v1/auth/confirm", { source: "scim:idp" }, { token: provider.token })).status).toBe(401);
    await good(await confirm("scim:idp"));
    for (let i = 10; i < 20; i++) expect((await off(i)).status).toBe(200);
  });

  it("[U17] deactivations are counted for a day, and a few of many are no sweep", async () => {
    let later = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + later };
    const { server, provider } = await scimHouse({ server: { log: noLog }, users: { clock } });
    await using _ = server;
    const ids: string[] = [];
    for (let i = 0; i < 22; i++) ids.push(await provider.user(`u${i}`));
    const remove = async (i: number) => (await provider.ask("DELETE", `/Users/${ids[i]}`)).status;
    for (let i = 0; i < 10; i++) expect(await remove(i)).toBe(204);
    expect(await remove(10)).toBe(403);
    later += 86_400_000;
    expect(await remove(10)).toBe(204);
  });
});

describe("pages and discovery", () => {
  it("[U6] pages are by index and count, in an order that stays", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    for (let i = 0; i < 6; i++) await provider.user(`u${i}`);
    const page = async (query: string) => (await provider.ask("GET", `/Users?${query}`)).body;
    const seen: string[] = [];
    for (let start = 1; start <= 7; start += 3) {
      const { Resources, totalResults, startIndex, itemsPerPage } = await page(`startIndex=${start}&count=3`);
      expect([totalResults, startIndex, itemsPerPage]).toEqual([7, start, Resources.length]);
      seen.push(...Resources.map(({ id }: { id: string }) => id));
    }
    expect(new Set(seen).size).toBe(7);
    expect([...seen].sort()).toEqual(seen);
    expect((await page("count=0")).Resources).toEqual([]);
    expect((await page("startIndex=50")).Resources).toEqual([]);
    expect((await provider.ask("GET", "/Users?count=many")).status).toBe(400);
    const slim = (await page('attributes=userName&filter=userName eq "u1"')).Resources[0];
    expect(Object.keys(slim).sort()).toEqual(["id", "schemas", "userName"]);
  });

  it("[U6] filters by parts, values, presence and several of them", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    await provider.user("bob", {
      externalId: "X1",
      title: "Cook",
      emails: [{ value: "Bob@Example.org", type: "work" }],
    });
    await provider.user("carl", { externalId: "x1", emails: [{ value: "carl@example.org", type: "home" }] });
    await provider.user("dora", { active: false, name: { familyName: "O'Malley" } });
    const names = async (filter: string) => {
      const { body } = await provider.ask("GET", `/Users?filter=${encodeURIComponent(filter)}`);
      return body.Resources?.map(({ userName }: { userName: string }) => userName).sort();
    };
    expect(await names('emails[type eq "work" and value co "EXAMPLE"]')).toEqual(["bob"]);
    expect(await names('emails.value eq "CARL@example.org"')).toEqual(["carl"]);
    expect(await names('emails eq "carl@example.org"')).toEqual(["carl"]);
    expect(await names('externalId eq "x1"')).toEqual(["carl"]);
    expect(await names("title pr")).toEqual(["bob"]);
    expect(await names("active eq false")).toEqual(["dora"]);
    expect(await names('active eq "False"')).toEqual(["dora"]);
    expect(await names('name.familyName sw "o\'m"')).toEqual(["dora"]);
    expect(await names('not (userName eq "bob")')).toEqual(["ann", "carl", "dora"]);
    expect(await names('(userName eq "bob" or userName eq "carl") and title pr')).toEqual(["bob"]);
    expect(await names(`${USER}:userName eq "bob"`)).toEqual(["bob"]);
    expect(await names('userName eq "bob" and active eq true')).toEqual(["bob"]);
  });

  it("[U6] tells what it can", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const config = (await provider.ask("GET", "/ServiceProviderConfig")).body;
    expect([config.patch.supported, config.filter.supported, config.bulk.supported]).toEqual([true, true, false]);
    const types = (await provider.ask("GET", "/ResourceTypes")).body;
    expect(types.Resources.map(({ endpoint }: { endpoint: string }) => endpoint)).toEqual(["/Users", "/Groups"]);
    expect((await provider.ask("GET", "/ResourceTypes/User")).body.schema).toBe(USER);
    const schemas = (await provider.ask("GET", "/Schemas")).body;
    expect(schemas.totalResults).toBe(3);
    const user = (await provider.ask("GET", `/Schemas/${USER}`)).body;
    const named = Object.fromEntries(user.attributes.map((each: { name: string }) => [each.name, each]));
    expect(named.userName).toMatchObject({ required: true, uniqueness: "server", caseExact: false });
    expect(named.password).toMatchObject({ returned: "never", mutability: "writeOnly" });
  });

  it("[U6] works under any prefix", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const response = await server.request("/sync/scim/v2/Users", { token: provider.token });
    const { Resources } = (await response.json()) as { Resources: { id: string; meta: { location: string } }[] };
    expect(Resources[0]?.meta.location).toBe(`http://localhost/sync/scim/v2/Users/${Resources[0]?.id}`);
  });
});
