import process from "node:process";
import { WebSocket } from "ws";
import { until } from "../work.ts";

let offline = false;
let connecting = 0;
const sockets = new Set();

globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    connecting = performance.now();
    super(offline ? "ws://127.0.0.1:9/" : url, protocols);
    sockets.add(this);
    this.on("close", () => sockets.delete(this));
    this.on("error", () => {});
  }
};
const { Zero } = await import("@rocicorp/zero");
const { mutators, queries, schema } = await import("./schema.mjs");

export async function open({ cache, endpoint }, { run }) {
  // A replica of a process before this one must not be found again.
  const storageKey = `${process.pid}-${run}`;
  const zero = new Zero({
    cacheURL: cache,
    schema,
    mutators,
    userID: "bench",
    kvStore: "mem",
    storageKey,
    logLevel: "error",
    logSink: { log() {} },
    queryURL: `${endpoint}/query`,
    mutateURL: `${endpoint}/mutate`,
  });
  let rows = [];
  const connected = () => zero.connection.state.current?.name === "connected";
  /** Resolves to the milliseconds that the client waited before it tried again. */
  const online = async () => {
    offline = false;
    const since = performance.now();
    await until(connected, 1);
    return connecting - since;
  };
  return {
    copy: () => {
      const view = zero.materialize(queries.all(), { ttl: "forever" });
      return new Promise((done) => {
        view.addListener((list, type) => {
          rows = list;
          if (type === "complete") done();
        });
      });
    },
    read: async (id) => rows.find((row) => row.id === id),
    size: async () => rows.length,
    offline: async () => {
      offline = true;
      for (const socket of sockets) socket.terminate();
      await until(() => !connected(), 1);
    },
    nothing: online,
    catchUp: async (seen) => {
      const waited = await online();
      await until(seen, 5);
      return waited;
    },
    queue: async (list) => {
      await Promise.all(list.map((row) => zero.mutate(mutators.insert(row)).client));
    },
    push: async (held) => {
      const waited = await online();
      await held();
      return waited;
    },
    close: () => zero.close(),
  };
}
