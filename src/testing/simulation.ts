import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Hex } from "../util/sha256.ts";
import { type VirtualClock, virtualClock } from "./clock.ts";
import { CALM, type VirtualNetwork, virtualNetwork } from "./network.ts";
import type { OracleCollections } from "./oracle.ts";
import { type SeededRandom, seededRandom } from "./random.ts";
import { Device, type DeviceBackup, type Wish } from "./simulated-device.ts";
import { SimulatedServer } from "./simulated-server.ts";
import { contentFlaws, fateFlaws } from "./simulation-end.ts";
import { type Event, swarmFaults, swarmWeights } from "./swarm.ts";
import { WORKLOAD_COLLECTIONS, WORKLOAD_SUBSCRIPTIONS } from "./workload.ts";

export interface SimulationReport {
  readonly seed: string;
  /** SHA-256 of all that happened, in order: the same seed gives the same. */
  readonly trace: string;
  /** How often each thing happened. */
  readonly tally: { readonly [what: string]: number };
  /** Milliseconds of virtual time. */
  readonly elapsed: number;
}

export interface SimulationOptions {
  /** How much happens before everything has to come to rest; 120 by default. */
  readonly events?: number;
  /**
   * Nothing goes wrong but this one thing: the server, or the first device, dies at its n-th await. Tried for every n,
   * this looks into each gap of what they do.
   */
  readonly crash?: { readonly who: "server" | "device"; readonly await: number };
}

/** A rule that a run has broken. */
export class SimulationFailure extends Error {
  override name = "SimulationFailure";
  readonly seed: string;
  /** What happened until then, the last last. */
  readonly trace: readonly string[];
  constructor(seed: string, text: string, trace: readonly string[], options?: ErrorOptions) {
    super(`simulation seed "${seed}": ${text}`, options);
    this.seed = seed;
    this.trace = trace;
  }
}

const COLLECTIONS: OracleCollections = { ...WORKLOAD_COLLECTIONS, log: { scopes: ({ user }) => [`log/${user}`] } };
const HOUR = 3_600_000;
/** Virtual time within which everything must have come to rest when nothing fails any more (C2). */
const PATIENCE = HOUR;
/** In memory where the system has such a place: what power cuts do is tested with real processes. */
const FAST = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/**
 * Runs a server and several clients, all real, in one process under a virtual clock: random writes, while everything
 * fails that can; then nothing fails any more, and all must come to rest and agree.
 *
 * @throws SimulationFailure naming the seed and the rule that was broken.
 * @example await simulate("17");
 */
export async function simulate(seed: string, options: SimulationOptions = {}): Promise<SimulationReport> {
  const root = mkdtempSync(join(FAST, "tidemark-simulation-"));
  const run = new Simulation(seed, root, options);
  try {
    return await run.run(options.events ?? 120);
  } catch (error) {
    if (error instanceof SimulationFailure) throw error;
    throw new SimulationFailure(seed, error instanceof Error ? error.message : String(error), run.trace, {
      cause: error,
    });
  } finally {
    await run.close();
    rmSync(root, { recursive: true, force: true });
  }
}

class Simulation {
  readonly trace: string[] = [];
  private readonly seed: string;
  private readonly random: SeededRandom;
  private readonly schedule: SeededRandom;
  private readonly live: SeededRandom;
  /** Of the devices, those that use live connections. */
  private readonly share: number;
  private readonly clock: VirtualClock;
  private readonly network: VirtualNetwork;
  private readonly server: SimulatedServer;
  private readonly devices: Device[] = [];
  private readonly backups: DeviceBackup[] = [];
  private readonly weights: readonly (readonly [Event, number])[];
  private readonly tally: { [what: string]: number } = {};
  private readonly crash: SimulationOptions["crash"];
  private failure: SimulationFailure | null = null;

  constructor(seed: string, root: string, { crash }: SimulationOptions) {
    this.seed = seed;
    this.random = seededRandom(seed);
    this.schedule = this.random.fork("events");
    this.live = this.random.fork("live");
    this.share = this.live.pick([0, 0.5, 1]);
    this.clock = virtualClock(this.random.fork("schedule"));
    this.network = virtualNetwork(this.clock, this.random.fork("network"));
    this.crash = crash;
    if (crash === undefined) this.network.faults = swarmFaults(this.random.fork("faults"));
    this.server = new SimulatedServer({
      clock: this.clock,
      network: this.network,
      random: this.random.fork("server"),
      collections: COLLECTIONS,
      root,
      fail: (text) => this.fail(text),
    });
    this.weights = crash === undefined ? swarmWeights(this.random.fork("weights")) : [["mutate", 1]];
    this.network.watch(({ from, method, url, status }) => {
      this.note(`${from} ${method} ${url} ${status}`);
      if (status === 101) this.count("connections");
    });
  }

  async run(events: number): Promise<SimulationReport> {
    this.server.start();
    const devices = this.schedule.between(2, 4);
    for (let i = 0; i < devices; i++) this.join(`d${i}`, `u${i % 3}`).start();
    if (this.crash !== undefined) this.crashAt(this.crash);
    for (let i = 0; i < events; i++) {
      await this.pause(this.schedule.fraction() * 1500);
      const event = this.draw();
      this.note(event);
      this.count(event);
      await this.happen(event);
    }
    await this.comeToRest();
    await this.judge();
    this.note(JSON.stringify([...this.server.chronicle.records].sort()));
    return {
      seed: this.seed,
      trace: sha256Hex(this.trace.join("\n")),
      tally: this.tally,
      elapsed: this.clock.elapsed(),
    };
  }

  async close(): Promise<void> {
    for (const device of this.devices) device.kill();
    await this.server.kill();
  }

  // What happens

  private crashAt({ who, await: awaits }: NonNullable<SimulationOptions["crash"]>): void {
    const [device] = this.devices;
    if (who === "server") this.server.killAfter(awaits, () => this.apart(this.restartServer()));
    else device?.killAfter(awaits, () => this.apart(this.restartDevice(device)));
  }

  private draw(): Event {
    let at = this.schedule.fraction() * this.weights.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [event, weight] of this.weights) {
      at -= weight;
      if (at < 0) return event;
    }
    return "mutate";
  }

  private async happen(event: Event): Promise<void> {
    const { schedule, server } = this;
    const device = schedule.pick(this.devices);
    switch (event) {
      case "mutate":
        return this.apart(device.mutate());
      case "sync":
        return this.apart(this.honestSync(device));
      case "verify":
        return this.apart(device.verify());
      case "damage":
        return device.damage();
      case "subscribe":
        return device.wish(schedule.pick(WORKLOAD_SUBSCRIPTIONS));
      case "unsubscribe":
        return this.apart(device.forgetOne(schedule));
      case "killDevice":
        return device.killAfter(schedule.between(1, 40), () => this.apart(this.restartDevice(device)));
      case "killServer":
        return server.killAfter(schedule.between(1, 40), () => this.apart(this.restartServer()));
      case "partition":
        return this.apart(this.partition(device));
      case "backupServer":
        return server.running && server.chronicle.head > 0 ? server.backup() : undefined;
      case "restoreServer":
        return server.restorable ? this.restoreServer() : undefined;
      case "backupDevice":
        return void this.backups.push(device.backup());
      case "restoreDevice":
        return this.restoreDevice();
      case "cloneDevice":
        return this.cloneDevice(device);
      case "revoke":
        return void server.refused.add(`${device.parts.user} ${schedule.pick(WORKLOAD_SUBSCRIPTIONS).scope}`);
      case "grant":
        return this.grant();
      case "cut":
        return server.running ? server.cut() : undefined;
      case "jump":
        return schedule.pick([device.clock, server.clock]).jump((schedule.fraction() - 0.5) * 10 * HOUR);
    }
  }

  private join(name: string, user: string, writes: DeviceBackup["writes"] = []): Device {
    const device = new Device({
      name,
      user,
      writes,
      clock: this.clock,
      peer: this.network.join(name),
      random: this.random.fork(name),
      collections: COLLECTIONS,
      chronicle: this.server.chronicle,
      live: this.live.chance(this.share),
      trace: (line) => this.note(line),
      fail: (text) => this.fail(text),
    });
    const wishes: readonly Wish[] = this.schedule
      .shuffled(WORKLOAD_SUBSCRIPTIONS)
      .slice(0, this.schedule.between(1, 4));
    for (const wish of wishes) device.wish(wish);
    this.devices.push(device);
    return device;
  }

  private async restartDevice(device: Device): Promise<void> {
    this.count("deaths");
    await this.clock.sleep(this.schedule.fraction() * 20_000);
    if (device.client === null) device.start();
  }

  private async restartServer(): Promise<void> {
    this.count("deaths");
    await this.clock.sleep(this.schedule.fraction() * 10_000);
    if (!this.server.running) this.server.start();
  }

  private async partition({ parts: { peer } }: Device): Promise<void> {
    const way = this.schedule.pick(["up", "down"] as const);
    peer.partition[way] = true;
    await this.clock.sleep(this.schedule.fraction() * 20_000);
    peer.partition[way] = false;
  }

  private async restoreServer(): Promise<void> {
    const policy = this.schedule.pick(["heal", "discard"] as const);
    await this.server.restore(policy);
    this.note(`restored to ${this.server.chronicle.head}: ${policy}`);
  }

  private async restoreDevice(): Promise<void> {
    if (this.backups.length === 0) return;
    const backup = this.schedule.pick(this.backups);
    await backup.device.restore(backup);
    backup.device.start();
  }

  private cloneDevice(device: Device): void {
    if (this.devices.length > 5) return;
    const clone = this.join(`d${this.devices.length}`, device.parts.user, device.backup().writes);
    clone.damaged = device.damaged;
    device.shared = true;
    clone.shared = true;
    clone.start();
  }

  private grant(): void {
    this.server.refused.clear();
    for (const device of this.devices) for (const wish of device.wishes.values()) device.wish(wish);
  }

  /** "Complete to a revision that the server had after the question" (C2). */
  private async honestSync(device: Device): Promise<void> {
    const { chronicle } = this.server;
    const { client } = device;
    const asked = { head: chronicle.head, histories: chronicle.histories };
    if (client === null) return;
    if (!(await device.attempt(client.sync()))) return;
    const behind = client.status.revision < asked.head && chronicle.histories === asked.histories;
    if (behind && device.client === client)
      this.fail(`[C2] ${device.name} says complete at ${client.status.revision}, the head was ${asked.head}`);
  }

  // The end

  /** Nothing fails any more: all must be settled and complete within bounded time. */
  private async comeToRest(): Promise<void> {
    const { server, network } = this;
    network.faults = CALM;
    await this.pause(60_000);
    if (!server.running) server.start();
    server.spare();
    for (const device of this.devices) {
      device.spare();
      device.parts.peer.partition.up = false;
      device.parts.peer.partition.down = false;
      if (device.client === null) device.start();
    }
    this.grant();
    for (let head = -1; head !== server.chronicle.head; ) {
      head = server.chronicle.head;
      await this.patiently(
        "all subscriptions are ready and complete",
        Promise.all(this.devices.map((device) => device.complete())),
      );
      const idle = () => this.devices.every(({ client }) => client?.status.pending === 0);
      if (!(await this.eventually(idle))) throw this.broken(`[W10] mutations wait for ever: ${this.statuses()}`);
      const complete = () => this.devices.every(({ client }) => client?.status.state === "upToDate");
      if (!(await this.eventually(complete))) throw this.broken(`[C2] not all are up to date: ${this.statuses()}`);
    }
  }

  private async judge(): Promise<void> {
    const { server, devices } = this;
    const contents = await this.patiently("all can be read", contentFlaws(server, devices, COLLECTIONS));
    const flaws = [...contents, ...fateFlaws(server.chronicle, devices)];
    if (flaws.length > 0) throw this.broken(flaws.join("; "));
  }

  private eventually(condition: () => boolean): Promise<boolean> {
    return this.clock.until(() => this.failure !== null || condition(), PATIENCE);
  }

  private async patiently<T>(what: string, promise: Promise<T>): Promise<T> {
    let done = false;
    const end = () => {
      done = true;
    };
    promise.then(end, end);
    await this.eventually(() => done);
    if (this.failure !== null) throw this.failure;
    if (!done) throw this.broken(`[C2] not within an hour: ${what}: ${this.statuses()}`);
    return promise;
  }

  private statuses(): string {
    return this.devices.map(({ name, client }) => `${name} ${JSON.stringify(client?.status)}`).join(", ");
  }

  // Book-keeping

  private async pause(ms: number): Promise<void> {
    await this.clock.run(ms);
    if (this.failure !== null) throw this.failure;
  }

  /** Something that goes on by itself; if it fails, so does the run. */
  private apart(promise: Promise<unknown>): void {
    promise.catch((error: unknown) =>
      this.fail(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
  }

  private note(line: string): void {
    this.trace.push(`${Math.round(this.clock.elapsed())} ${line}`);
  }

  private count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }

  private fail(text: string): void {
    this.failure ??= this.broken(text);
  }

  private broken(text: string): SimulationFailure {
    return new SimulationFailure(this.seed, text, [...this.trace]);
  }
}
