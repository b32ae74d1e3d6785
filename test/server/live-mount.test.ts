import { createServer as createHttp, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { createServer, type Server } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { LiveClient, type Refused } from "../support/live.ts";

const opened: HttpServer[] = [];
afterEach(() => {
  for (const http of opened.splice(0)) http.closeAllConnections();
});

async function listening(http: HttpServer, server: Server): Promise<string> {
  opened.push(http);
  http.on("upgrade", (request, socket, head) => {
    if (!server.upgrade(request, socket, head))
      others(http).handleUpgrade(request, socket, head, (own) => own.send("mine"));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

/** The application has WebSockets of its own, too. */
const others = (() => {
  const made = new WeakMap<HttpServer, WebSocketServer>();
  return (http: HttpServer) => {
    const known = made.get(http) ?? new WebSocketServer({ noServer: true });
    made.set(http, known);
    return known;
  };
})();

const mounts: { [name: string]: (server: Server) => Promise<string> } = {
  "node:http": (server) =>
    listening(createHttp(getRequestListener(server.handler, { overrideGlobalObjects: false })), server),
  Express: (server) => listening(createHttp(express()), server),
  async Fastify(server) {
    const app = fastify();
    await app.ready();
    return listening(app.server, server);
  },
};

describe.each(Object.entries(mounts))("mounted in %s", (_, mount) => {
  it("[H14] [H6] takes live connections under a prefix, and leaves other upgrades to others", async () => {
    const store = openSqliteStore({ path: ":memory:" });
    const server = createServer({ store, config: { auth: { open: true } } });
    const url = await mount(server);
    const client = new LiveClient(`${url}/api/sync/v1/spaces/acme/live`, {});
    await client.opened;
    expect((await client.subscribe({ scope: "*" })).at(-1)).toMatchObject({ op: "end", revision: 0 });
    const other = new WebSocket(`${url}/chat`);
    expect(await new Promise((resolve) => other.on("message", (data) => resolve(String(data))))).toBe("mine");
    other.terminate();
    await server.close();
    expect((await client.closed).code).toBe(1012);
    const late = new LiveClient(`${url}/api/sync/v1/spaces/acme/live`, {});
    await expect(late.opened).rejects.toMatchObject({ status: 503 } satisfies Partial<Refused>);
  });
});
