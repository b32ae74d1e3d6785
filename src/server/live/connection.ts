import type { User } from "../../model/schema.ts";
import { utf8 } from "../../util/utf8.ts";
import type { LiveErrorLine, LiveLine, VerifiedMessage } from "../../wire/live.ts";
import { Problem } from "../../wire/problem.ts";
import { demand, LOGIN_ENDED } from "../access.ts";
import type { LiveReplica, Verification } from "../admin/replicas.ts";
import { parseJson } from "../body.ts";
import type { Core } from "../core.ts";
import { logFault, problemOf } from "../problem.ts";
import { principalName } from "../pull.ts";
import { pushed } from "../push.ts";
import { Changes } from "./changes.ts";
import { Follower, type Outlet } from "./follower.ts";
import { Inbox } from "./inbox.ts";
import { type Message, messageOf, messages, opOf, unknownOp } from "./messages.ts";
import type { Room } from "./room.ts";
import { CLOSE, type CloseCode, type LivePeer, type LiveSocket } from "./socket.ts";

/** Seconds: for the first token; between two looks at what a principal may read; until a quiet side is asked for a sign. */
const TOKEN = 10;
const JUDGED = 14;
const QUIET = 25;
/** Subscribes and unsubscribes that may wait for their turn before no more messages are taken. */
const WORKS = 16;

/** What surrounds the connections. */
export interface Surroundings {
  readonly core: Core;
  room(space: string): Room;
  /** It has said whose it is. Throws `rate-limited` where the principal has too many connections. */
  known(user: User): void;
  /** `last`: of its space. */
  gone(connection: Connection, last: boolean): void;
  sent(bytes: number): void;
}

export interface Opened {
  /** Of this server, since it started. */
  readonly number: number;
  readonly space: string;
  readonly socket: LiveSocket;
  /** The principal of a token that comes on the connection. Throws `unauthenticated`. */
  identify(token: string): Promise<User>;
}

/** One live connection (L1), whatever its socket is: messages come in, frames go out, and time passes by `sweep`. */
export class Connection implements LivePeer, Outlet {
  readonly number: number;
  readonly space: string;
  readonly changes = new Changes();
  user: User | null = null;
  principal = "";
  open = true;
  private readonly around: Surroundings;
  private readonly socket: LiveSocket;
  private readonly identify: Opened["identify"];
  private readonly inbox: Inbox;
  private readonly follower: Follower;
  private readonly opened: number;
  private able = false;
  private verification: Verification | null = null;
  /** Seconds since it was looked at what it may read, and since the other side gave a sign of life. */
  private judged = 0;
  private quiet = 0;

  constructor(around: Surroundings, { number, space, socket, identify }: Opened) {
    this.number = number;
    this.around = around;
    this.space = space;
    this.socket = socket;
    this.identify = identify;
    this.opened = around.core.clock.now();
    this.follower = new Follower(this, around.room(space));
    this.inbox = new Inbox(socket, (data) => this.takeIn(data));
  }

  get full(): boolean {
    return this.socket.full;
  }

  /** What administrators are told of it; null before it has said whose it is. */
  get replica(): LiveReplica | null {
    const { user, opened, full: slow, able, verification, number } = this;
    return user === null ? null : { user, number, opened, slow, able, verification, ...this.follower.stands };
  }

  /** Whose it is. Ends it where the principal has too many. */
  become(user: User): void {
    try {
      this.around.known(user);
    } catch (error) {
      return this.fail(problemOf(error), CLOSE.later);
    }
    this.user = user;
    this.principal = principalName(user.id);
    this.socket.welcome();
    // It may have ended since it was shown.
    if (!this.around.core.access.stands(user)) this.unauthenticated(LOGIN_ENDED);
  }

  // What the socket tells

  message(data: Uint8Array, binary = false): void {
    this.heard();
    if (!this.open) return;
    if (binary) this.fail(new Problem("invalid", "a frame is text"), CLOSE.unsupported);
    else this.inbox.put(data);
  }

  drained(): void {
    this.heard();
    this.changes.happened();
    this.follower.drained();
  }

  heard(): void {
    this.quiet = 0;
  }

  closed(): void {
    if (!this.open) return;
    this.open = false;
    this.inbox.close();
    this.around.gone(this, this.follower.leave());
    this.changes.happened();
  }

  // What administrators ask of the replica

  /** Asks it to verify itself (Y15); false where it is not able to. What it finds is told by `replica`. */
  verify(): boolean {
    if (!this.able || !this.open) return false;
    // It is at it already.
    if (this.verification !== null && this.verification.answer === null) return true;
    const { clock } = this.around.core;
    this.verification = { number: (this.verification?.number ?? 0) + 1, asked: clock.now(), answer: null };
    this.tell({ op: "verify", verify: this.verification.number });
    return true;
  }

  private verified({ verify, found, failure }: VerifiedMessage): void {
    const { verification } = this;
    if (verification === null || verification.number !== verify || verification.answer !== null) return;
    const at = this.around.core.clock.now();
    this.verification = { ...verification, answer: { at, found: found ?? null, failure: failure ?? null } };
  }

  // What time brings

  /** Called once a second: seconds are counted by it, so that nothing ends when somebody sets the clock. */
  sweep(now: number): void {
    if (!this.open) return;
    this.judged++;
    this.quiet++;
    if (this.user === null) {
      if (this.judged >= TOKEN) this.unauthenticated("no token came within 10 seconds: send it first");
      return;
    }
    const { expires } = this.user;
    if (expires !== undefined && expires <= now) {
      return this.unauthenticated("the token has expired: get a new one, and send it before the old one ends");
    }
    if (this.quiet >= 2 * QUIET) return this.socket.terminate();
    if (this.quiet === QUIET) this.socket.ping();
    if (this.judged >= JUDGED) this.judge();
  }

  /** The server ends. */
  end(): void {
    this.fail(new Problem("unavailable", "the server is ending: connect again", { retryAfter: 1 }), CLOSE.restart);
  }

  /** Logins or permissions may have changed. A login that has ended ends it at once, before anything else is told (U4). */
  judge(): void {
    if (!this.open || this.user === null) return;
    if (!this.around.core.access.stands(this.user)) return this.unauthenticated(LOGIN_ENDED);
    this.judged = 0;
    this.follower.review();
  }

  // Messages

  private async takeIn(data: Uint8Array): Promise<void> {
    // Who does not read what it is told is not listened to.
    await this.changes.until(() => !this.open || (!this.socket.full && this.follower.waiting < WORKS));
    if (!this.open) return;
    const { clock, active, metrics, log } = this.around.core;
    const began = clock.now();
    const ended = active.begin();
    const told = await this.heed(data);
    ended();
    const ms = clock.now() - began;
    metrics.request(`LIVE ${told.of}`, told.status, ms / 1_000);
    log.info({ route: `live ${told.of}`, space: this.space, status: told.status, ms }, "message");
  }

  /** Does what a message says, or tells why not. */
  private async heed(data: Uint8Array): Promise<{ of: LiveErrorLine["of"]; status: number }> {
    const { core } = this.around;
    let of: LiveErrorLine["of"] = "message";
    try {
      if (this.user !== null) core.rate.admit(this.user.id);
      const value = parseJson(data, core.settings.limits);
      const op = opOf(value);
      if (op === null) throw unknownOp();
      of = op;
      if (this.user === null && op !== "token") {
        throw new Problem("unauthenticated", "the first message is a token, where the handshake had none");
      }
      await this.obey(messageOf(op, value, core.settings.limits));
      return { of, status: 200 };
    } catch (error) {
      logFault(core.log, error, { route: `live ${of}`, space: this.space });
      const problem = problemOf(error);
      // Keys that cannot be fetched are no fault of the token's.
      if (this.user === null) this.fail(problem, problem.code === "unavailable" ? CLOSE.later : CLOSE.policy);
      else this.refuse(of, problem);
      return { of, status: problem.body().status };
    }
  }

  private async obey(message: Message): Promise<void> {
    const { access } = this.around.core;
    const user = this.user ?? { id: "" };
    if (messages[message.op].asks === "head") demand(access, user, { do: "head", space: this.space });
    switch (message.op) {
      case "token":
        return this.renew(await this.identify(message.token));
      case "subscribe":
        this.able ||= message.able.includes("verify");
        return this.follower.subscribe(message.request);
      case "unsubscribe":
        return this.follower.unsubscribe(message.keys);
      case "pull":
        return this.follower.pull(message.pull);
      case "push":
        return this.push(message, user);
      case "verified":
        return this.verified(message);
    }
  }

  private async push({ op: _, ...request }: Extract<Message, { op: "push" }>, user: User): Promise<void> {
    const done = this.follower.push(request.client);
    try {
      const result = await pushed(this.around.core, { space: this.space, user }, request);
      this.tell({ op: "outcomes", ...result });
    } finally {
      done();
    }
  }

  private renew(user: User): void {
    if (this.user === null) return this.become(user);
    if (user.id !== this.user.id) {
      throw new Problem("forbidden", "the token is of another principal than this connection: open another one");
    }
    this.user = user;
    this.follower.review();
  }

  // What it tells

  send(frame: Uint8Array): void {
    if (!this.open) return;
    this.around.sent(frame.length);
    this.socket.send(frame);
  }

  refuse(of: LiveErrorLine["of"], problem: Problem): void {
    this.tell({ op: "error", of, problem: { ...problem.body() } });
  }

  /** Says why, and ends the connection. */
  fail(problem: Problem, code: CloseCode): void {
    if (!this.open) return;
    this.refuse("connection", problem);
    this.closed();
    this.socket.close(code, problem.code);
  }

  private tell(line: LiveLine): void {
    this.send(utf8(JSON.stringify(line)));
  }

  private unauthenticated(detail: string): void {
    this.fail(new Problem("unauthenticated", detail), CLOSE.policy);
  }
}
