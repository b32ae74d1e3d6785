import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, onTestFinished, test } from "vitest";
import { startLinks } from "../../src/peer/index.ts";
import { grantRoutes } from "../../src/server/grants/routes.ts";
import { routes } from "../../src/server/routes.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { createUsers } from "../../src/users/index.ts";
import { described, Judge } from "../support/described.ts";
import { insert, ofOp, remove, SECRET, SPACE, TestServer, tokenFor, update } from "../support/server.ts";
import { held } from "../support/socket.ts";

async function filled() {
  const users = createUsers();
  const server = new TestServer(
    { users: true },
    { identity: users, secrets: {}, links: startLinks, store: openSqliteStore({ path: ":memory:" }) },
  );
  onTestFinished(() => server.server.close());
  return server;
}

describe("openapi.json", () => {
  test("[H17] is a document of OpenAPI 3.1, and names every operation once", async () => {
    const document = await described(await filled());
    const { valid, errors } = await new Validator().validate(document as never);
    expect(valid, JSON.stringify(errors)).toBe(true);
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(ids.length).toBeGreaterThan(30);
    expect(ids).toEqual([...new Set(ids)]);
  });

  test("[H17] no route of a server is left out", async () => {
    const all = [...routes, ...grantRoutes({} as never), ...createUsers().routes].filter(
      ({ path }) => !path.endsWith("/*"),
    );
    expect(all.filter(({ about }) => about === undefined).map(({ method, path }) => `${method} ${path}`)).toEqual([]);
    const document = await described(await filled());
    for (const { method, path } of all) {
      expect(document.paths[path.replaceAll(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()], path).toBeDefined();
    }
  });

  test("[H17] real answers, good and bad, are as it says", async () => {
    const server = new TestServer({ auth: { jwtSecret: SECRET } }, { links: startLinks });
    onTestFinished(() => server.server.close());
    server.token = await tokenFor("ann", { acme: { read: ["*"], write: ["*"], admin: true }, "*": { admin: true } });
    const judge = new Judge(await described(server));
    const get = async (path: string, query = "", more: Record<string, string> = {}) => {
      const address = Object.entries({ space: "acme", ...more }).reduce(
        (all, [name, value]) => all.replace(`{${name}}`, value),
        path,
      );
      await judge.judge("GET", path, await server.request(`${address}${query}`));
    };
    const S = "/v1/spaces/{space}";
    const post = async (verb: string, body: unknown) =>
      judge.judge("POST", `${S}/${verb}`, await server.post(`${SPACE}/${verb}`, body));
    await get(S);
    await server.write("c0", [
      insert("a", { box: 1 }),
      insert("b", { text: "x".repeat(700_000) }),
      insert("c", { text: "x".repeat(700_000) }),
    ]);
    await post("push", {
      client: "c1",
      mutations: [
        { id: 1, base: 1, writes: [update("a", { n: 1, list: [1, { deep: null }] })] },
        { id: 2, base: 0, writes: [update("a", { n: 2 })] },
        { id: 3, base: 1, writes: [insert("z", { [`x${"y".repeat(10)}`]: "z".repeat(2_000_000) })] },
        { id: 4, base: 1, writes: [remove("b")] },
      ],
    });
    await post("push", { client: "c1", mutations: [{ id: 9, base: 1, writes: [] }] });
    await post("push", { client: 3 });
    await get("/healthz");
    await get("/readyz");
    await get("/metrics");
    await get(S, "?scope=*&client=c1");
    await get(S, "?scope=*&cursor=nonsense");
    await post("pull", { subscriptions: [{ scope: "*", key: "all" }], client: "c1" });
    const cursor = (await server.head()).cursor;
    await server.write("c0", [update("a", { n: null }), remove("c")]);
    await post("pull", { subscriptions: [{ scope: "*", cursor }, { scope: "box/1" }], authors: true });
    await post("pull", { subscriptions: "all" });
    await post("verify", { subscription: { scope: "*" }, ranges: [{ from: null, to: null }], leaf: 4, authors: true });
    await get(`${S}/journal`, "?since=0&limit=10");
    await get(`${S}/journal`, "?since=x");
    await get(`${S}/history/{collection}/{id}`, "", { collection: "items", id: "a" });
    await get(`${S}/history/{collection}/{id}`, "", { collection: "items", id: "none" });
    await get(`${S}/live`);
    await get(`${S}/links`);
    await judge.judge(
      "POST",
      `${S}/links`,
      await server.post(`${SPACE}/links`, { name: "up", url: "http://127.0.0.1:9", schedule: "0 0 1 1 *" }),
    );
    await get(`${S}/links`);
    await get(`${S}/links/{name}`, "", { name: "up" });
    await judge.judge("POST", `${S}/links/{name}`, await server.post(`${SPACE}/links/up`, { do: "pause" }));
    const large = (id: string) => insert(id, { text: "x".repeat(700_000) });
    await server.write("c0", ["d", "e", "f", "g"].map(large));
    const page = ofOp(await server.pull({ subscriptions: [{ scope: "*" }], pages: true }), "page")[0];
    await judge.judge("GET", `${S}/pages/{page}`, await server.request(`${SPACE}/${page?.href}`));
    await post("erase", { collection: "items", id: "a" });
    await post("cut", { journal: "0s" });
    await get(`${S}/journal`);
    await get(`${S}/journal`, "?changes=1");
    await get("/v1/spaces");
    for (const what of ["scopes", "records", "store", "replicas", "lost"]) await get(`${S}/${what}`);
    const socket = await held(server.server, { headers: { authorization: `Bearer ${server.token}` } });
    socket.say({ op: "subscribe", subscriptions: [{ scope: "*" }], able: ["verify"] });
    while (socket.lines.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const order = await server.post(`${SPACE}/replicas/1`, { do: "verify" });
    await judge.judge("POST", `${S}/replicas/{connection}`, order);
    const own = routes
      .filter(({ path }) => !path.endsWith("/live"))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    expect(own.filter((route) => !judge.asked.has(route))).toEqual([]);
    server.token = "nonsense";
    await get(S);
  });
});
