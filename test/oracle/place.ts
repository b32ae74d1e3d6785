import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type Server } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Query, Store } from "../../src/store/store.ts";
import type { SeededRandom } from "../../src/testing/random.ts";
import { configured, WORKLOAD_COLLECTIONS } from "../../src/testing/workload.ts";
import { must } from "../../src/util/assert.ts";
import { STILL } from "../support/clock.ts";

/** In memory where the system has such a place: what power cuts do is tested elsewhere. */
const FAST = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const SPACE = "acme";
/** What happens before each read of the store while an answer is made. */
interface Disturbance {
  readonly happen: () => Promise<void>;
  /** While it happens: its own reads are not disturbed. */
  busy: Promise<void> | null;
}

/** Where stores are kept, by name. */
export interface Shelf {
  open(name: string): Promise<Store>;
  /** Of a store that is closed. */
  copy(from: string, to: string): Promise<void>;
  end(): Promise<void>;
}

export function sqliteShelf(): Shelf & { pathOf(name: string): string } {
  const root = mkdtempSync(join(FAST, "tidemark-oracle-"));
  return {
    pathOf: (name) => join(root, name),
    open: async (name) => openSqliteStore({ path: join(root, name) }),
    copy: async (from, to) => cpSync(join(root, from), join(root, to), { recursive: true }),
    end: async () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The real server on the real store, that can be started again, also on an older copy of its store. */
export class Place {
  private readonly random: SeededRandom;
  private readonly shelf: Shelf;
  private readonly may: (user: string, scope: string) => boolean;
  private name = "";
  private names = 0;
  private store: Store | null = null;
  private server: Server | null = null;
  private disturbance: Disturbance | null = null;
  private pageLimit = 1000;

  /** - `may`: asked whenever the server asks whether somebody may read a scope. */
  constructor(random: SeededRandom, shelf: Shelf, may: (user: string, scope: string) => boolean) {
    this.random = random;
    this.shelf = shelf;
    this.may = may;
  }

  async start(name = this.name || this.newName()): Promise<void> {
    await this.stop();
    this.name = name;
    this.store = await this.shelf.open(name);
    this.server = createServer({
      store: this.watched(this.store),
      clock: STILL,
      random: this.random.fork(`server ${this.names}`),
      config: {
        collections: configured(WORKLOAD_COLLECTIONS),
        limits: { rate: false },
        auth: {
          authenticate: (request) => ({ id: request.headers.get("authorization") ?? "" }),
          authorize: (user, action) => action.do !== "read" || this.may(user.id, action.scope),
        },
      },
    });
  }

  get running(): Server {
    return must(this.server, "the server runs");
  }

  async stop(): Promise<void> {
    await this.server?.close();
    await this.store?.close();
  }

  async end(): Promise<void> {
    await this.stop();
    await this.shelf.end();
  }

  /** A copy of the store as it is now; the server is started again. */
  async backup(): Promise<string> {
    await this.stop();
    const name = this.newName();
    await this.shelf.copy(this.name, name);
    await this.start();
    return name;
  }

  /** Cuts in slices of a few rows, to the end. */
  async cut(journal: number, tombstones: number): Promise<void> {
    const store = must(this.store, "the server runs");
    while (!(await store.cut(SPACE, { journal, tombstones, outcomes: 0 }, 7)).done);
  }

  async post(verb: "push" | "pull", body: unknown, user = "writer"): Promise<Response> {
    const headers = { "content-type": "application/json", host: "127.0.0.1", authorization: user };
    const url = `http://127.0.0.1/v1/spaces/${SPACE}/${verb}`;
    const request = new Request(url, { method: "POST", headers, body: JSON.stringify(body) });
    return must(this.server, "the server runs").handler(request, { remote: "127.0.0.1" });
  }

  /** Small pages, and something that happens before each read, for as long as `work` goes on. */
  async disturbed<T>(pageLimit: number, happen: () => Promise<void>, work: () => Promise<T>): Promise<T> {
    const disturbance: Disturbance = { happen, busy: null };
    this.pageLimit = pageLimit;
    this.disturbance = disturbance;
    try {
      return await work();
    } finally {
      this.disturbance = null;
      await disturbance.busy;
      this.pageLimit = 1000;
    }
  }

  private newName(): string {
    return `s${this.names++}`;
  }

  private watched(store: Store): Store {
    const read = async (space: string, queries: readonly Query[]) => {
      const { disturbance } = this;
      if (disturbance !== null && disturbance.busy === null) {
        disturbance.busy = disturbance.happen();
        await disturbance.busy;
        disturbance.busy = null;
      }
      return store.read(
        space,
        queries.map((query) => this.small(query)),
      );
    };
    return new Proxy(store, {
      get(target, name) {
        if (name === "read") return read;
        const member = Reflect.get(target, name) as unknown;
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  }

  private small(query: Query): Query {
    const paged = query.kind === "page" || query.kind === "scan";
    return paged ? { ...query, limit: Math.min(query.limit, this.pageLimit) } : query;
  }
}
