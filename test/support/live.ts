import { WebSocket } from "ws";
import type { Config, ServerOptions } from "../../src/server/index.ts";
import { type Listening, listen } from "../../src/server/index.ts";
import type { EndLine } from "../../src/wire/lines.ts";
import type { LiveLine, LiveMessage } from "../../src/wire/live.ts";
import type { SubscriptionRequest } from "../../src/wire/pull.ts";
import { TestServer } from "./server.ts";

/** A server on a real port, and connections to it. */
export class LiveServer extends TestServer {
  readonly #clients: LiveClient[] = [];
  listening: Listening | null = null;

  static async start(config: Config = {}, options: Partial<ServerOptions> = {}): Promise<LiveServer> {
    const server = new LiveServer(config, options);
    server.listening = await listen(server.server, { port: 0 });
    return server;
  }

  get url(): string {
    return this.listening?.url ?? "";
  }

  /** A connection that is open. */
  async connect(
    options: { token?: string; headers?: Record<string, string>; space?: string } = {},
  ): Promise<LiveClient> {
    const { token, space = "acme" } = options;
    const headers = { ...options.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    const client = new LiveClient(`${this.url.replace("http", "ws")}/v1/spaces/${space}/live`, headers);
    this.#clients.push(client);
    await client.opened;
    return client;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#clients) socket.terminate();
    await this.listening?.close();
  }
}

/** The other end of a live connection: every line that came, in order, to be taken one by one. */
export class LiveClient {
  readonly socket: WebSocket;
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly lines: LiveLine[] = [];
  frames = 0;
  #taken = 0;
  #pulls = 0;
  #wake: () => void = () => undefined;
  #over = false;

  constructor(url: string, headers: Record<string, string>) {
    this.socket = new WebSocket(url, { headers, perMessageDeflate: false });
    this.opened = new Promise((resolve, reject) => {
      this.socket.once("open", resolve);
      this.socket.once("error", reject);
      this.socket.once("unexpected-response", (_, response) => {
        let text = "";
        response.on("data", (data: Buffer) => {
          text += data.toString();
        });
        response.on("end", () => reject(new Refused(response.statusCode ?? 0, text)));
      });
    });
    this.closed = new Promise((resolve) => {
      this.socket.once("close", (code, reason) => {
        this.#over = true;
        this.#wake();
        resolve({ code, reason: reason.toString() });
      });
    });
    this.socket.on("error", () => undefined);
    this.socket.on("message", (data: Buffer) => {
      this.frames++;
      for (const line of data.toString().split("\n")) this.lines.push(JSON.parse(line) as LiveLine);
      this.#wake();
    });
  }

  send(message: LiveMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  subscribe(...subscriptions: SubscriptionRequest[]): Promise<LiveLine[]> {
    this.send({ op: "subscribe", subscriptions });
    return this.answer();
  }

  /** The lines up to the next one of this kind, which are not given again. */
  async until(done: (line: LiveLine) => boolean): Promise<LiveLine[]> {
    const begin = this.#taken;
    for (let at = begin; ; at++) {
      while (at >= this.lines.length) {
        if (this.#over) throw new Error(`the connection closed after ${JSON.stringify(this.lines.slice(begin))}`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      if (!done(this.lines[at] as LiveLine)) continue;
      this.#taken = at + 1;
      return this.lines.slice(begin, at + 1);
    }
  }

  /** The lines up to the next `end`. */
  answer(): Promise<LiveLine[]> {
    return this.until(({ op }) => op === "end");
  }

  async next<O extends LiveLine["op"]>(op: O): Promise<Extract<LiveLine, { op: O }>> {
    return (await this.until((line) => line.op === op)).at(-1) as Extract<LiveLine, { op: O }>;
  }

  /** The answer to a `pull`. */
  async pull(): Promise<EndLine> {
    const pull = ++this.#pulls;
    this.send({ op: "pull", pull });
    return (await this.until((line) => line.op === "end" && line.pull === pull)).at(-1) as EndLine;
  }
}

export class Refused extends Error {
  readonly status: number;
  readonly body: { readonly code?: string };
  constructor(status: number, text: string) {
    super(`refused: ${status} ${text}`);
    this.status = status;
    this.body = text.startsWith("{") ? JSON.parse(text) : {};
  }
}
