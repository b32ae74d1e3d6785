import type { Point } from "../../model/cursor.ts";
import { type Author, authorOf, type Revision } from "../../model/record.ts";
import type { User } from "../../model/schema.ts";
import { utf8 } from "../../util/utf8.ts";
import type { LiveErrorLine, LiveLine } from "../../wire/live.ts";
import { Problem } from "../../wire/problem.ts";
import { demand } from "../access.ts";
import { parseJson } from "../body.ts";
import type { Core } from "../core.ts";
import { logFault, problemOf } from "../problem.ts";
import { principalName } from "../pull.ts";
import { pushed } from "../push.ts";
import type { Bundle } from "./bundle.ts";
import type { Delivery } from "./delivery.ts";
import { type Message, messageOf, messages, opOf, unknownOp } from "./messages.ts";
import type { Room } from "./room.ts";
import { CLOSE, type CloseCode, type LivePeer, type LiveSocket } from "./socket.ts";
import { type Subscribing, stream } from "./stream.ts";

/** Messages that are taken in before the ones before them are done with, and works that may wait for their turn. */
const INBOX = 16;
/** Seconds: for the first token; between two looks at what a principal may read; until a quiet side is asked for a sign. */
const TOKEN = 10;
const JUDGED = 14;
const QUIET = 25;

/** What surrounds the connections. */
export interface Surroundings {
  readonly core: Core;
  enter(connection: Connection): Room;
  /** It has said whose it is. Throws `rate-limited` where the principal has too many connections. */
  known(user: User): void;
  gone(connection: Connection, user: User | null): void;
  sent(bytes: number): void;
}

export interface Opened {
  readonly space: string;
  readonly socket: LiveSocket;
  /** The principal of a token that comes on the connection. Throws `unauthenticated`. */
  identify(token: string): Promise<User>;
}

/** What waits until the answer before it has ended. */
type Work =
  | { readonly kind: "subscribe"; readonly asked: Subscribing }
  | { readonly kind: "unsubscribe"; readonly keys: readonly string[] }
  | { readonly kind: "answer" };

/** Where a connection stands, as a round takes it. */
export interface Place {
  readonly bundle: Bundle;
  readonly at: Point;
  /** Whose last mutation is to be told. */
  readonly author: Author | null;
}

/** One live connection (L1), whatever its socket is: messages come in, frames go out, and time passes by `sweep`. */
export class Connection implements LivePeer {
  readonly space: string;
  private readonly around: Surroundings;
  private readonly socket: LiveSocket;
  private readonly identify: Opened["identify"];
  private readonly room: Room;
  private user: User | null = null;
  private name = "";
  private author: Author | null = null;
  private bundle: Bundle;
  /** What was told last; null: nothing yet. */
  private at: Point | null = null;
  /** Keys that ended by themselves, which a client that does not know it yet may still name. */
  private ended: Set<string> | null = null;
  private open = true;
  /** An answer is under way. */
  private busy = false;
  private inbox: Uint8Array[] = [];
  private paused = false;
  private handling = false;
  private works: Work[] = [];
  /** It wants to be told even if nothing is new. */
  private asked = false;
  /** Pushes whose end is not told yet: what is told meanwhile says how far its client's mutations are in it (W9). */
  private pushing = 0;
  private own = false;
  private settled = false;
  /** A round passed it by. */
  private missed = false;
  /** Seconds since what it may read was looked at, and since the other side gave a sign of life. */
  private judged = 0;
  private quiet = 0;
  private waiters: (() => void)[] = [];

  constructor(around: Surroundings, { space, socket, identify }: Opened) {
    this.around = around;
    this.space = space;
    this.socket = socket;
    this.identify = identify;
    this.room = around.enter(this);
    this.bundle = this.room.bundles.enter([]);
  }

  /** Whom the rows that are read for it count for. */
  get principal(): User {
    return this.user ?? { id: "" };
  }

  /** Whose it is. Ends it where the principal has too many. */
  become(user: User): void {
    try {
      this.around.known(user);
    } catch (error) {
      return this.fail(problemOf(error), CLOSE.later);
    }
    this.user = user;
    this.name = principalName(user.id);
    this.socket.welcome();
  }

  isBehind(head: Revision): boolean {
    return this.at !== null && this.at.revision < head;
  }

  // What the socket tells

  message(data: Uint8Array, binary = false): void {
    this.heard();
    if (!this.open) return;
    if (binary) return this.fail(new Problem("invalid", "a frame is text"), CLOSE.unsupported);
    this.inbox.push(data);
    if (this.inbox.length >= INBOX && !this.paused) {
      this.paused = true;
      this.socket.pause();
    }
    if (!this.handling) void this.handle();
  }

  drained(): void {
    this.heard();
    this.changed();
    this.go();
  }

  heard(): void {
    this.quiet = 0;
  }

  closed(): void {
    if (!this.open) return;
    this.open = false;
    this.inbox = [];
    this.works = [];
    this.room.bundles.leave(this.bundle);
    this.around.gone(this, this.user);
    this.changed();
  }

  // What time brings

  /** Called once a second: seconds are counted by it, so that nothing ends when somebody sets the clock. */
  sweep(now: number): void {
    if (!this.open) return;
    const { user } = this;
    this.quiet++;
    this.judged++;
    if (user === null) {
      if (this.judged >= TOKEN) this.unauthenticated("no token came within 10 seconds: send it first");
      return;
    }
    if (user.expires !== undefined && user.expires <= now) {
      return this.unauthenticated("the token has expired: get a new one, and send it before the old one ends");
    }
    if (this.quiet >= 2 * QUIET) return this.socket.terminate();
    if (this.quiet === QUIET) this.socket.ping();
    if (this.judged >= JUDGED && this.revoked().length > 0) this.stream();
  }

  /** The server ends. */
  end(): void {
    this.fail(new Problem("unavailable", "the server is ending: connect again", { retryAfter: 1 }), CLOSE.restart);
  }

  terminate(): void {
    this.socket.terminate();
  }

  // What the room does with it

  /** Takes part in a round, until `release`; null where it cannot. */
  take(): Place | null {
    if (!this.open || this.user === null || this.at === null) return null;
    if (this.busy || this.works.length > 0 || this.socket.full) {
      this.missed = true;
      return null;
    }
    this.busy = true;
    this.missed = false;
    // What is read from here on is after its pushes: more need not be told of them.
    this.settled = this.own && this.pushing === 0;
    return { bundle: this.bundle, at: this.at, author: this.own || this.asked ? this.author : null };
  }

  deliver(delivery: Delivery, force: boolean): void {
    const behind = force && this.isBehind(delivery.head.revision);
    if (!this.open || !(delivery.changed || behind || this.asked || this.settled)) return;
    if (this.revoked().length > 0) return this.stream();
    this.asked = false;
    if (this.settled) this.own = false;
    if (this.bundle.subscriptions.length === 0 && !this.may({ do: "head", space: this.space })) return;
    this.at = delivery.head;
    for (const frame of delivery.frames(this.name, this.author)) this.send(frame);
  }

  /** What it is to be told is not the same as for others, or too long for one frame. */
  stream(): void {
    this.works.unshift({ kind: "answer" });
    this.go();
  }

  failed(problem: Problem): void {
    if (this.asked) this.refuse("pull", problem);
    this.asked = false;
  }

  release(): void {
    this.busy = false;
    this.go();
  }

  // Messages

  private async handle(): Promise<void> {
    this.handling = true;
    while (this.open && this.inbox.length > 0) {
      // Who does not read what it is told is not listened to.
      await this.until(() => !this.socket.full && this.works.length < INBOX);
      const data = this.inbox.shift();
      if (data === undefined) break;
      await this.takeIn(data);
      if (this.paused && this.inbox.length === 0) {
        this.paused = false;
        this.socket.resume();
      }
    }
    this.handling = false;
  }

  private async takeIn(data: Uint8Array): Promise<void> {
    const { core } = this.around;
    const began = core.clock.now();
    const ended = core.active.begin();
    let of: LiveErrorLine["of"] = "message";
    let status = 200;
    try {
      if (this.user !== null) core.rate.admit(this.user.id);
      const value = parseJson(data, core.settings.limits);
      const op = opOf(value);
      if (op === null) throw unknownOp();
      of = op;
      if (this.user === null && op !== "token") {
        return this.unauthenticated("the first message is a token, where the handshake had none");
      }
      await this.obey(messageOf(op, value, core.settings.limits));
    } catch (error) {
      const problem = problemOf(error);
      logFault(core.log, error, { route: `live ${of}`, space: this.space });
      status = problem.body().status;
      if (this.user === null) this.fail(problem, CLOSE.policy);
      else this.refuse(of, problem);
    } finally {
      ended();
      const ms = core.clock.now() - began;
      core.metrics.request(`LIVE ${of}`, status, ms / 1_000);
      core.log.info({ route: `live ${of}`, space: this.space, status, ms }, "message");
    }
  }

  private async obey(message: Message): Promise<void> {
    const { core } = this.around;
    if (messages[message.op].asks === "head") demand(core.access, this.principal, { do: "head", space: this.space });
    switch (message.op) {
      case "token":
        return this.renew(await this.identify(message.token));
      case "subscribe":
        this.works.push({ kind: "subscribe", asked: message.request });
        return this.go();
      case "unsubscribe":
        this.works.push({ kind: "unsubscribe", keys: message.keys });
        return this.go();
      case "pull":
        if (this.bundle.subscriptions.length === 0 && this.works.length === 0)
          demand(core.access, this.principal, { do: "head", space: this.space });
        this.asked = true;
        return this.go();
      case "push":
        return this.push(message);
    }
  }

  private async push({ op: _, ...request }: Extract<Message, { op: "push" }>): Promise<void> {
    this.pushing++;
    this.own = true;
    try {
      const user = this.principal;
      this.nameClient(request.client);
      const result = await pushed(this.around.core, { space: this.space, user }, request);
      this.tell({ op: "outcomes", ...result });
    } finally {
      this.pushing--;
      this.go();
    }
  }

  private renew(user: User): void {
    const { clock } = this.around.core;
    if (user.expires !== undefined && user.expires <= clock.now())
      throw new Problem("unauthenticated", "the token has expired: get a new one");
    if (this.user === null) return this.become(user);
    if (user.id !== this.user.id) {
      throw new Problem("forbidden", "the token is of another principal than this connection: open another one");
    }
    this.user = user;
    if (this.revoked().length > 0) this.stream();
  }

  private nameClient(client: string | undefined): void {
    if (client !== undefined && this.author === null) this.author = authorOf(this.principal.id, client);
  }

  // Answers

  /** Goes on with what waits, if it can. */
  private go(): void {
    if (!this.open || this.busy || this.user === null || this.socket.full) return;
    if (this.asked && this.at === null && this.works.length === 0) this.works.push({ kind: "answer" });
    if (this.works.length > 0) return void this.work();
    if (this.at !== null && (this.asked || this.missed || (this.own && this.pushing === 0))) this.room.tell(this);
  }

  private async work(): Promise<void> {
    this.busy = true;
    const ended = this.around.core.active.begin();
    const work = this.works.shift() as Work;
    let begun = false;
    const of = work.kind === "answer" ? (this.asked ? "pull" : "message") : work.kind;
    try {
      if (work.kind === "unsubscribe") this.unsubscribe(work.keys);
      else begun = await this.answer(work.kind === "subscribe" ? work.asked : null, () => (begun = true));
    } catch (error) {
      logFault(this.around.core.log, error, { space: this.space, work: "live" });
      // Lines of an answer that cannot be finished are no use to anybody: the client goes on from its marks.
      if (begun) this.fail(problemOf(error), CLOSE.fault);
      else if (work.kind !== "answer" || this.asked) this.refuse(of, problemOf(error));
      if (work.kind === "answer") this.asked = false;
    } finally {
      ended();
      this.busy = false;
      this.changed();
      this.go();
    }
  }

  private async answer(asked: Subscribing | null, begun: () => void): Promise<boolean> {
    const { core } = this.room;
    if (asked !== null) this.nameClient(asked.client);
    const settled = this.pushing === 0;
    const wasAsked = this.asked;
    this.missed = false;
    const told = await stream({
      core,
      lines: this.room.lines,
      asker: { space: this.space, user: this.principal },
      bundle: this.bundle,
      at: this.at,
      author: this.author,
      asked,
      limit: core.settings.limits.subscriptions,
      now: ({ granted, revoked }) => {
        this.judged = 0;
        this.follow(granted);
        if (revoked.length > 0) this.ended = new Set([...(this.ended ?? []), ...revoked]);
      },
      send: async (frame) => {
        begun();
        this.send(frame);
        await this.until(() => !this.socket.full);
        return this.open;
      },
    });
    if (told === null) return true;
    this.at = told;
    if (settled) this.own = false;
    if (wasAsked) this.asked = false;
    return true;
  }

  private follow(subscriptions: Bundle["subscriptions"]): void {
    if (!this.open) return;
    const before = this.bundle;
    this.bundle = this.room.bundles.enter(subscriptions);
    this.room.bundles.leave(before);
    for (const { key } of subscriptions) this.ended?.delete(key);
  }

  private unsubscribe(keys: readonly string[]): void {
    const { subscriptions } = this.bundle;
    const unknown = keys.findIndex((key) => !this.ended?.has(key) && !subscriptions.some((own) => own.key === key));
    if (unknown >= 0) {
      throw new Problem("not-found", "there is no subscription of this key", { path: `keys[${unknown}]` });
    }
    this.follow(subscriptions.filter(({ key }) => !keys.includes(key)));
    for (const key of keys) this.ended?.delete(key);
    this.tell({ op: "unsubscribed", keys });
  }

  // Permission

  private may(action: Parameters<Core["access"]["authorize"]>[1]): boolean {
    return this.around.core.access.authorize(this.principal, action);
  }

  /** Keys of what may not be read any more (L4). */
  private revoked(): string[] {
    const { space } = this;
    this.judged = 0;
    return this.bundle.subscriptions
      .filter(({ coverage }) => !this.may({ do: "read", space, scope: coverage.scope }))
      .map(({ key }) => key);
  }

  // Sending

  private send(frame: Uint8Array): void {
    if (!this.open) return;
    this.around.sent(frame.length);
    this.socket.send(frame);
  }

  private tell(line: LiveLine): void {
    this.send(utf8(JSON.stringify(line)));
  }

  private refuse(of: LiveErrorLine["of"], problem: Problem): void {
    this.tell({ op: "error", of, problem: { ...problem.body() } });
  }

  private unauthenticated(detail: string): void {
    this.fail(new Problem("unauthenticated", detail), CLOSE.policy);
  }

  /** Beyond repair. */
  fail(problem: Problem, code: CloseCode): void {
    if (!this.open) return;
    this.refuse("connection", problem);
    this.closed();
    this.socket.close(code, problem.code);
  }

  // Waiting

  private changed(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  /** Until the condition holds, or the connection is closed. */
  private async until(condition: () => boolean): Promise<void> {
    while (this.open && !condition()) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }
}
