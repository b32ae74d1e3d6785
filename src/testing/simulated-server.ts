import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Batch, Loaded, RestorePolicy, Wanted } from "../model/batch.ts";
import { targetOf } from "../model/mutation.ts";
import { createServer, type Handshake } from "../server/index.ts";
import { FILE } from "../store/sqlite/connection.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import type { PageQuery, Query, ScanQuery, Store } from "../store/store.ts";
import type { LiveMessage } from "../wire/live.ts";
import type { PushRequest } from "../wire/push.ts";
import { Chronicle, LOG, type Moment } from "./chronicle.ts";
import type { VirtualClock } from "./clock.ts";
import { Life } from "./life.ts";
import type { VirtualNetwork } from "./network.ts";
import type { OracleCollections } from "./oracle.ts";
import type { SeededRandom } from "./random.ts";
import { configured } from "./workload.ts";

export const SPACE = "acme";

/** An older copy of the server's store. */
interface Backup {
  readonly folder: string;
  readonly moment: Moment;
}

/** A real server on a real store, that can be killed, started again, and restored from a backup. */
export class SimulatedServer {
  readonly chronicle = new Chronicle();
  /** Scopes that a user may not read or write for now, as `user scope`. */
  readonly refused = new Set<string>();
  readonly clock: VirtualClock;
  running = false;
  private readonly network: VirtualNetwork;
  private readonly random: SeededRandom;
  private readonly collections: OracleCollections;
  private readonly root: string;
  private readonly fail: (text: string) => void;
  /** Records of a page: some seeds have small ones, so that an answer can be cut between them. */
  private readonly pageLimit: number;
  private backups: Backup[] = [];
  private folder: string;
  private folders = 1;
  private lives = 0;
  private stop: () => Promise<void> = async () => {};
  private store: Store | null = null;
  private life: Life | null = null;

  constructor(parts: {
    clock: VirtualClock;
    network: VirtualNetwork;
    random: SeededRandom;
    collections: OracleCollections;
    root: string;
    /** A rule that a commit has broken. */
    fail(text: string): void;
  }) {
    this.clock = parts.clock.view();
    this.network = parts.network;
    this.random = parts.random;
    this.collections = parts.collections;
    this.root = parts.root;
    this.pageLimit = parts.random.fork("pages").pick([2, 5, 1000]);
    this.fail = (text) => parts.fail(text);
    this.folder = join(parts.root, "0");
  }

  start(): void {
    const store = openSqliteStore({ path: this.folder });
    const life = new Life(this.clock, this.random.fork(`life ${this.lives}`));
    const collections = configured(this.collections);
    const server = createServer({
      store: life.store(this.written(store), ["watch"]),
      clock: life.time(this.clock),
      random: this.random.fork(`server ${this.lives++}`),
      config: {
        collections,
        limits: { rate: false },
        auth: {
          authenticate: (request) => ({ id: (request.headers.get("authorization") ?? "").replace("Bearer ", "") }),
          authorize: (user, action) => {
            return !("scope" in action) || action.do === "write" || !this.refused.has(`${user.id} ${action.scope}`);
          },
        },
      },
    });
    const served = this.network.serve(
      async (request) => {
        const user = (request.headers.get("authorization") ?? "").replace("Bearer ", "");
        if (request.url.endsWith("/push")) this.note(user, (await request.clone().json()) as PushRequest);
        return server.handler(request);
      },
      async (request) => this.noted(await server.accept(request, SPACE)),
    );
    this.stop = async () => {
      served.stop();
      life.end();
      await store.close();
    };
    this.store = store;
    this.life = life;
    this.running = true;
  }

  /** Kill -9: what is committed stays, all else is gone. */
  async kill(): Promise<void> {
    this.running = false;
    await this.stop();
  }

  /** Kill -9 at the n-th await from now on. */
  killAfter(awaits: number, onDead: () => void): void {
    this.life?.crashAfter(awaits, () => {
      void this.kill();
      onDead();
    });
  }

  /** Lets it live. */
  spare(): void {
    this.life?.spare();
  }

  backup(): void {
    const folder = this.newFolder();
    this.copy(this.folder, folder);
    this.backups.push({ folder, moment: this.chronicle.moment() });
  }

  get restorable(): boolean {
    return this.backups.length > 0;
  }

  /** Goes back to some backup; it can be restored again later. */
  async restore(policy: RestorePolicy): Promise<void> {
    const backup = this.random.pick(this.backups);
    await this.kill();
    this.network.forget();
    this.folder = this.newFolder();
    this.copy(backup.folder, this.folder);
    this.chronicle.restored(backup.moment);
    // Back to a backup of the lost history would be another story: it brings back what has been offered again since.
    this.backups = this.backups.filter(({ moment }) => moment.entries.length <= backup.moment.entries.length);
    const store = openSqliteStore({ path: this.folder });
    if ((await store.head(SPACE)) !== null) await store.setRestore(SPACE, policy);
    await store.close();
    this.start();
  }

  /** Cuts journal and tombstones somewhere in the past. */
  async cut(): Promise<void> {
    const { store } = this;
    const head = await store?.head(SPACE);
    if (!store || !head) return;
    const tombstones = this.random.between(head.horizon.tombstones, head.revision);
    const journal = this.random.between(tombstones, head.revision);
    for (let done = false; !done; ) done = (await store.cut(SPACE, { tombstones, journal, outcomes: 0 }, 20)).done;
  }

  /** The records as they lie in the store now, and the hash of each revision that it knows. */
  async content(): Promise<{ records: Map<string, unknown>; hashes: ReadonlyMap<number, string> }> {
    const revisions = this.chronicle.entries.map(({ revision }) => revision);
    const answer = await this.store?.read(SPACE, [
      { kind: "page", scope: "*", after: null, limit: 1e6, bytes: 1e9 },
      { kind: "hashes", revisions },
    ]);
    const records = new Map<string, unknown>();
    for (const run of answer?.results[0].runs ?? []) {
      for (const record of JSON.parse(`[${run.records}]`) as { id: string }[])
        records.set(`${run.collection}/${record.id}`, record);
    }
    return { records, hashes: answer?.results[1] ?? new Map() };
  }

  /** The store, with small pages, and with each commit written into the chronicle the moment that it is made. */
  private written(store: Store): Store {
    const write = async <B extends Batch>(space: string, wanted: Wanted, decide: (loaded: Loaded) => B) => {
      const batch = await store.write(space, wanted, decide);
      try {
        if (batch !== null) this.chronicle.committed(batch);
      } catch (error) {
        this.fail(error instanceof Error ? error.message : String(error));
      }
      return batch;
    };
    const read = (space: string, queries: readonly Query[]) => {
      return store.read(
        space,
        queries.map((query) => (isPaged(query) ? { ...query, limit: Math.min(query.limit, this.pageLimit) } : query)),
      );
    };
    return new Proxy(store, {
      get(target, name) {
        if (name === "write") return write;
        if (name === "read") return read;
        const member = Reflect.get(target, name) as unknown;
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  }

  /** A handshake whose connection has its pushes noted. */
  private noted(handshake: Handshake): Handshake {
    if ("refused" in handshake) return handshake;
    return {
      open: (socket) => {
        const peer = handshake.open(socket);
        let user = "";
        return {
          message: (data) => {
            const message = JSON.parse(new TextDecoder().decode(data)) as LiveMessage;
            if (message.op === "token") user = message.token;
            if (message.op === "push") this.note(user, message);
            peer.message(data);
          },
          drained: () => peer.drained(),
          heard: () => peer.heard(),
          closed: () => peer.closed(),
        };
      },
    };
  }

  private note(user: string, { client, mutations }: PushRequest): void {
    for (const mutation of mutations) {
      const mark = mutation.writes.map(targetOf).find(({ collection }) => collection === LOG);
      if (mark !== undefined) this.chronicle.sent(user, client, mutation, mark.id);
    }
  }

  private newFolder(): string {
    return join(this.root, String(this.folders++));
  }

  /** Between two transactions the files hold everything committed; SQLite makes its index of the log anew. */
  private copy(from: string, to: string): void {
    mkdirSync(to, { recursive: true });
    for (const name of [FILE, `${FILE}-wal`])
      if (existsSync(join(from, name))) cpSync(join(from, name), join(to, name));
  }
}

function isPaged(query: Query): query is PageQuery | ScanQuery {
  return query.kind === "page" || query.kind === "scan";
}
