import { createServer as createHttp, type Server as HttpServer, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, it } from "vitest";
import { createServer, type Server } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { insert } from "../support/server.ts";

const opened: HttpServer[] = [];
afterEach(() => {
  for (const http of opened.splice(0)) http.closeAllConnections();
});

async function served(listener: RequestListener): Promise<string> {
  const http = createHttp(listener);
  opened.push(http);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

const listenerOf = (server: Server) => getRequestListener(server.handler, { overrideGlobalObjects: false });

/** Each gives the address under which Tidemark answers. */
const mounts: { [name: string]: (server: Server) => Promise<string> } = {
  async Hono(server) {
    const app = new Hono().mount("/sync", server.handler);
    return `${await served(getRequestListener(app.fetch, { overrideGlobalObjects: false }))}/sync`;
  },
  async Express(server) {
    return `${await served(express().use("/sync", listenerOf(server)))}/sync`;
  },
  async Fastify(server) {
    const app = fastify();
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (_, __, done) => done(null));
    const listener = listenerOf(server);
    app.all("/sync/*", (request, reply) => {
      reply.hijack();
      void listener(request.raw, reply.raw);
    });
    await app.ready();
    opened.push(app.server);
    return `${await app.listen({ port: 0, host: "127.0.0.1" })}/sync`;
  },
  async "a route handler as Next has it"(server) {
    const handlers = {
      GET: (request: Request) => server.handler(request),
      POST: (request: Request) => server.handler(request),
    };
    const route = (request: Request) => handlers[request.method as "GET"](request);
    return `${await served(getRequestListener(route, { overrideGlobalObjects: false }))}/api/v1/sync`;
  },
};

describe.each(Object.entries(mounts))("mounted in %s", (_, mount) => {
  it("[H14] [H4] [H3] takes a push, streams a pull, tells errors", async () => {
    const server = createServer({
      store: openSqliteStore({ path: ":memory:" }),
      config: { collections: { items: {} }, auth: { open: true } },
    });
    const url = await mount(server);
    const post = (path: string, body: object) =>
      fetch(`${url}/v1/spaces/acme/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const writes = Array.from({ length: 500 }, (_, i) => insert(`r${i}`, { text: "x".repeat(500) }));
    expect((await post("push", { client: "c1", mutations: [{ id: 1, base: 0, writes }] })).status).toBe(200);
    const text = await (await post("pull", { subscriptions: [{ scope: "*" }] })).text();
    expect(text.match(/"id":"r\d+"/g)).toHaveLength(500);
    expect((await fetch(`${url}/v1/spaces/acme`)).status).toBe(200);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const problem = await post("pull", {});
    expect([problem.status, problem.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
    await server.close();
  });
});

describe("raw requests", () => {
  it("[H3] a client that speaks plain HTTP gets lines that it can show", async () => {
    const server = createServer({
      store: openSqliteStore({ path: ":memory:" }),
      config: { auth: { open: true }, spaces: ["acme"] },
    });
    const url = new URL(await served(listenerOf(server)));
    const body = '{"subscriptions":[{"scope":"*"}]}';
    const head = `POST /v1/spaces/acme/pull HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    const text = await spoken(Number(url.port), `${head}Connection: close\r\n\r\n${body}`);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toMatch(/content-type: application\/x-ndjson/i);
    expect(text).toContain('{"op":"end","revision":0,');
    const broken = await spoken(Number(url.port), `${head}Connection: close\r\n\r\n${body.slice(0, 5)}`, true);
    expect(broken).not.toContain("200 OK");
    expect((await fetch(`${url.origin}/healthz`)).status).toBe(200);
    await server.close();
  });
});

/** What a server says to these bytes. */
function spoken(port: number, bytes: string, hangUp = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(bytes);
      if (hangUp) socket.end();
    });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
}
