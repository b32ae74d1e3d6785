import { createServer as createProxy } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { LiveServer } from "../support/live.ts";
import { insert, SECRET, tokenFor } from "../support/server.ts";

/** The platform's own WebSocket and fetch, and a server on a port. */
async function place(config = {}, options = {}) {
  const server = await LiveServer.start(config, options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

function clientAt(url: string, options = {}) {
  const client = createClient({ url, space: "acme", ...options });
  onTestFinished(() => client.close());
  return client;
}

/** Resolves when the client's status is so. */
function when(client: ReturnType<typeof clientAt>, done: (status: typeof client.status) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!done(client.status)) return;
      off();
      resolve();
    };
    const off = client.on("status", look);
    look();
  });
}

const connections = async (url: string) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^tidemark_live_connections (\d+)/m.exec(text)?.[1] ?? Number.NaN);
};

async function live(url: string): Promise<void> {
  while ((await connections(url)) === 0) await new Promise((resolve) => setImmediate(resolve));
}

describe("a client with the platform's WebSocket", () => {
  it("[L1] [W9] [C2] hears of commits as they are made, and pushes on the connection", async () => {
    const server = await place();
    await server.write("other", insert("a"));
    const client = clientAt(server.url);
    await client.subscribe({ scope: "*" }).ready;
    await live(server.url);
    await server.write("other", insert("b"));
    await when(client, ({ revision }) => revision === 2);
    expect(await client.mutate((tx) => tx.insert("items", { id: "c" })).settled).toMatchObject({ status: "applied" });
    await client.sync();
    expect((await client.query({ collection: "items" })).map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(client.status).toMatchObject({ state: "upToDate", revision: 3, pending: 0 });
    await client.close();
    while ((await connections(server.url)) > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it("[L4] [A5] shows its token in a message, and nobody sees it in an address", async () => {
    const paths: string[] = [];
    const log = { info: (fields: object) => void paths.push(JSON.stringify(fields)), error: () => undefined };
    const server = await place({ auth: {} }, { secrets: { jwtSecret: SECRET }, log });
    const token = await tokenFor("ann", { acme: { read: ["*"], write: ["*"] } });
    server.token = token;
    await server.write("other", insert("a"));
    const client = clientAt(server.url, { auth: token });
    await client.subscribe({ scope: "*" }).ready;
    while (!paths.some((path) => path.includes("live pull"))) await new Promise((resolve) => setImmediate(resolve));
    await server.write("other", insert("b"));
    await when(client, ({ revision }) => revision === 2);
    expect(paths.join("\n")).not.toContain(token);
  });
});

describe("a proxy that knows no WebSocket", () => {
  it("[L6] carries pulls that wait, and the client is as quickly told", async () => {
    const server = await place();
    await server.push({ client: "c0", mutations: [] });
    let refused = 0;
    const proxy = createProxy((request, response) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const answer = await fetch(`${server.url}${request.url}`, {
          method: request.method ?? "GET",
          headers: { "content-type": "application/json", "accept-encoding": "identity" },
          ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
        });
        response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
        response.flushHeaders();
        response.end(Buffer.from(await answer.arrayBuffer()));
      })().catch(() => response.destroy());
    });
    proxy.on("upgrade", (_, socket) => {
      refused++;
      socket.end("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    const client = clientAt(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    const states = new Set<string>();
    client.on("status", ({ state }) => states.add(state));
    await client.subscribe({ scope: "*" }).ready;
    while (refused === 0) await new Promise((resolve) => setImmediate(resolve));
    await server.write("other", insert("a"));
    await when(client, ({ revision }) => revision === 1);
    expect(await client.query({ collection: "items" })).toEqual([{ id: "a" }]);
    expect(states).not.toContain("offline");
    await client.close();
  });
});
