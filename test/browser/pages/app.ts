// A page with clients, driven from outside.
import { type Client, type CopyProgress, createClient, type Events } from "tidemark/client";
import { indexedDbStore } from "tidemark/client/indexeddb";
import { opfsStore } from "tidemark/client/opfs";
import type { AppApi } from "../api.ts";
import { worker } from "./worker.ts";

interface Kept {
  readonly client: Client;
  readonly told: { event: string; value: unknown }[];
  readonly durable: string[];
  seen: readonly unknown[];
  token: string | undefined;
}

const stores = {
  indexeddb: (name: string) => indexedDbStore({ name }),
  opfs: (name: string) => opfsStore({ name, worker }),
};

const clients = new Map<string, Kept>();
const EVENTS: (keyof Events)[] = [
  "superseded",
  "rejected",
  "unknown",
  "lost",
  "recovered",
  "revoked",
  "damaged",
  "repaired",
];

function of(name: string): Kept {
  const kept = clients.get(name);
  if (kept === undefined) throw new Error(`no client ${name}`);
  return kept;
}

const tasks: number[] = [];
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) tasks.push(Math.round(duration));
}).observe({ type: "longtask", buffered: true });

/** A progress bar as an application has one. */
class Drawing {
  readonly #positions: number[] = [];
  #bar: HTMLProgressElement | null = null;
  #frames = 0;

  begin(client: Client, scope: string): void {
    client.on("status", ({ copies }) => this.#draw(copies[scope]));
    let last = -1;
    const look = () => {
      const position = this.#bar?.position ?? last;
      if (position !== last) this.#frames++;
      last = position;
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }

  get shown() {
    return { positions: this.#positions, frames: this.#frames, gone: this.#bar === null };
  }

  #draw(copy: CopyProgress | undefined): void {
    if (copy?.total == null) {
      this.#bar?.remove();
      this.#bar = null;
      return;
    }
    this.#bar ??= document.body.appendChild(document.createElement("progress"));
    this.#bar.max = copy.total;
    this.#bar.value = copy.done;
    this.#positions.push(this.#bar.position);
  }
}

const drawing = new Drawing();

const api: AppApi = {
  open(name, { url, name: database, token, tabs, store = "indexeddb" }) {
    const client = createClient({
      url,
      space: "main",
      store: stores[store](database),
      ...(token !== undefined && { auth: () => String(of(name).token) }),
      ...(tabs !== undefined && { tabs }),
    });
    const told: Kept["told"] = [];
    for (const event of EVENTS) client.on(event, (value) => told.push({ event, value }));
    clients.set(name, { client, told, durable: [], seen: [], token });
  },
  subscribe: (name, scope) => of(name).client.subscribe({ scope }).ready,
  status: (name) => of(name).client.status,
  get: async (name, collection, id) => await of(name).client.get(collection, id),
  query: async (name, collection) => await of(name).client.query({ collection }),
  count: async (name, collection) => (await of(name).client.query({ collection })).length,
  sync: (name) => of(name).client.sync(),
  verify: async (name) => (await of(name).client.verify()).ok,
  setToken(name, token) {
    of(name).token = token;
  },
  close: (name) => of(name).client.close(),
  async mutate(name, until, ...writes) {
    try {
      const { local, settled } = of(name).client.mutate((tx) => {
        for (const [op, collection, { id, ...atoms }] of writes) {
          if (op === "insert") tx.insert(collection, { id, ...atoms } as never);
          else tx.update(collection, id, atoms as never);
        }
      });
      if (until === "called") return null;
      return (await (until === "local" ? local : settled)) ?? null;
    } catch (error) {
      return String(error);
    }
  },
  observe(name, collection) {
    const kept = of(name);
    kept.client.observe({ collection }, (records) => {
      kept.seen = records;
    });
  },
  seen: (name) => [...of(name).seen],
  told: (name) => of(name).told,
  writeMany(name, prefix, count) {
    const { client, durable } = of(name);
    for (let i = 0; i < count; i++) {
      const id = `${prefix}-${i}`;
      const { local } = client.mutate((tx) => {
        tx.insert("items", { id, text: "x".repeat(200) });
        tx.update("items", "count", { n: { $add: 1 } });
      });
      local.then(
        () => durable.push(id),
        () => {},
      );
    }
  },
  durable: (name) => of(name).durable,
  showProgress: (name, scope) => drawing.begin(of(name).client, scope),
  shownProgress: () => drawing.shown,
  longTasks: () => tasks.splice(0).sort((a, b) => b - a),
};
Object.assign(globalThis, { api });
