import { connect, createServer, type Server, type Socket } from "node:net";

type Direction = "asked" | "answered";

interface Cut {
  readonly direction: Direction;
  /** Bytes that still pass. */
  left: number;
}

/** A network between a program and a server: it can be slow, stand still, and break at any byte. */
export class Proxy {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #cut: Cut | null = null;
  #delay: () => number = () => 0;
  #still = false;
  #muted: Direction | null = null;
  /** Bytes a second. */
  #rate = Number.POSITIVE_INFINITY;
  #apart = false;
  /** Bytes that have passed, each way. */
  readonly passed = { asked: 0, answered: 0 };

  private constructor(target: URL) {
    this.#target = { host: target.hostname, port: Number(target.port) };
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#join(near));
  }

  static async to(url: string): Promise<Proxy> {
    const proxy = new Proxy(new URL(url));
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** An address, by way of the proxy. */
  url(direct: string): string {
    const url = new URL(direct);
    url.host = `127.0.0.1:${(this.#server.address() as { port: number }).port}`;
    return url.href;
  }

  /** Breaks the connection that carries the n-th byte from now on, before that byte; later ones are whole. */
  cutAfter(bytes: number, direction: Direction): void {
    this.#cut = { direction, left: bytes };
  }

  /** Whether the last cut was made. */
  get isCut(): boolean {
    return this.#cut === null;
  }

  /** Holds each piece back for a time, in milliseconds. */
  slow(delay: () => number): void {
    this.#delay = delay;
  }

  /** As `slow`, and each statement by itself, also those that were sent together. */
  slowStatements(delay: () => number): void {
    this.slow(delay);
    this.#apart = true;
  }

  /** From now on nothing passes, and nobody is told. */
  stand(): void {
    this.#still = true;
  }

  /** What goes in this direction is lost from now on, and nobody is told; null: all passes again. */
  mute(direction: Direction | null): void {
    this.#muted = direction;
  }

  /** A narrow line: so many bytes a second, each way of each connection. */
  narrow(rate: number): void {
    this.#rate = rate;
  }

  /** Breaks all connections that there are. */
  drop(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** New connections pass again; those that stood still are broken. */
  move(): void {
    this.#still = false;
    this.drop();
  }

  close(): void {
    this.#server.close();
    this.drop();
  }

  #join(near: Socket): void {
    const far = connect({ ...this.#target, allowHalfOpen: true });
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    this.#carry(near, far, "asked");
    this.#carry(far, near, "answered");
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#pairs.delete(pair);
        for (const other of pair) other.destroySoon();
      });
    }
  }

  #carry(from: Socket, to: Socket, direction: Direction): void {
    let before = Promise.resolve();
    const inTurn = (work: () => void, bytes = 0) => {
      const ms = this.#delay() + (1000 * bytes) / this.#rate;
      before = before.then(() => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined)).then(work);
    };
    const statements = direction === "asked" && this.#apart ? statementsOf() : (data: Buffer) => [data];
    const carry = (piece: Buffer) => {
      if (this.#still || this.#muted === direction) return;
      const whole = this.#let(piece, direction);
      inTurn(() => {
        to.write(whole);
        if (whole.length < piece.length) for (const socket of [from, to]) socket.destroySoon();
      }, piece.length);
    };
    from.on("data", (data) => {
      for (const piece of statements(data)) carry(piece);
    });
    from.on("end", () => {
      if (!this.#still) inTurn(() => to.end());
    });
  }

  /** As much of a piece as the cut leaves. */
  #let(piece: Buffer, direction: Direction): Buffer {
    this.passed[direction] += piece.length;
    if (this.#cut?.direction !== direction) return piece;
    const { left } = this.#cut;
    if (piece.length <= left) {
      this.#cut.left -= piece.length;
      return piece;
    }
    this.#cut = null;
    return piece.subarray(0, left);
  }
}

/** Where a statement begins, among the messages that a program sends: Query, Parse and Bind. */
const BEGINS = new Set("QPB");

/**
 * Takes what a program sends to PostgreSQL apart where statements begin. A message is a letter and the length of the rest, but
 * for the first of a connection, which has no letter.
 */
function statementsOf(): (data: Buffer) => Buffer[] {
  let waiting = Buffer.alloc(0);
  let first = true;
  return (data) => {
    waiting = Buffer.concat([waiting, data]);
    const pieces: Buffer[] = [];
    let from = 0;
    let at = 0;
    for (;;) {
      const letter = first ? 0 : 1;
      if (waiting.length < at + letter + 4) break;
      const length = letter + waiting.readInt32BE(at + letter);
      if (waiting.length < at + length) break;
      if (!first && at > from && BEGINS.has(String.fromCharCode(waiting[at] as number))) {
        pieces.push(waiting.subarray(from, at));
        from = at;
      }
      first = false;
      at += length;
    }
    if (at > from) pieces.push(waiting.subarray(from, at));
    waiting = waiting.subarray(at);
    return pieces;
  };
}
