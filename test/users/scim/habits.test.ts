import { describe, expect, it } from "vitest";
import { loggedIn, login, PASSWORD, statusOf } from "../support.ts";
import { ENTERPRISE, GROUP, PATCH, scimHouse, USER } from "./support.ts";

/** As Entra's provisioning service sends it, with its default attribute mappings. */
const ENTRA_CREATE = {
  schemas: [USER, ENTERPRISE],
  externalId: "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
  userName: "Test_User_ab6490ee@contoso.example",
  active: true,
  displayName: "lennay",
  emails: [{ primary: true, type: "work", value: "lennay@contoso.example" }],
  meta: { resourceType: "User" },
  name: { formatted: "Adrienne Brook", familyName: "Brook", givenName: "Adrienne" },
  title: "Engineer",
  [ENTERPRISE]: { employeeNumber: "701984", department: "Ships", manager: { value: "26118915" } },
  roles: undefined,
};

/** As Okta's SCIM 2.0 application sends it. */
const OKTA_CREATE = {
  schemas: [USER],
  userName: "test.user@okta.local",
  name: { givenName: "Test", familyName: "User" },
  emails: [{ primary: true, value: "test.user@okta.local", type: "work" }],
  displayName: "Test User",
  locale: "en-US",
  externalId: "00ujl29u0le5T6Aj10h7",
  groups: [],
  password: "1mz050nq and more",
  active: true,
};

describe("Entra", () => {
  it("[U6] asks for nobody at first: a list without resources", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const { status, body } = await provider.ask("GET", '/Users?filter=userName+eq+"f5a6b5a1-nobody"');
    expect([status, body.totalResults, body.Resources]).toEqual([200, 0, []]);
    expect(body.schemas).toEqual(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]);
  });

  it("[U6] creates a user with the enterprise extension, and finds it by any case of its name", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const { status, headers, body } = await provider.ask("POST", "/Users", ENTRA_CREATE);
    expect(status).toBe(201);
    expect(headers.get("content-type")).toBe("application/scim+json");
    expect(headers.get("location")).toBe(`http://localhost/scim/v2/Users/${body.id}`);
    expect(body).toMatchObject({ userName: ENTRA_CREATE.userName, active: true, title: "Engineer" });
    expect(body.name).toEqual({ formatted: "Adrienne Brook", familyName: "Brook", givenName: "Adrienne" });
    expect(body[ENTERPRISE]).toEqual(ENTRA_CREATE[ENTERPRISE]);
    const found = await provider.ask("GET", '/Users?filter=userName eq "TEST_user_AB6490ee@contoso.example"');
    expect(found.body.Resources.map(({ id }: { id: string }) => id)).toEqual([body.id]);
    const row = await recordOf(server, "users", body.id);
    expect(row).toMatchObject({ managedBy: "scim:idp", givenName: "Adrienne", externalId: ENTRA_CREATE.externalId });
  });

  it.each([
    ["replace with False as text", { op: "Replace", path: "active", value: "False" }],
    ["add with False as text", { op: "Add", path: "active", value: "False" }],
    ["a value without a path", { op: "replace", value: { active: "False" } }],
    ["the path by its URN", { op: "Replace", path: `${USER}:active`, value: "false" }],
  ])("[U6] deactivates by %s, which is not deletion", async (_title, operation) => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const id = await provider.user("bob", { password: PASSWORD });
    const { accessToken } = await loggedIn(server, "bob");
    const patched = await provider.patch(`/Users/${id}`, operation);
    expect([patched.status, patched.body.active]).toEqual([200, false]);
    expect([await statusOf(server, accessToken), (await login(server, "bob")).status]).toEqual([401, 401]);
    expect((await provider.ask("GET", `/Users/${id}`)).status).toBe(200);
    await provider.patch(`/Users/${id}`, { op: "Replace", path: "active", value: "True" });
    expect((await login(server, "bob")).status).toBe(200);
  });

  it("[U6] adds what a path by type names, also where there is none of that type yet", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const id = await provider.user("bob");
    const { status, body } = await provider.patch(
      `/Users/${id}`,
      { op: "Add", path: 'emails[type eq "work"].value', value: "bob@example.org" },
      { op: "Add", path: 'addresses[type eq "work"].locality', value: "Hamburg" },
      { op: "Add", path: 'addresses[type eq "work"].country', value: "DE" },
      { op: "Add", path: "name.givenName", value: "Bob" },
      { op: "Add", path: `${ENTERPRISE}:department`, value: "Ships" },
    );
    expect([status, body.emails]).toEqual([200, [{ type: "work", value: "bob@example.org" }]]);
    expect(body.addresses).toEqual([{ type: "work", locality: "Hamburg", country: "DE" }]);
    expect([body.name.givenName, body[ENTERPRISE]]).toEqual(["Bob", { department: "Ships" }]);
    const again = await provider.patch(`/Users/${id}`, {
      op: "Replace",
      path: 'emails[type eq "work"].value',
      value: "b@example.org",
    });
    expect(again.body.emails).toEqual([{ type: "work", value: "b@example.org" }]);
  });

  it("[U6] a remove with a value takes that member, and no other", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const [a, b, c] = [await provider.user("a"), await provider.user("b"), await provider.user("c")];
    const group = await provider.made("/Groups", { displayName: "Crew" });
    const add = await provider.patch(`/Groups/${group}`, {
      op: "Add",
      path: "members",
      value: [{ value: a }, { $ref: null, value: b }, { value: c }],
    });
    expect(add.status).toBe(200);
    await provider.patch(`/Groups/${group}`, { op: "Remove", path: "members", value: [{ $ref: null, value: a }] });
    expect(await provider.members(group)).toEqual([b, c].sort());
    await provider.patch(`/Groups/${group}`, { op: "Remove", path: `members[value eq "${b}"]` });
    expect(await provider.members(group)).toEqual([c]);
    await provider.patch(`/Groups/${group}`, { op: "Remove", path: "members", value: [] });
    await provider.patch(`/Groups/${group}`, { op: "Remove", path: "members", value: [{ value: "nobody" }] });
    expect(await provider.members(group)).toEqual([c]);
    await provider.patch(`/Groups/${group}`, { op: "Remove", path: "members" });
    expect(await provider.members(group)).toEqual([]);
  });

  it("[U6] asks for a group without its members", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const a = await provider.user("a");
    await provider.made("/Groups", { displayName: "Crew", members: [{ value: a }] });
    const { body } = await provider.ask("GET", '/Groups?excludedAttributes=members&filter=displayName eq "crew"');
    expect([body.totalResults, body.Resources[0].members]).toEqual([1, undefined]);
    const member = await provider.ask("GET", `/Groups?filter=members eq "${a}"`);
    expect(member.body.totalResults).toBe(1);
  });
});

describe("Okta", () => {
  it("[U6] creates a user with a password, which comes in with it, and is never shown it", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const { status, body } = await provider.ask("POST", "/Users", OKTA_CREATE);
    expect([status, body.password, body.groups]).toEqual([201, undefined, undefined]);
    expect((await login(server, "test.user@okta.local", OKTA_CREATE.password)).status).toBe(200);
    expect(JSON.stringify(await recordOf(server, "users", body.id))).not.toContain("1mz050nq");
  });

  it("[U6] replaces by PUT: what is absent goes, and a user that is active stays so", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const { body } = await provider.ask("POST", "/Users", OKTA_CREATE);
    const { displayName: _gone, locale: __, active: ___, password: ____, ...rest } = OKTA_CREATE;
    const put = await provider.ask("PUT", `/Users/${body.id}`, { ...rest, id: body.id, title: "Captain" });
    expect(put.status).toBe(200);
    expect([put.body.displayName, put.body.locale, put.body.title, put.body.active]).toEqual([
      undefined,
      undefined,
      "Captain",
      true,
    ]);
    const off = await provider.ask("PUT", `/Users/${body.id}`, { ...rest, id: body.id, active: false });
    expect([off.status, off.body.active]).toEqual([200, false]);
  });

  it("[U6] pushes a group by PUT with all its members", async () => {
    const { server, provider } = await scimHouse();
    await using _ = server;
    const [a, b] = [await provider.user("a"), await provider.user("b")];
    const group = await provider.made("/Groups", { displayName: "Crew", members: [{ value: a, display: "a" }] });
    const put = await provider.ask("PUT", `/Groups/${group}`, {
      schemas: [GROUP],
      id: group,
      displayName: "The crew",
      members: [{ value: b, display: "b" }],
    });
    expect([put.status, put.body.displayName]).toEqual([200, "The crew"]);
    expect(await provider.members(group)).toEqual([b]);
    const rename = await provider.ask("PATCH", `/Groups/${group}`, {
      schemas: [PATCH],
      Operations: [{ op: "replace", value: { id: group, displayName: "Crew again" } }],
    });
    expect([rename.body.displayName, await provider.members(group)]).toEqual(["Crew again", [b]]);
  });
});

async function recordOf(
  server: Awaited<ReturnType<typeof scimHouse>>["server"],
  collection: string,
  id: string,
): Promise<object> {
  const found = await server.store.read("system", [{ kind: "row", collection, id }]);
  return JSON.parse(found?.results[0]?.text ?? "{}") as object;
}
