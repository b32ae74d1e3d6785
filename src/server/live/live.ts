import { spaceFlaw } from "../../model/names.ts";
import type { User } from "../../model/schema.ts";
import { Problem } from "../../wire/problem.ts";
import { Active } from "../active.ts";
import type { Core } from "../core.ts";
import { checkOpen, checkSocket, type OriginSettings, originOf } from "../origin.ts";
import { logFault, problemOf, problemResponse } from "../problem.ts";
import { Connection, type Surroundings } from "./connection.ts";
import { Room } from "./room.ts";
import type { LivePeer, LiveSocket } from "./socket.ts";

/** Milliseconds between two looks at what time has brought to the connections. */
const SWEEP = 1_000;
/** Milliseconds that closing connections get to send their last words. */
const GRACE = 5_000;

/** What became of a handshake: an answer that refuses it, or what is to be called with the socket that it opened. */
export type Handshake = { readonly refused: Response } | { open(socket: LiveSocket): LivePeer };

/** All live connections of a server. */
export class Live implements Surroundings {
  readonly core: Core;
  private readonly settings: OriginSettings;
  private readonly connections = new Set<Connection>();
  private readonly rooms = new Map<string, Room>();
  private readonly perUser = new Map<string, number>();
  /** Sockets that are not closed yet. */
  private readonly sockets = new Set<LiveSocket>();
  private readonly active = new Active();
  private strangers = 0;
  private opened = 0;
  private sweeping = false;
  private frames = 0;
  private bytes = 0;

  constructor(core: Core) {
    this.core = core;
    const { origins, auth } = core.settings;
    this.settings = { origins, trustProxy: auth.trustProxy ?? false, open: core.access.open };
    core.metrics.live(() => ({ connections: this.connections.size, frames: this.frames, bytes: this.bytes }));
    core.replicas.watchLive({
      of: (space) => [...this.connections].flatMap((each) => (each.space === space ? (each.replica ?? []) : [])),
      verify: (space, number) => {
        const found = [...this.connections].find((each) => each.space === space && each.number === number);
        return found === undefined ? null : found.verify();
      },
    });
    core.access.watch(() => {
      for (const connection of this.connections) connection.judge();
    });
    core.stopping.addEventListener("abort", () => {
      for (const connection of this.connections) connection.end();
    });
  }

  /** Judges a request to open a connection to a space. `remote`: the address of the other end. */
  async accept(request: Request, space: string, remote: string | undefined): Promise<Handshake> {
    const { core } = this;
    const began = core.clock.now();
    let status = 101;
    try {
      const user = await this.admitted(request, space, remote);
      return { open: (socket) => this.open(request, space, remote, socket, user) };
    } catch (error) {
      logFault(core.log, error, { route: "live", space });
      const problem = problemOf(error);
      status = problem.body().status;
      return { refused: problemResponse(problem) };
    } finally {
      const ms = core.clock.now() - began;
      core.metrics.request("LIVE open", status, ms / 1_000);
      core.log.info({ route: "live", space, status, ms }, "handshake");
    }
  }

  /** Closes what is open, as the server ends. */
  async close(): Promise<void> {
    const idle = new AbortController();
    await Promise.race([this.active.idle().then(() => idle.abort()), this.core.clock.sleep(GRACE, idle.signal)]);
    for (const socket of this.sockets) socket.terminate();
  }

  private async admitted(request: Request, space: string, remote: string | undefined): Promise<User | null> {
    const { core, settings } = this;
    if (core.stopping.aborted) throw new Problem("unavailable", "the server is ending: try again", { retryAfter: 1 });
    if (core.access.closedUntilReady) await core.ready;
    checkOpen(request, settings);
    checkSocket(request, settings);
    const user = await this.identify(request, remote).catch((error: unknown) => {
      const later = !request.headers.has("authorization") && !core.access.open;
      if (later && error instanceof Problem && error.code === "unauthenticated") return null;
      throw error;
    });
    if (user !== null) core.rate.admit(user.id);
    const flaw = spaceFlaw(space);
    if (flaw !== null) throw new Problem("invalid", flaw, { path: "space" });
    this.checkCount(user);
    await core.ready;
    core.overdue.check(space);
    return user;
  }

  private async identify(request: Request, remote: string | undefined): Promise<User> {
    const user = await this.core.access.identify(request, originOf(request, remote, this.settings));
    if (user.expires === undefined || user.expires > this.core.clock.now()) return user;
    throw new Problem("unauthenticated", "the login has expired: log in again");
  }

  private checkCount(user: User | null): void {
    const { access, settings } = this.core;
    const { sockets, strangers } = settings.limits;
    if (user === null && this.strangers >= strangers) {
      throw new Problem("rate-limited", "too many connections wait for their token: try again", { retryAfter: 10 });
    }
    if (user !== null && !access.open && (this.perUser.get(user.id) ?? 0) >= sockets) {
      const detail = `this principal has ${sockets} live connections, which is the limit: close some`;
      throw new Problem("rate-limited", detail, { retryAfter: 10 });
    }
  }

  private open(
    request: Request,
    space: string,
    remote: string | undefined,
    socket: LiveSocket,
    user: User | null,
  ): LivePeer {
    const { url } = request;
    const kept = [...request.headers].filter(
      ([name]) => !/^(authorization|sec-websocket|connection|upgrade)/.test(name),
    );
    const identify = (token: string) => {
      const headers: [string, string][] = [...kept, ["authorization", `Bearer ${token}`]];
      return this.identify(new Request(url, { headers }), remote);
    };
    const connection = new Connection(this, { number: ++this.opened, space, socket, identify });
    this.connections.add(connection);
    this.sockets.add(socket);
    const ended = this.active.begin();
    this.strangers++;
    if (user !== null) connection.become(user);
    if (this.core.stopping.aborted) connection.end();
    if (!this.sweeping) void this.sweep();
    return {
      message: (data, binary) => connection.message(data, binary),
      drained: () => connection.drained(),
      heard: () => connection.heard(),
      closed: () => {
        connection.closed();
        this.sockets.delete(socket);
        ended();
      },
    };
  }

  // What connections tell

  room(space: string): Room {
    let room = this.rooms.get(space);
    if (room === undefined) {
      room = new Room(this.core, space);
      this.rooms.set(space, room);
    }
    return room;
  }

  known(user: User): void {
    this.checkCount(user);
    this.perUser.set(user.id, (this.perUser.get(user.id) ?? 0) + 1);
    this.strangers--;
  }

  gone(connection: Connection, last: boolean): void {
    const { user, space } = connection;
    this.connections.delete(connection);
    if (user === null) this.strangers--;
    else {
      const count = (this.perUser.get(user.id) ?? 1) - 1;
      if (count > 0) this.perUser.set(user.id, count);
      else this.perUser.delete(user.id);
    }
    if (last) this.rooms.delete(space);
    this.core.log.info({ space }, "a live connection has ended");
  }

  sent(bytes: number): void {
    this.frames++;
    this.bytes += bytes;
  }

  private async sweep(): Promise<void> {
    const { clock, stopping } = this.core;
    this.sweeping = true;
    while (this.connections.size > 0 && !stopping.aborted) {
      await clock.sleep(SWEEP, stopping);
      const now = clock.now();
      for (const connection of this.connections) connection.sweep(now);
    }
    this.sweeping = false;
  }
}
