import type { LiveSocket } from "./socket.ts";

/** Messages that are taken in before the ones before them are done with. */
const MOST = 16;

/** Messages wait here for those before them; where many do, the socket is told to wait, too. */
export class Inbox {
  private readonly socket: Pick<LiveSocket, "pause" | "resume">;
  private readonly take: (data: Uint8Array) => Promise<void>;
  private waiting: Uint8Array[] = [];
  private paused = false;
  private working = false;

  /** `take` never rejects. */
  constructor(socket: Pick<LiveSocket, "pause" | "resume">, take: (data: Uint8Array) => Promise<void>) {
    this.socket = socket;
    this.take = take;
  }

  put(data: Uint8Array): void {
    this.waiting.push(data);
    if (this.waiting.length >= MOST && !this.paused) {
      this.paused = true;
      this.socket.pause();
    }
    if (!this.working) void this.work();
  }

  close(): void {
    this.waiting = [];
  }

  private async work(): Promise<void> {
    this.working = true;
    for (let data = this.waiting.shift(); data !== undefined; data = this.waiting.shift()) await this.take(data);
    this.working = false;
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }
}
