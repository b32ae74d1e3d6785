import type { Handshake, LivePeer, LiveSocket, Server } from "../../src/server/index.ts";
import type { LiveLine, LiveMessage } from "../../src/wire/live.ts";

/** A socket in the hand of a test: what is sent on it leaves only where the test lets it. */
export class HeldSocket implements LiveSocket {
  readonly lines: LiveLine[] = [];
  readonly frames: Uint8Array[] = [];
  pings = 0;
  /** Whether it answers pings. */
  alive = true;
  paused = false;
  closed: { readonly code: number; readonly reason: string } | null = null;
  terminated = false;
  /** Bytes above which it is full. */
  most = 1_000;
  /** Bytes that have not left. */
  waiting = 0;
  /** Most bytes that ever waited. */
  peak = 0;
  stalled = false;
  #peer: LivePeer | null = null;
  #onLine: (line: LiveLine) => void = () => undefined;

  get full(): boolean {
    return this.waiting > this.most;
  }

  attach(peer: LivePeer, onLine: (line: LiveLine) => void = () => undefined): this {
    this.#peer = peer;
    this.#onLine = onLine;
    return this;
  }

  send(frame: Uint8Array): void {
    this.frames.push(frame);
    if (this.stalled) {
      this.waiting += frame.length;
      this.peak = Math.max(this.peak, this.waiting);
    }
    for (const text of new TextDecoder().decode(frame).split("\n")) {
      const line = JSON.parse(text) as LiveLine;
      this.lines.push(line);
      this.#onLine(line);
    }
  }

  /** All that waits leaves. */
  drain(): void {
    this.stalled = false;
    this.waiting = 0;
    this.#peer?.drained();
  }

  say(message: LiveMessage): void {
    this.#peer?.message(new TextEncoder().encode(JSON.stringify(message)));
  }

  ping(): void {
    this.pings++;
    if (this.alive) this.#peer?.heard();
  }

  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  welcome(): void {}

  close(code: number, reason: string): void {
    this.closed = { code, reason };
    this.#peer?.closed();
  }

  terminate(): void {
    this.terminated = true;
    this.#peer?.closed();
  }

  ops(): string[] {
    return this.lines.map(({ op }) => op);
  }

  of<O extends LiveLine["op"]>(op: O): Extract<LiveLine, { op: O }>[] {
    return this.lines.filter((line): line is Extract<LiveLine, { op: O }> => line.op === op);
  }

  clear(): void {
    this.lines.length = 0;
    this.frames.length = 0;
  }
}

/** Opens a connection over a held socket. */
export async function held(
  server: Server,
  options: { headers?: Record<string, string>; space?: string; onLine?: (line: LiveLine) => void } = {},
): Promise<HeldSocket> {
  const { headers = {}, space = "acme", onLine } = options;
  const request = new Request(`http://127.0.0.1/v1/spaces/${space}/live`, {
    headers: { host: "127.0.0.1", ...headers },
  });
  const handshake: Handshake = await server.accept(request, space, { remote: "127.0.0.1" });
  if ("refused" in handshake) throw new Error(`refused: ${await handshake.refused.text()}`);
  const socket = new HeldSocket();
  return socket.attach(handshake.open(socket), onLine);
}
