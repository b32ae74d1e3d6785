import type { Clock } from "../util/clock.ts";
import type { LiveLine, LiveMessage } from "../wire/live.ts";
import { Problem } from "../wire/problem.ts";
import type { PushResponse } from "../wire/push.ts";
import { ConnectionLost, Interrupted, TransportError } from "./errors.ts";
import { parsedLine } from "./ndjson.ts";
import { isPushResponse, problemOf } from "./transport.ts";
import { RUNG } from "./wake.ts";
import { Watch } from "./watch.ts";

/** What of a WebSocket is used; those of browsers and of Node are such. */
export interface Socket {
  send(text: string): void;
  close(): void;
  addEventListener(
    type: "open" | "message" | "close" | "error",
    listener: (event: { readonly type: string; readonly data?: unknown }) => void,
  ): void;
}
export type SocketConstructor = new (url: string) => Socket;

/** A line as it came and as it was parsed. */
export interface LiveReceived {
  readonly text: string;
  readonly line: LiveLine;
}

/** Characters that may wait to be taken: a socket cannot be told to wait, as a response can. */
const WAITING = 32 * 1_048_576;

/** One open socket: lines come in, messages go out. It knows the form of what is said, and nothing of what it means. */
export class Channel {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #opened = Promise.withResolvers<void>();
  readonly #over = new AbortController();
  #news = Promise.withResolvers<void>();
  #lines: LiveReceived[] = [];
  #size = 0;
  #lost: ConnectionLost | null = null;
  #pushing: PromiseWithResolvers<PushResponse> | null = null;
  /** The server asks the replica to verify itself. */
  onVerify: (number: number) => void = () => {};
  /** When something came last. */
  heard: number;

  private constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.heard = clock.now();
    this.#opened.promise.catch(() => {});
    socket.addEventListener("open", () => this.#opened.resolve());
    socket.addEventListener("message", ({ data }) => this.#take(data));
    for (const end of ["error", "close"] as const) socket.addEventListener(end, () => this.close());
  }

  /** Throws where it cannot be opened. */
  static async open(Socket: SocketConstructor, url: string, clock: Clock, watch: Watch): Promise<Channel> {
    const channel = new Channel(new Socket(url), clock);
    try {
      await watch.within(channel.#opened.promise);
      return channel;
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  send(message: LiveMessage): void {
    this.#send(JSON.stringify(message));
  }

  /** Sends the text of a PushRequest. */
  async push(body: string, watch: Watch): Promise<PushResponse> {
    const pushing = Promise.withResolvers<PushResponse>();
    this.#pushing = pushing;
    try {
      this.#send(`{"op":"push",${body.slice(1)}`);
      return await watch.within(pushing.promise);
    } catch (error) {
      if (error instanceof Problem || error instanceof ConnectionLost) throw error;
      // Its outcomes would be taken for those of the next push.
      this.close(error);
      throw error instanceof Interrupted ? error : this.#lost;
    } finally {
      this.#pushing = null;
    }
  }

  /** Whether there is something to take, or to learn, at once. */
  get ready(): boolean {
    return this.#lines.length > 0 || this.#lost !== null;
  }

  /** Aborted when the connection is lost. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Resolves when something has come, the connection is lost, or `stir` is called. */
  news(): Promise<void> {
    return this.ready ? Promise.resolve() : this.#news.promise;
  }

  /** Whoever waits for news looks whether there is something else to do. */
  stir(): void {
    const { resolve } = this.#news;
    this.#news = Promise.withResolvers();
    resolve();
  }

  /** The next line, where it is there already. */
  taken(): LiveReceived | undefined {
    const next = this.#lines.shift();
    if (next !== undefined) this.#size -= next.text.length;
    return next;
  }

  /** The next line. Throws ConnectionLost where it has not come after `patience` milliseconds. */
  async next(patience: number, signal: AbortSignal): Promise<LiveReceived> {
    // What answers a push rings, too.
    while (!this.ready) await this.#awaited(patience, signal);
    const next = this.taken();
    if (next === undefined) throw this.#lost;
    return next;
  }

  /** Gives the connection up. Lines that have come can still be taken. */
  close(cause?: unknown): void {
    if (this.#lost !== null) return;
    this.#lost = new ConnectionLost(cause);
    this.#opened.reject(this.#lost);
    this.#pushing?.reject(this.#lost);
    this.stir();
    this.#over.abort(RUNG);
    this.#socket.close();
  }

  async #awaited(patience: number, signal: AbortSignal): Promise<void> {
    const watch = new Watch(this.#clock, patience, signal);
    try {
      await watch.within(this.news());
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      this.close(error);
    } finally {
      watch.close();
    }
  }

  #send(text: string): void {
    if (this.#lost !== null) throw this.#lost;
    try {
      this.#socket.send(text);
    } catch (error) {
      this.close(error);
      throw this.#lost;
    }
  }

  #take(data: unknown): void {
    if (this.#lost !== null) return;
    this.heard = this.#clock.now();
    try {
      if (typeof data !== "string") throw new TransportError("foreign", "a frame is not text");
      for (const text of data.split("\n")) if (text !== "") this.#takeLine(text);
      if (this.#size > WAITING) throw new TransportError("late", "more came than could be taken in");
    } catch (error) {
      this.close(error);
    }
    this.stir();
  }

  /** What answers a push is not made to wait behind what answers anything else. */
  #takeLine(text: string): void {
    const line = parsedLine(text) as LiveLine;
    if (line.op === "outcomes") {
      if (!isPushResponse(line)) throw new TransportError("foreign", "outcomes without a revision");
      this.#pushing?.resolve(line);
    } else if (line.op === "error" && line.of === "push") {
      this.#pushing?.reject(problemOf(line.problem) ?? new TransportError("foreign", "an unknown error"));
    } else if (line.op === "verify") {
      this.onVerify(line.verify);
    } else {
      this.#lines.push({ text, line });
      this.#size += text.length;
    }
  }
}
