// How a link comes to be, what it may do, and how it ends (S7): in each refusal nothing is changed.
import { describe, expect, test } from "vitest";
import { Vault } from "../../src/server/index.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { type Clock, systemClock } from "../../src/util/clock.ts";
import type { GrantedLink } from "../../src/wire/grants.ts";
import { good } from "../support/server.ts";
import { founded } from "../users/support.ts";
import { branch, headquarters, invited, kept, SECRET_KEY, until } from "./branch.ts";

type House = Awaited<ReturnType<typeof headquarters>>;

const YEAR = 31_536_000_000;

/** A clock that goes wrong by so many milliseconds. */
class OffClock implements Clock {
  by = 0;
  now = () => systemClock.now() + this.by;
  sleep: Clock["sleep"] = (ms, signal) => systemClock.sleep(ms, signal);
}

async function granted({ server, ann }: House): Promise<readonly GrantedLink[]> {
  const token = ann.accessToken;
  return ((await good(await server.request("/v1/links", { token }))) as { links: GrantedLink[] }).links;
}

/** A branch that follows `acme`, and the last token that its link showed. */
async function following(hq: House, code: string, link: object = {}, more: object = {}) {
  const seen = { token: "" };
  const fetch: typeof globalThis.fetch = (input, init) => {
    const shown = new Headers(init?.headers).get("authorization");
    if (shown !== null) seen.token = shown.replace("Bearer ", "");
    return globalThis.fetch(input, init);
  };
  const local = await branch({ space: "acme", link: { url: hq.server.url, code, ...link }, fetch, ...more });
  return { local, seen };
}

async function withBox(hq: House) {
  const writes = [
    { op: "insert", collection: "items", record: { id: "i", box: 1 } },
    { op: "insert", collection: "items", record: { id: "j", box: 2 } },
  ];
  const body = { client: "x", mutations: [{ id: 1, base: 0, writes }] };
  await good(await hq.server.post("/v1/spaces/acme/push", body, { token: hq.ann.accessToken }));
}

const running = (local: Awaited<ReturnType<typeof branch>>) => async () => (await local.state())?.state === "running";

async function refusalOf(local: Awaited<ReturnType<typeof branch>>, space = "acme"): Promise<string | null> {
  await until(async () => (await local.state(space))?.state === "refused");
  return (await local.state(space))?.cause ?? null;
}

describe("registering a link", () => {
  test("[S7 S20] a code makes a link once; whoever shows it again is refused, and has nothing", async () => {
    const hq = await headquarters();
    await withBox(hq);
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme", users: "none" });
    const { local } = await following(hq, code);
    await until(running(local));
    await until(async () => (await kept(local.server, "items", "i", "acme")) !== null);
    const second = await following(hq, code);
    expect(await refusalOf(second.local)).toMatch(/this code has been used/);
    expect(await kept(second.local.server, "items", "i", "acme")).toBeNull();
    expect(await granted(hq)).toMatchObject([
      { space: "acme", scopes: ["*"], direction: "pull", users: "none", revoked: null },
    ]);
    const wrong = await following(hq, "made up");
    expect(await refusalOf(wrong.local)).toMatch(/there is no such code/);
  });

  test("[S20] a code that has expired is refused", async () => {
    const clock = new OffClock();
    const hq = await headquarters({ clock });
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme", users: "none", lasts: "1h" });
    clock.by = 3_700_000;
    const { local } = await following(hq, code, {}, { clock });
    expect(await refusalOf(local)).toMatch(/this code has expired/);
    expect(
      await hq.server.store.read("system-links", [{ kind: "notes-between", from: "grant/", to: "grant0", limit: 1 }]),
    ).toMatchObject({ results: [[]] });
  });

  test("[S20] a clock that is off by a year is told, and the code is still good afterwards", async () => {
    const clock = new OffClock();
    const hq = await headquarters();
    await withBox(hq);
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme", users: "none" });
    clock.by = YEAR;
    const { local } = await following(hq, code, {}, { clock });
    expect(await refusalOf(local)).toMatch(/the clocks of the two servers are 365 days apart/);
    expect(await granted(hq)).toEqual([]);
    clock.by = 0;
    await local.links.order("acme", "hq", { do: "resume" });
    await until(running(local));
    clock.by = -YEAR;
    await local.links.order("acme", "hq", { do: "pause" });
    await until(async () => (await local.state())?.state === "paused");
    await local.links.order("acme", "hq", { do: "resume" });
    await until(async () => (await local.state())?.state === "crashing");
    expect((await local.state())?.cause).toMatch(/365 days apart/);
  });

  test("[S20] who asks for more than the code grants is refused, and the code is still good", async () => {
    const hq = await headquarters();
    await withBox(hq);
    const { code } = await invited(hq.server, hq.ann.accessToken, {
      space: "acme",
      scopes: ["box/1"],
      users: "directory",
    });
    for (const [link, excess] of [
      [{}, "the scope \\*"],
      [{ scopes: ["box/2"] }, "the scope box/2"],
      [{ scopes: ["box/1"], direction: "both" }, 'the direction "both"'],
      [{ scopes: ["box/1"], users: "verifier" }, 'users: "verifier"'],
      [{ scopes: ["box/1"], space: "other" }, "the space other"],
    ] as const) {
      const { local } = await following(hq, code, link);
      expect(await refusalOf(local)).toMatch(new RegExp(`does not grant ${excess}`));
    }
    expect(await granted(hq)).toEqual([]);
    const { local } = await following(hq, code, { scopes: ["box/1"] });
    await until(running(local));
  });

  test("[S23] without TIDEMARK_SECRET_KEY neither end makes a key, and no code is spent", async () => {
    const hq = await headquarters();
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme", users: "none" });
    const { local } = await following(hq, code, {}, { secretKey: undefined });
    expect(await refusalOf(local)).toMatch(/^keys of links are stored encrypted: set TIDEMARK_SECRET_KEY/);
    expect(await granted(hq)).toEqual([]);
    const { server, ann } = await founded();
    const refused = await server.post("/v1/links/invite", { space: "acme" }, { token: ann.accessToken });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ detail: expect.stringMatching(/set TIDEMARK_SECRET_KEY/) });
    await server[Symbol.asyncDispose]();
  });

  test("[S23] a server that starts with another secret key says so, and with the right one goes on", async () => {
    const hq = await headquarters();
    await withBox(hq);
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme", users: "none" });
    const { local } = await following(hq, code);
    await until(running(local));
    const note = (await local.server.store.note("acme", "link/hq/key")) ?? "";
    const { sealed } = JSON.parse(note) as { sealed: string };
    const random = seededRandom("vault");
    const use = "the key of the link hq into acme";
    const secret = JSON.parse(await new Vault(SECRET_KEY, random).open(use, sealed)) as { d: string };
    expect(note).not.toContain(secret.d);
    const other = new Vault(Buffer.alloc(32, 9).toString("base64"), random);
    await expect(other.open(use, sealed)).rejects.toThrow(/TIDEMARK_SECRET_KEY is not the one that it was stored with/);
    await expect(new Vault(SECRET_KEY, random).open("another use", sealed)).rejects.toThrow(/cannot be decrypted/);
    await expect(new Vault("short", random).seal(use, "x")).rejects.toThrow(/is not 32 bytes as base64/);
  });
});

describe("what a registered link may do", () => {
  test.for([undefined, true])("[S24] it learns who wrote what only where the code says so: %s", async (authors) => {
    const hq = await headquarters();
    await withBox(hq);
    const grant = { space: "acme", users: "none", ...(authors && { authors }) } as const;
    const { code } = await invited(hq.server, hq.ann.accessToken, grant);
    expect((await granted(hq)).length).toBe(0);
    const { local } = await following(hq, code);
    await until(running(local));
    await until(async () => (await kept(local.server, "items", "i", "acme")) !== null);
    const answer = await local.server.store.read("acme", [{ kind: "row", collection: "items", id: "i" }]);
    const origin = answer?.results[0]?.stamps.get("box")?.origin;
    const { url: server } = hq.server;
    // This server has no links of its own, and so no identity.
    if (authors) expect(origin).toMatchObject({ server, revision: 1, client: "x" });
    else expect(origin).toBeUndefined();
    expect(await local.state()).toMatchObject({ state: "running", authors: authors === true });
    expect((await granted(hq))[0]?.authors).toBe(authors);
  });

  test("[S7 S21] only what it was granted: it reads and writes nothing else, and administers nothing", async () => {
    const hq = await headquarters();
    await withBox(hq);
    const { code } = await invited(hq.server, hq.ann.accessToken, {
      space: "acme",
      scopes: ["box/1"],
      users: "directory",
    });
    const { local, seen } = await following(hq, code, { scopes: ["box/1"] });
    await until(running(local));
    expect(await kept(local.server, "items", "j", "acme")).toBeNull();
    const { token } = seen;
    const before = await hq.server.store.head("acme");
    const pull = (space: string, scope: string) =>
      hq.server.post(`/v1/spaces/${space}/pull`, { subscriptions: [{ key: "k", scope }] }, { token });
    for (const [space, scope] of [
      ["acme", "box/2"],
      ["acme", "*"],
      ["system", "*"],
      ["system-credentials", "verifiers"],
      ["system-sessions", "*"],
      ["system-links", "*"],
    ] as const) {
      const text = await (await pull(space, scope)).text();
      expect([space, scope, /forbidden|revoked|unknown-space/.test(text), /"op":"(put|page)"/.test(text)]).toEqual([
        space,
        scope,
        true,
        false,
      ]);
    }
    expect(await (await pull("system", "users")).text()).toContain('"userName":"ann"');
    const push = (space: string, collection: string) => {
      const record = { id: "i", box: 1, userName: "i", active: true };
      const mutations = [{ id: 1, base: 1, writes: [{ op: "insert", collection, record }] }];
      return hq.server.post(`/v1/spaces/${space}/push`, { client: `c-${space}`, mutations }, { token });
    };
    for (const [space, collection] of [
      ["acme", "items"],
      ["system", "users"],
      ["system-credentials", "verifiers"],
    ] as const)
      expect(await (await push(space, collection)).text()).toMatch(/forbidden/);
    for (const path of ["/v1/spaces/acme/journal?since=0", "/v1/links", "/v1/spaces/acme/links"])
      expect((await hq.server.request(path, { token })).status).toBe(403);
    expect(await hq.server.store.head("acme")).toEqual(before);
  });

  test("[S7 S21] one that is revoked is answered nothing, and its connections close at once", async () => {
    const hq = await headquarters();
    await withBox(hq);
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme", users: "none" });
    const { local, seen } = await following(hq, code);
    await until(running(local));
    const socket = await hq.server.connect({ token: seen.token });
    const [link] = await granted(hq);
    await good(await hq.server.post("/v1/links/revoke", { link: link?.link }, { token: hq.ann.accessToken }));
    expect((await socket.closed).code).toBe(1008);
    const answer = await hq.server.request("/v1/spaces/acme", { token: seen.token });
    expect([answer.status, await answer.json()]).toMatchObject([401, { detail: expect.stringMatching(/revoked/) }]);
    await until(async () => (await local.state())?.state === "crashing");
    expect(await kept(local.server, "items", "i", "acme")).not.toBeNull();
    expect((await hq.server.post("/v1/links/revoke", { link: "nobody" }, { token: hq.ann.accessToken })).status).toBe(
      404,
    );
  });
});

describe("a peer that lies about its path", () => {
  /** A link whose answers to the handshake are changed on their way. */
  async function lied(change: (body: { path: string[]; signature?: string }) => object): Promise<string | null> {
    const hq = await headquarters();
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme", users: "none" });
    await withBox(hq);
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await globalThis.fetch(input, init);
      if (!String(input).includes("?link=")) return response;
      return Response.json(change((await response.json()) as { path: string[] }));
    };
    const local = await branch({ space: "acme", link: { url: hq.server.url, code }, fetch });
    const refusal = await refusalOf(local);
    expect(await kept(local.server, "items", "i", "acme")).toBeNull();
    return refusal;
  }

  test("[S3 S22] is refused where it is upstream: the path is signed by the server that was registered with", async () => {
    expect(await lied(({ signature: _, ...body }) => body)).toMatch(/its path is not signed by it/);
    const forged = "eyJhbGciOiJFZERTQSJ9.e30.AAAA";
    expect(await lied((body) => ({ ...body, signature: forged }))).toMatch(/its path is not signed by it/);
  });

  test("[S3 S22] is refused where it is downstream: a link is of the space that it was registered for", async () => {
    const hq = await headquarters();
    await withBox(hq);
    const { code } = await invited(hq.server, hq.ann.accessToken, { space: "acme", users: "none" });
    const { local, seen } = await following(hq, code);
    await until(running(local));
    const answer = await hq.server.request("/v1/spaces/acme?link=somebody@else", { token: seen.token });
    expect([answer.status, await answer.json()]).toMatchObject([403, { code: "forbidden" }]);
  });
});
