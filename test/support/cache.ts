import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Kept {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/**
 * A shared HTTP cache before a server, as a CDN is: it keeps what says that it may be kept, by its path and the encoding
 * that was asked for, and asks once for many who ask at the same time.
 */
export class HttpCache {
  readonly #server: Server;
  readonly #origin: string;
  readonly #kept = new Map<string, Promise<Kept>>();
  /** Requests for pages, and those of them that the origin was asked for. */
  readonly pages = { asked: 0, passed: 0 };
  /** What it does to the body of a page on the way out. */
  spoil: (body: Buffer) => Buffer = (body) => body;

  private constructor(origin: string) {
    this.#origin = origin;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async before(origin: string): Promise<HttpCache> {
    const cache = new HttpCache(origin);
    await new Promise<void>((resolve) => cache.#server.listen(0, "127.0.0.1", resolve));
    return cache;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const path = request.url ?? "/";
      const page = request.method === "GET" && path.includes("/pages/");
      const name = `${path.split("?")[0]} ${request.headers["accept-encoding"] ?? ""}`;
      if (page) this.pages.asked++;
      const known = page ? this.#kept.get(name) : undefined;
      const asking = known ?? this.#pass(request, page);
      if (page) this.#kept.set(name, asking);
      const kept = await asking;
      if (kept.status !== 200 || !kept.headers["cache-control"]?.includes("immutable")) this.#kept.delete(name);
      response.writeHead(kept.status, kept.headers);
      response.end(page ? this.spoil(kept.body) : kept.body);
    } catch {
      response.destroy();
    }
  }

  async #pass(request: IncomingMessage, page: boolean): Promise<Kept> {
    if (page) this.pages.passed++;
    const body: Buffer[] = [];
    for await (const piece of request) body.push(piece as Buffer);
    const headers = new Headers();
    for (const name of ["authorization", "content-type"]) {
      const value = request.headers[name];
      if (typeof value === "string") headers.set(name, value);
    }
    headers.set("accept-encoding", "identity");
    const init = { method: request.method ?? "GET", headers, ...(body.length > 0 && { body: Buffer.concat(body) }) };
    const answer = await fetch(this.#origin + request.url, init);
    const told = ["content-type", "cache-control", "etag"].flatMap((name) => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, value]];
    });
    return {
      status: answer.status,
      headers: Object.fromEntries(told) as Record<string, string>,
      body: Buffer.from(await answer.arrayBuffer()),
    };
  }
}
