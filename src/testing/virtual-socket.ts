import type { Socket } from "../client/channel.ts";
import type { Handshake, LivePeer, LiveSocket } from "../server/index.ts";
import { utf8 } from "../util/utf8.ts";

/** The way between two ends of sockets. */
export interface Road {
  /** Resolves when what is sent now has arrived. */
  travel(way: "up" | "down"): Promise<void>;
  /** What becomes of a frame: it may take the connection with it, and then each end is told, or neither is. */
  fate(way: "up" | "down", text: string): "arrives" | "breaks" | "vanishes";
  /** The server's judgement of a handshake; rejects where nobody is there. */
  accept(request: Request): Promise<Handshake>;
  /** Aborted when the server's process is gone. */
  readonly gone: AbortSignal;
}

/** Bytes on their way from which on the server is told to wait. */
const FULL = 65_536;

type Listener = Parameters<Socket["addEventListener"]>[1];

/** A WebSocket whose other end is handed to a server of this process. `road`: asked for each new socket. */
export function virtualSocket(road: () => Road): new (url: string) => VirtualSocket {
  return class extends VirtualSocket {
    constructor(url: string) {
      super(url, road());
    }
  };
}

export class VirtualSocket implements Socket {
  private readonly road: Road;
  private readonly listeners = new Map<string, Listener[]>();
  /** Each way is first in, first out. */
  private readonly lanes = { up: Promise.resolve(), down: Promise.resolve() };
  private readonly far: FarEnd;
  private closed = false;
  /** Whatever is sent goes nowhere, and nobody is told. */
  private vanished = false;

  constructor(url: string, road: Road) {
    this.road = road;
    this.far = new FarEnd({
      deliver: (frame) => this.carryDown(frame),
      ping: () => this.carry("down", () => this.carry("up", () => this.far.pong())),
      closed: () => this.breakDown(),
    });
    road.gone.addEventListener("abort", () => {
      this.far.die();
      this.breakDown();
    });
    void this.connect(url.replace(/^ws/, "http"));
  }

  addEventListener(type: string, listener: Listener): void {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
  }

  send(text: string): void {
    if (this.closed) return;
    this.carry("up", () => this.far.receive(utf8(text)), text);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.carry("up", () => this.far.hangUp());
  }

  private async connect(url: string): Promise<void> {
    try {
      await this.road.travel("up");
      if (this.road.fate("up", url) !== "arrives") throw new Error("lost");
      const handshake = await this.road.accept(new Request(url));
      await this.road.travel("down");
      if ("refused" in handshake || this.closed) throw new Error("refused");
      // What the server says at once comes after the handshake.
      this.tell("open");
      this.far.connect(handshake);
    } catch {
      this.end();
    }
  }

  private carryDown(frame: Uint8Array): void {
    const text = new TextDecoder().decode(frame);
    this.carry(
      "down",
      () => {
        if (!this.closed) this.tell("message", text);
        this.far.left(frame.length);
      },
      text,
    );
  }

  /** Breaks it now; both ends are told. */
  sever(): void {
    this.far.hangUp();
    this.end();
  }

  /** The server's end is closed: the client hears of it behind all that was sent. */
  private breakDown(): void {
    this.carry("down", () => this.end());
  }

  private carry(way: "up" | "down", arrive: () => void, text = ""): void {
    const fate = this.road.fate(way, text);
    this.lanes[way] = this.lanes[way].then(async () => {
      await this.road.travel(way);
      if (fate === "vanishes") this.vanished = true;
      if (this.vanished) return;
      if (fate === "arrives") return arrive();
      this.sever();
    });
  }

  private end(): void {
    if (this.closed) return;
    this.closed = true;
    this.tell("close");
  }

  private tell(type: string, data?: unknown): void {
    for (const listener of this.listeners.get(type) ?? []) listener({ type, data });
  }
}

/** What the server's end does to the other one. */
interface Near {
  deliver(frame: Uint8Array): void;
  ping(): void;
  closed(): void;
}

/** The server's end of a socket. */
class FarEnd implements LiveSocket {
  private peer: LivePeer | null = null;
  private open = true;
  private dead = false;
  private held: Uint8Array[] | null = null;
  private underWay = 0;
  private wasFull = false;
  private readonly near: Near;

  constructor(near: Near) {
    this.near = near;
  }

  connect({ open }: Extract<Handshake, { open: unknown }>): void {
    if (!this.dead) this.peer = open(this);
  }

  // What the server does

  get full(): boolean {
    this.wasFull ||= this.underWay > FULL;
    return this.underWay > FULL;
  }

  welcome(): void {}

  send(frame: Uint8Array): void {
    if (!this.open) return;
    this.underWay += frame.length;
    this.near.deliver(frame);
  }

  ping(): void {
    if (this.open) this.near.ping();
  }

  pause(): void {
    this.held ??= [];
  }

  resume(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const frame of held) this.receive(frame);
  }

  close(): void {
    this.terminate();
  }

  terminate(): void {
    if (!this.open) return;
    this.open = false;
    this.near.closed();
    queueMicrotask(() => this.peer?.closed());
  }

  // What comes from the other end

  receive(frame: Uint8Array): void {
    if (!this.open || this.dead) return;
    if (this.held !== null) this.held.push(frame);
    else this.peer?.message(frame);
  }

  /** A frame has arrived at the other end. */
  left(bytes: number): void {
    this.underWay -= bytes;
    if (this.dead || !this.open) return;
    if (this.underWay > 0 || !this.wasFull) return;
    this.wasFull = false;
    this.peer?.drained();
  }

  pong(): void {
    if (this.open && !this.dead) this.peer?.heard();
  }

  hangUp(): void {
    if (!this.open || this.dead) return;
    this.open = false;
    this.peer?.closed();
  }

  /** Its process is gone: it says and hears nothing any more. */
  die(): void {
    this.dead = true;
    this.open = false;
  }
}
