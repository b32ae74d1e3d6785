import { type Client, createClient } from "../client/index.ts";
import { memoryStore } from "../client/store/memory.ts";
import type { Batch, ClientStore } from "../client/store/store.ts";
import type { Mutation, Outcome } from "../model/mutation.ts";
import { targetOf } from "../model/mutation.ts";
import type { RecordData } from "../model/record.ts";
import { type Chronicle, LOG } from "./chronicle.ts";
import type { VirtualClock } from "./clock.ts";
import { Life } from "./life.ts";
import type { Peer } from "./network.ts";
import type { Asked, Atoms, OracleCollections } from "./oracle.ts";
import type { SeededRandom } from "./random.ts";
import { SPACE } from "./simulated-server.ts";
import { randomWrites } from "./workload.ts";

/** What a client may answer to an application that asked for more than could be had. */
const EXPECTED = ["TransportError", "Interrupted", "Problem", "ClientError"];

export type Wish = Asked & { readonly key: string };

/** One mutation that an application made, and what it was told of it. */
export interface Issue {
  readonly tag: string;
  readonly whole: boolean;
  /** Restores of the server, and of this device, before it was made. */
  readonly histories: number;
  /** Durable on the device. */
  local: boolean;
  settled: Outcome | null;
  /** Names of the events that told of it. */
  readonly told: Set<string>;
  /** The device that made it was restored to a moment before it: nobody but the server can know of it. */
  forgotten: boolean;
}

/** A device's store as it was at some moment. */
export interface DeviceBackup {
  readonly device: Device;
  /** All that was ever written to it. */
  readonly writes: readonly Batch[];
  readonly damaged: boolean;
  /** What was durable by then. */
  readonly known: ReadonlySet<Issue>;
}

/** What a simulated device is made of. */
export interface DeviceParts {
  readonly name: string;
  /** Who uses it; a cloned device has the user of the first. */
  readonly user: string;
  readonly clock: VirtualClock;
  readonly peer: Peer;
  readonly random: SeededRandom;
  readonly collections: OracleCollections;
  readonly chronicle: Chronicle;
  /** Whether it uses live connections. */
  readonly live: boolean;
  /** All that was ever written to the store that it begins with. */
  readonly writes?: readonly Batch[];
  trace(line: string): void;
  /** A broken promise of the client, as a sentence with the rule's ID. */
  fail(text: string): void;
}

/** A real client on a store that outlives it: it can be killed at any await, opened again, restored, and cloned. */
export class Device {
  readonly parts: DeviceParts;
  readonly clock: VirtualClock;
  readonly issues: Issue[] = [];
  /** What the application wants to hold. */
  readonly wishes = new Map<string, Wish>();
  client: Client | null = null;
  /** Its store is, or once was, also another's: numbers of its client id may be somebody else's for a while (R3). */
  shared = false;
  /** Its store was damaged behind the client's back, and has not been repaired yet. */
  damaged = false;
  private life: Life | null = null;
  private writes: Batch[];
  private store: ClientStore;
  private lives = 0;
  private tags = 0;
  /** Tags seen on the screen of the present life. */
  private seen = new Set<string>();
  /** Since when what is seen must stay seen: restores in between may take things away. */
  private looking: Promise<void> | null = null;

  constructor(parts: DeviceParts) {
    this.parts = parts;
    this.clock = parts.clock.view();
    this.writes = [...(parts.writes ?? [])];
    this.store = memoryStore();
    for (const batch of this.writes) void this.store.write(batch);
    this.wish({ key: "my log", scope: `log/${parts.user}` });
  }

  get name(): string {
    return this.parts.name;
  }

  wish(wish: Wish): void {
    this.wishes.set(wish.key, wish);
    this.client?.subscribe(wish).ready.catch(() => {});
  }

  /** Starts the application on what its store holds. */
  start(): void {
    const { user, peer, random, collections, parts } = { ...this.parts, parts: this.parts };
    const life = new Life(this.clock, random.fork(`life ${this.lives}`));
    const client = createClient({
      url: "http://server",
      space: SPACE,
      auth: user,
      schema: { collections },
      store: life.store(this.recording(), [], ["contents"]),
      fetch: life.fetch(peer.fetch),
      ...(this.parts.live && { WebSocket: life.socket(peer.WebSocket) }),
      clock: life.time(this.clock),
      random: random.fork(`client ${this.lives++}`),
    });
    this.life = life;
    this.client = client;
    this.seen = new Set();
    this.listen(client, life);
    for (const wish of this.wishes.values()) client.subscribe(wish).ready.catch(() => {});
    parts.trace(`${this.name} starts`);
  }

  /** Kill -9. */
  kill(): void {
    this.life?.end();
    this.life = null;
    this.client = null;
    this.parts.trace(`${this.name} is killed`);
  }

  /** Kill -9 at the n-th await from now on. */
  killAfter(awaits: number, onDead: () => void): void {
    this.life?.crashAfter(awaits, () => {
      this.kill();
      onDead();
    });
  }

  /** Lets it live. */
  spare(): void {
    this.life?.spare();
  }

  /** Resolves when everything that is wished for is there, and complete. */
  async complete(): Promise<void> {
    const { client } = this;
    if (client === null) return;
    // What a store brought along that the application no longer wants, as it was killed, restored or cloned.
    for (const each of await client.subscriptions()) if (!this.wishes.has(each.key)) await each.unsubscribe();
    await Promise.all([...this.wishes.values()].map((wish) => client.subscribe(wish).ready));
    while (!(await this.attempt(client.sync()))) await this.clock.sleep(5_000);
    while (this.damaged) if (!(await this.verify())) await this.clock.sleep(5_000);
  }

  /** Compares the replica with the server. There never is anything to find, unless the store was damaged (V3, V4). */
  async verify(): Promise<boolean> {
    const { client, damaged } = this;
    if (client === null) return false;
    const report = await this.attempt(client.verify());
    if (report === null || report === true || this.client !== client) return false;
    if (!report.ok && !damaged && !this.damaged) this.parts.fail(`[V4] ${this.name} finds ${JSON.stringify(report)}`);
    this.damaged = this.damaged && !damaged;
    return true;
  }

  /** A bit flips on the disk: one record of the base has another content, or is gone, and nobody has noticed yet (V3). */
  async damage(): Promise<void> {
    const { random } = this.parts;
    const rows = await this.store.scan(null, null, 1000);
    if (rows.length === 0) return;
    const row = random.pick(rows);
    const data = { ...row.data, title: "damaged" };
    this.damaged = true;
    await this.recording().write({ rows: new Map([[row.key, random.chance(0.3) ? null : { ...row, data }]]) });
  }

  /** What came of it; null where network, server or permission did not let it. Anything else is a mistake of ours. */
  async attempt<T>(promise: Promise<T>): Promise<(T & object) | true | null> {
    try {
      const result = await promise;
      return typeof result === "object" && result !== null ? result : true;
    } catch (error) {
      if (error instanceof Error && EXPECTED.includes(error.name)) return null;
      throw error;
    }
  }

  /** Ends one subscription, other than that of its own log. */
  async forgetOne(random: SeededRandom): Promise<void> {
    const wish = [...this.wishes.values()].slice(1)[random.below(5)];
    if (wish === undefined || this.client === null) return;
    this.wishes.delete(wish.key);
    await this.client.subscribe(wish).unsubscribe();
  }

  /** All that the store holds now: to be restored, or copied to another device. */
  backup(): DeviceBackup {
    return {
      device: this,
      damaged: this.damaged,
      writes: [...this.writes],
      known: new Set(this.issues.filter(({ local }) => local)),
    };
  }

  /** The store is put back to a backup of it; the application does not know. */
  async restore({ writes, damaged, known }: DeviceBackup): Promise<void> {
    this.kill();
    this.shared = true;
    this.damaged = damaged;
    this.writes = [...writes];
    this.store = memoryStore();
    for (const batch of writes) await this.store.write(batch);
    for (const issue of this.issues) issue.forgotten ||= !known.has(issue);
  }

  /** One mutation of the application. Where it is marked, its fate can be followed. */
  async mutate(): Promise<void> {
    const { client, life } = this;
    const { random, user } = this.parts;
    if (client === null || life === null) return;
    const known = new Map<string, Atoms>();
    for (const collection of Object.keys(this.parts.collections)) {
      for (const record of await client.query({ collection })) known.set(`${collection}/${record.id}`, record);
    }
    if (life.ended) return;
    const tag = `${this.name}.${++this.tags}`;
    const writes = randomWrites(random, tag, this.tags, (key) => known.get(key) ?? null);
    const whole = random.chance(0.15);
    const issue: Issue = {
      tag,
      whole,
      histories: this.parts.chronicle.histories,
      local: false,
      settled: null,
      told: new Set(),
      forgotten: false,
    };
    this.issues.push(issue);
    const { local, settled } = client.mutate(
      (tx) => {
        for (const write of writes) {
          if (write.op === "insert") tx.insert(write.collection, write.record);
          else if (write.op === "delete") tx.delete(write.collection, write.id);
          else {
            const { id, ...atoms } = write.record;
            tx.update(write.collection, id, atoms, write.expect ? { expect: write.expect } : {});
          }
        }
        tx.insert(LOG, { id: tag, user });
      },
      { whole },
    );
    settled.then(
      (outcome) => {
        if (life.ended) return;
        issue.settled = outcome;
        this.parts.trace(`${tag} settled ${outcome.status} ${outcome.revision}`);
      },
      () => {},
    );
    await local;
    if (life.ended) return;
    issue.local = true;
    await this.look();
  }

  /**
   * Looks at the screen: what was seen stays until the application is told why not (W9), and what this life has made
   * durable is seen at once.
   */
  look(): Promise<void> {
    this.looking ??= this.lookOnce().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  private async lookOnce(): Promise<void> {
    const { client, life } = this;
    if (client === null || life === null) return;
    if (this.shared || this.damaged) return;
    const due = this.issues.filter((issue) => issue.local && this.stays(issue));
    const shown = new Set((await client.query({ collection: LOG })).map((record: RecordData) => record.id));
    if (life.ended) return;
    for (const issue of due) {
      if (shown.has(issue.tag) || !this.stays(issue)) continue;
      this.parts.fail(
        `[W9] ${this.name} no longer shows ${issue.tag}, ${this.seen.has(issue.tag) ? "seen before" : "durable"}: ${JSON.stringify(issue.settled)}`,
      );
    }
    this.seen = shown;
  }

  /** Whether nothing that the application was told lets the mutation go from the screen. */
  private stays({ histories, settled, tag, told, whole, forgotten }: Issue): boolean {
    const { chronicle } = this.parts;
    if (forgotten || told.size > 0 || histories < chronicle.histories) return false;
    // Whose number an `end` covers leaves the screen; that it was rejected is told with its outcome, perhaps later (W9).
    if (chronicle.outcomesOf(tag).some(({ status }) => status === "rejected")) return false;
    return settled === null ? !whole : settled.status === "applied";
  }

  private listen(client: Client, life: Life): void {
    const mark = (name: string, mutation: Omit<Mutation, "id">) => {
      const tag = mutation.writes.map(targetOf).find(({ collection }) => collection === LOG)?.id;
      const issue = this.issues.find((each) => each.tag === tag);
      this.parts.trace(`${this.name}: ${tag} ${name}`);
      issue?.told.add(name);
    };
    const alive =
      <E>(listener: (event: E) => void) =>
      (event: E) =>
        life.ended ? undefined : listener(event);
    client.on(
      "superseded",
      alive(({ mutation, outcome }) => this.superseded(mutation, outcome, mark)),
    );
    client.on(
      "rejected",
      alive(({ mutation }) => mark("rejected", mutation)),
    );
    client.on(
      "unknown",
      alive(({ mutation }) => mark("unknown", mutation)),
    );
    client.on(
      "lost",
      alive(({ mutations }) => {
        for (const { mutation } of mutations) mark("lost", mutation);
      }),
    );
    client.on(
      "revoked",
      alive(({ key }) => this.parts.trace(`${this.name}: ${key} revoked`)),
    );
    let revision = 0;
    client.on(
      "status",
      alive((status) => {
        if (status.revision < revision) this.parts.fail(`[M1] ${this.name} goes back to ${status.revision}`);
        revision = status.revision;
      }),
    );
    client.on(
      "recovered",
      alive((recovery) => {
        this.parts.trace(`${this.name} recovered: ${recovery.reason}`);
        revision = 0;
      }),
    );
    client.on(
      "damaged",
      alive(({ key, message }) => {
        if (!this.damaged) this.parts.fail(`[P9] ${this.name}: ${key} is damaged: ${message}`);
      }),
    );
    client.on(
      "change",
      alive(() => void this.look()),
    );
  }

  /** A marked mutation that is superseded in part has its mark applied; only one that is superseded whole is gone. */
  private superseded(
    mutation: Omit<Mutation, "id">,
    outcome: Outcome,
    mark: (name: string, mutation: Omit<Mutation, "id">) => void,
  ): void {
    if (mutation.whole) mark("superseded", mutation);
    if (outcome.status !== "superseded") return;
    const again = outcome.superseded.some(({ collection }) => collection === LOG);
    if (again) this.parts.fail(`[W6] ${this.name}: a mutation was applied twice: ${JSON.stringify(outcome)}`);
  }

  private recording(): ClientStore {
    const { store } = this;
    const write = async (batch: Batch) => {
      await store.write(batch);
      if (store === this.store) this.writes.push(batch);
    };
    return { ...store, write };
  }
}
