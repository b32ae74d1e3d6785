import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Connections that are kept, and written to without an HTTP client: what is measured is the server. */
export class Load {
  readonly #lines: Line[];

  private constructor(lines: Line[]) {
    this.#lines = lines;
  }

  static async open(url: string, connections: number): Promise<Load> {
    const { hostname, port } = new URL(url);
    const lines: Line[] = [];
    // A few at a time: more would overrun what the system keeps waiting for a server.
    for (let at = 0; at < connections; at += 100) {
      const some = Array.from({ length: Math.min(100, connections - at) }, async () => {
        const socket = connect({ host: hostname, port: Number(port), noDelay: true });
        await once(socket, "connect");
        return new Line(socket);
      });
      lines.push(...(await Promise.all(some)));
    }
    return new Load(lines);
  }

  /** Answers a second, each connection asking again as soon as it has been answered. */
  async rate(seconds: number, requestOf: (connection: number) => string): Promise<number> {
    const start = performance.now();
    const end = start + seconds * 1000;
    let answered = 0;
    await Promise.all(
      this.#lines.map(async (line, i) => {
        while (performance.now() < end) {
          await line.ask(requestOf(i));
          answered++;
        }
      }),
    );
    return (answered * 1000) / (performance.now() - start);
  }

  /** Sends a request on every connection and waits for no answer. */
  hold(requestOf: (connection: number) => string): void {
    for (const [i, line] of this.#lines.entries()) line.send(requestOf(i));
  }

  close(): void {
    for (const line of this.#lines) line.close();
  }
}

export function requestText(method: string, url: string, body = ""): string {
  const { pathname, host } = new URL(url);
  const headers = [`${method} ${pathname} HTTP/1.1`, `host: ${host}`, "content-type: application/json"];
  return `${[...headers, `content-length: ${Buffer.byteLength(body)}`].join("\r\n")}\r\n\r\n${body}`;
}

class Line {
  readonly #socket: Socket;
  #text = "";
  #answered: (() => void) | null = null;
  #failed: ((error: Error) => void) | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      this.#text += chunk;
      if (!isWhole(this.#text)) return;
      const text = this.#text;
      this.#text = "";
      if (text.startsWith("HTTP/1.1 200")) this.#answered?.();
      else this.#failed?.(new Error(text));
    });
    socket.on("error", (error) => this.#failed?.(error));
    socket.on("close", () => this.#failed?.(new Error("the server closed a connection")));
  }

  send(request: string): void {
    this.#socket.write(request);
  }

  ask(request: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.send(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Whether an answer has arrived to its end. */
export function isWhole(text: string): boolean {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head + 2))?.[1];
  return length === undefined ? text.endsWith("0\r\n\r\n") : text.length >= head + 4 + Number(length);
}
