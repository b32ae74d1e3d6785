import { once } from "node:events";
import { WebSocket } from "ws";

const OPENING = 100;

/** Sockets that follow a server, beside which the benchmark's writer runs. */
export class Subscribers {
  readonly sockets: readonly WebSocket[];
  /** Of each, what its last frame was told to hold. */
  onFrame: (frame: Buffer, subscriber: number) => void = () => undefined;

  private constructor(sockets: readonly WebSocket[]) {
    this.sockets = sockets;
    for (const [i, socket] of sockets.entries()) socket.on("message", (frame: Buffer) => this.onFrame(frame, i));
  }

  /** `hello`: what each says first, and waits for an `end`; null: it says nothing. */
  static async open(url: string, count: number, hello: object | null): Promise<Subscribers> {
    const sockets: WebSocket[] = [];
    for (let at = 0; at < count; at += OPENING) {
      const some = Array.from({ length: Math.min(OPENING, count - at) }, async () => {
        const socket = new WebSocket(url.replace("http", "ws"), { perMessageDeflate: false });
        await once(socket, "open");
        if (hello === null) return socket;
        const ended = new Promise<void>((resolve) => {
          const look = (frame: Buffer) => {
            if (revisionOf(frame) === null) return;
            socket.off("message", look);
            resolve();
          };
          socket.on("message", look);
        });
        socket.send(JSON.stringify(hello));
        await ended;
        return socket;
      });
      sockets.push(...(await Promise.all(some)));
    }
    return new Subscribers(sockets);
  }

  /** Milliseconds from the write until each subscriber has a frame that holds these bytes, in the order of arrival. */
  async times(write: () => Promise<unknown>, holds: string): Promise<number[]> {
    const mark = Buffer.from(holds);
    const times: number[] = [];
    const told = new Promise<void>((resolve) => {
      this.onFrame = (frame) => {
        if (!frame.includes(mark)) return;
        times.push(performance.now() - start);
        if (times.length === this.sockets.length) resolve();
      };
    });
    const start = performance.now();
    const written = write();
    await told;
    await written;
    return times;
  }

  close(): void {
    for (const socket of this.sockets) socket.terminate();
  }
}

/** The revision at which the frame ends, if it does. */
export function revisionOf(frame: Buffer): number | null {
  const begin = frame.lastIndexOf('{"op":"end"');
  const found = begin < 0 ? null : /"revision":(\d+)/.exec(frame.toString("utf8", begin));
  return found ? Number(found[1]) : null;
}
