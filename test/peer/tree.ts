// A tree of servers under a virtual clock, from a seed: partitions, kills, restores, and writers everywhere.
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { EMPTY } from "../../src/model/fingerprint.ts";
import type { Write } from "../../src/model/mutation.ts";
import { linksOver, type RunningLinks } from "../../src/peer/links.ts";
import { clientName, placeName, stateName, under } from "../../src/peer/names.ts";
import { placeOf } from "../../src/peer/place.ts";
import { createServer, type LinkHost, type Server } from "../../src/server/index.ts";
import { FILE } from "../../src/store/sqlite/connection.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Store } from "../../src/store/store.ts";
import { type VirtualClock, virtualClock } from "../../src/testing/clock.ts";
import { Life } from "../../src/testing/life.ts";
import { CALM, type NetworkFaults, type Peer, type VirtualNetwork, virtualNetwork } from "../../src/testing/network.ts";
import { type SeededRandom, seededRandom } from "../../src/testing/random.ts";

const SPACE = "acme";
const WILD: NetworkFaults = {
  delay: [1, 400],
  loseRequest: 0.05,
  loseResponse: 0.05,
  repeat: 0.05,
  late: 20_000,
  cut: 0.05,
  silent: 0.3,
  silence: 20_000,
};
const COLLECTIONS = {
  items: {
    atoms: { n: "sum" as const },
    scopes: (record: { readonly [atom: string]: unknown }) => (record.box === undefined ? [] : [`box/${record.box}`]),
  },
};

/** One server of the tree. */
class Node {
  readonly name: string;
  readonly parent: Node | null;
  readonly network: VirtualNetwork;
  /** The way to the server above. */
  readonly peer: Peer | null;
  readonly clock: VirtualClock;
  /** Values whose writers a restore has forgotten; nobody but they could tell of them. */
  readonly forgotten = new Set<string>();
  readonly written: { value: string; restores: number }[] = [];
  links: RunningLinks | null = null;
  running = false;
  store: Store;
  cut = false;
  #server: Server | null = null;
  #stop: () => void = () => {};
  #life: Life | null = null;
  #lives = 0;
  #folder: string;
  #folders = 0;
  #backup: { folder: string; written: number } | null = null;
  readonly #random: SeededRandom;
  readonly #root: string;
  #numbers = 0;

  constructor(parts: { name: string; parent: Node | null; clock: VirtualClock; random: SeededRandom; root: string }) {
    this.name = parts.name;
    this.parent = parts.parent;
    this.clock = parts.clock;
    this.#random = parts.random;
    this.#root = parts.root;
    this.network = virtualNetwork(parts.clock, parts.random.fork("network"));
    this.peer = parts.parent?.network.join(parts.name) ?? null;
    this.#folder = this.#newFolder();
    this.store = openSqliteStore({ path: this.#folder });
  }

  start(): void {
    const life = new Life(this.clock, this.#random.fork(`life ${this.#lives++}`));
    const { peer, parent } = this;
    const up = { url: `http://${parent?.name}`, direction: "both" as const };
    this.#server = createServer({
      store: life.store(this.store, ["watch"]),
      clock: life.time(this.clock),
      random: this.#random.fork(`server ${this.#lives}`),
      config: {
        collections: COLLECTIONS,
        limits: { rate: false },
        auth: { authenticate: () => ({ id: "somebody" }), authorize: () => true },
        links: parent === null ? {} : { [SPACE]: { up } },
      },
      links: (host: LinkHost) => {
        const around = peer === null ? {} : { fetch: life.fetch(peer.fetch), WebSocket: life.socket(peer.WebSocket) };
        this.links = linksOver(around)(host);
        return this.links;
      },
    });
    const server = this.#server;
    const served = this.network.serve(
      (request) => server.handler(request),
      (request) => server.accept(request, SPACE),
    );
    this.#stop = () => {
      served.stop();
      life.end();
    };
    this.#life = life;
    this.running = true;
  }

  /** Kill -9. */
  kill(): void {
    if (!this.running) return;
    this.running = false;
    this.#stop();
  }

  /** Kill -9 at one of the next awaits. */
  killSoon(): void {
    this.#life?.crashAfter(this.#random.between(1, 60), () => this.kill());
  }

  backup(): void {
    const folder = this.#newFolder();
    this.#copy(this.#folder, folder);
    this.#backup = { folder, written: this.written.length };
  }

  async restore(): Promise<boolean> {
    const backup = this.#backup;
    if (backup === null) return false;
    this.kill();
    this.network.forget();
    await this.store.close();
    this.#folder = this.#newFolder();
    this.#copy(backup.folder, this.#folder);
    for (const { value } of this.written.slice(backup.written)) this.forgotten.add(value);
    this.store = openSqliteStore({ path: this.#folder });
    this.start();
    return true;
  }

  /** A user of this server writes. */
  async write(writes: readonly Write[], values: readonly string[]): Promise<void> {
    if (!this.running || this.#server === null) return;
    const base = (await this.store.head(SPACE))?.revision ?? 0;
    const client = `${this.name}-${this.#numbers++}`;
    const body = JSON.stringify({ client, mutations: [{ id: 1, base, writes }] });
    const headers = { "content-type": "application/json" };
    const request = new Request(`http://localhost/v1/spaces/${SPACE}/push`, { method: "POST", headers, body });
    for (const value of values) this.written.push({ value, restores: 0 });
    void this.#server.handler(request).catch(() => {});
  }

  async cutJournal(): Promise<void> {
    const head = await this.store.head(SPACE);
    if (head === null) return;
    this.cut = true;
    const journal = this.#random.between(head.horizon.journal, head.revision);
    const tombstones = this.#random.between(head.horizon.tombstones, journal);
    while (!(await this.store.cut(SPACE, { journal, tombstones, outcomes: 0 }, 50)).done);
  }

  async digest(): Promise<string> {
    const answer = await this.store.read(SPACE, [{ kind: "fingerprint", scope: "*" }]);
    // One that is not there yet is empty (H9).
    return JSON.stringify(answer?.results[0] ?? EMPTY);
  }

  async records(): Promise<unknown> {
    const page = { kind: "page", scope: "*", after: null, limit: 1e6, bytes: 1e9 } as const;
    return (await this.store.read(SPACE, [page]))?.results[0].runs;
  }

  /** Whether nothing of its own is on its way up. */
  async isAtRest(): Promise<boolean> {
    if (this.parent === null) return true;
    const answer = await this.store.read(SPACE, [
      { kind: "notes", names: [placeName("up")] },
      { kind: "notes-between", ...under(clientName("up", "pending/")), limit: 1 },
    ]);
    const { taken } = placeOf(answer?.results[0].get(placeName("up")));
    return answer !== null && taken === answer.head.revision && answer.results[1].length === 0;
  }

  /** All values that its journal holds, and all that its conflict log does. */
  async told(): Promise<{ journal: string; log: string }> {
    const answer = await this.store.read(SPACE, [
      { kind: "journal", after: 0, limit: 1e6 },
      { kind: "notes-between", from: "link/up/conflict/", to: "link/up/conflict0", limit: 1e6 },
    ]);
    const entries = answer?.results[0] ?? [];
    const changes = entries.map((entry) => (entry.cut ? [] : entry.changes.map(({ change }) => change)));
    return { journal: JSON.stringify(changes), log: JSON.stringify(answer?.results[1] ?? []) };
  }

  async end(): Promise<void> {
    this.kill();
    await this.store.close();
  }

  #newFolder(): string {
    const folder = join(this.#root, `${this.name}${this.#folders++}`);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  #copy(from: string, to: string): void {
    for (const name of [FILE, `${FILE}-wal`])
      if (existsSync(join(from, name))) cpSync(join(from, name), join(to, name));
  }
}

export interface TreeResult {
  readonly tally: { readonly [what: string]: number };
  readonly conflicts: number;
}

/** Runs a tree from a seed; throws where it does not come to rest equal, or something was lost without a trace. */
export async function simulateTree(seed: string, root: string): Promise<TreeResult> {
  const random = seededRandom(`tree ${seed}`);
  const clock = virtualClock(random.fork("clock"));
  const nodes: Node[] = [];
  const count = random.between(2, 4);
  const chain = random.chance(0.5);
  for (let i = 0; i < count; i++) {
    const parent = i === 0 ? null : chain ? (nodes[i - 1] as Node) : random.pick(nodes);
    nodes.push(new Node({ name: "abcd"[i] as string, parent, clock, random: random.fork(`node ${i}`), root }));
  }
  const tally: { [what: string]: number } = {};
  const restores = random.chance(0.3);
  const cuts = !restores && random.chance(0.2);
  try {
    for (const node of nodes) {
      node.start();
      if (random.chance(0.7)) node.network.faults = WILD;
    }
    let values = 0;
    const steps = random.between(20, 80);
    for (let step = 0; step < steps; step++) {
      const node = random.pick(nodes);
      const what = doing(random, restores, cuts);
      tally[what] = (tally[what] ?? 0) + 1;
      if (what === "write") {
        const value = `v${++values}`;
        await node.write(writesOf(random, value), [value]);
      } else if (what === "kill") node.running ? node.killSoon() : node.start();
      else if (what === "partition" && node.peer !== null) {
        node.peer.partition.up = random.chance(0.5);
        node.peer.partition.down = random.chance(0.5);
      } else if (what === "heal" && node.peer !== null) Object.assign(node.peer.partition, { up: false, down: false });
      else if (what === "backup") node.backup();
      else if (what === "restore") await node.restore();
      else if (what === "cut" && node.parent !== null) await node.cutJournal();
      await clock.run(random.fraction() ** 3 * 60_000);
    }
    for (const node of nodes) {
      if (!node.running) node.start();
      node.network.faults = CALM;
      if (node.peer !== null) Object.assign(node.peer.partition, { up: false, down: false });
    }
    await atRest(nodes, clock);
    return { tally, conflicts: await checkTraces(nodes) };
  } finally {
    for (const node of nodes) await node.end();
  }
}

async function atRest(nodes: readonly Node[], clock: VirtualClock): Promise<void> {
  for (let minute = 0; minute < 40; minute++) {
    await clock.run(60_000);
    for (const node of nodes) if (!node.running) node.start();
    const digests = await Promise.all(nodes.map((node) => node.digest()));
    const rests = await Promise.all(nodes.map((node) => node.isAtRest()));
    if (new Set(digests).size === 1 && rests.every((rest) => rest)) return;
  }
  const said = await Promise.all(
    nodes.map(async (node) => ({
      name: node.name,
      parent: node.parent?.name,
      records: await node.records(),
      rests: await node.isAtRest(),
      state: await node.store.note(SPACE, stateName("up")).catch(() => null),
    })),
  );
  throw new Error(`the tree does not come to rest:\n${JSON.stringify(said, null, 1)}`);
}

/** What was written and is not in the journal at the root has to be in a conflict log on the way there (S2). */
async function checkTraces(nodes: readonly Node[]): Promise<number> {
  if (nodes.some(({ cut }) => cut)) return 0;
  const told = new Map(await Promise.all(nodes.map(async (node) => [node, await node.told()] as const)));
  const rooted = told.get(nodes[0] as Node)?.journal ?? "";
  let conflicts = 0;
  for (const node of nodes) {
    const own = told.get(node)?.journal ?? "";
    for (const { value } of node.written) {
      const text = JSON.stringify(value);
      // Never committed, or forgotten with the server itself.
      if (node.forgotten.has(value) || !own.includes(text)) continue;
      let found = rooted.includes(text);
      for (let at: Node | null = node; at !== null && !found; at = at.parent) {
        found = told.get(at)?.log.includes(JSON.stringify(text).slice(1, -1)) ?? false;
        if (found) conflicts++;
      }
      if (!found) throw new Error(`${value}, written at ${node.name}, is lost without a trace`);
    }
  }
  return conflicts;
}

type Doing = "write" | "kill" | "partition" | "heal" | "backup" | "restore" | "cut" | "rest";

function doing(random: SeededRandom, restores: boolean, cuts: boolean): Doing {
  const at = random.fraction();
  if (at < 0.6) return "write";
  if (at < 0.7) return "kill";
  if (at < 0.78) return "partition";
  if (at < 0.86) return "heal";
  if (restores && at < 0.91) return "backup";
  if (restores && at < 0.94) return "restore";
  if (cuts && at < 0.94) return "cut";
  return "rest";
}

function writesOf(random: SeededRandom, value: string): Write[] {
  const id = `r${random.below(5)}`;
  const collection = "items";
  const atom = random.pick(["a", "b", "c"]);
  const at = random.fraction();
  if (at < 0.25) return [{ op: "insert", collection, record: { id, [atom]: value, n: 0, box: random.below(3) } }];
  if (at < 0.35) return [{ op: "delete", collection, id }];
  const more = at < 0.5 ? { n: { $add: random.below(9) } } : {};
  return [{ op: "update", collection, record: { id, [atom]: value, ...more } }];
}
