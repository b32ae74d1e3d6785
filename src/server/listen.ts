import { type Server as HttpServer, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer, type Http2Bindings, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { systemClock } from "../util/clock.ts";
import { ConfigError } from "./config.ts";
import { wholeText } from "./encode.ts";
import { isLoopbackAddress } from "./origin.ts";
import type { Server } from "./server.ts";

export interface ListenOptions {
  /** Default "127.0.0.1". A server without authentication listens on loopback only (A1). */
  readonly host?: string | undefined;
  /** Default 4848; 0 picks a free one. */
  readonly port?: number | undefined;
}

export interface Listening {
  /** Where it answers: "http://127.0.0.1:4848". */
  readonly url: string;
  /** Takes no more connections, lets requests end, closes the server and its store. */
  close(): Promise<void>;
}

/** Milliseconds in which the last bytes of answers may leave after the server has closed. */
const FLUSH = 1_000;
/** Milliseconds that an idle connection is kept: longer than a replica of a million records computes between two questions. */
const KEPT = 65_000;

/**
 * Serves a server on a port, once it is ready.
 *
 * @throws ConfigError for an address beyond loopback where no authentication is configured; an Error that names the
 * cause where the port cannot be had.
 * @example
 * const { url, close } = await listen(createServer({ store, config }), { port: 0 });
 */
export async function listen(server: Server, options: ListenOptions = {}): Promise<Listening> {
  const { host = "127.0.0.1", port = 4848 } = options;
  if (server.open && !isLoopbackHost(host)) {
    const cure = "set auth (jwtSecret, jwks or authenticate), or listen on 127.0.0.1";
    throw new ConfigError([`auth: expected an authentication, since the server is to listen on ${host}; ${cure}`]);
  }
  await server.ready;
  const http = createAdaptorServer({
    fetch: (request, env) => answered(server, request, env),
    overrideGlobalObjects: false,
  }) as HttpServer;
  http.keepAliveTimeout = KEPT;
  http.on("upgrade", (request, socket, head) => {
    if (!server.upgrade(request, socket, head)) socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n");
  });
  await bound(http, host, port);
  const { address, port: actual, family } = http.address() as AddressInfo;
  const url = `http://${family === "IPv6" ? `[${address}]` : address}:${actual}`;
  let closing: Promise<void> | null = null;
  return {
    url,
    close: () => {
      closing ??= drain(http, server);
      return closing;
    },
  };
}

/** An answer that is one text is written here: as a stream it would cost the adapter more than it cost to make. */
async function answered(server: Server, request: Request, env: HttpBindings | Http2Bindings): Promise<Response> {
  const response = await server.handler(request, env);
  const text = wholeText(response);
  const { outgoing } = env;
  if (text === undefined || !(outgoing instanceof ServerResponse)) return response;
  const length = { "content-length": Buffer.byteLength(text) };
  outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), ...length });
  outgoing.end(text);
  return RESPONSE_ALREADY_SENT;
}

function bound(http: HttpServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once("error", (error: NodeJS.ErrnoException) =>
      reject(new Error(causeOf(error, host, port), { cause: error })),
    );
    http.listen(port, host, resolve);
  });
}

function causeOf({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  if (code === "EADDRINUSE") return `port ${port} of ${host} is in use: end what listens there, or choose another port`;
  if (code === "EACCES") return `port ${port} may not be used: choose one above 1023`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return `${host} is no address of this machine`;
  return `cannot listen on ${host}:${port}: ${message}`;
}

async function drain(http: HttpServer, server: Server): Promise<void> {
  const gone = new AbortController();
  const closed = new Promise<void>((resolve) => {
    http.close(() => resolve());
  }).then(() => gone.abort());
  await server.close();
  http.closeIdleConnections();
  await Promise.race([closed, systemClock.sleep(FLUSH, gone.signal)]);
  http.closeAllConnections();
  await closed;
}

function isLoopbackHost(host: string): boolean {
  return host === "localhost" || isLoopbackAddress(host);
}
