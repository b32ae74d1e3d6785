import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Who takes part: each is a folder with a server and a client; the peers' folders have packages of their own. */
export interface System {
  readonly name: string;
  readonly title: string;
  /** The packages whose versions are told. */
  readonly packages: readonly string[];
  /** The most records that it can copy, where that is fewer than are asked for. */
  readonly most?: number;
  /** Writes of each series of W4, where the usual number would take too long. */
  readonly writes?: number;
  /** Processes that its 100 subscribers are dealt out to, where one cannot hold them. */
  readonly processes?: number;
  /** How it is used, and where its server keeps the records. */
  readonly setting: string;
  /** What is waited for until 1,000 pending mutations count as durable. */
  readonly durable: string;
  /** How W4 is done: what a subscriber is, and who writes. */
  readonly live: string;
}

export const SYSTEMS: readonly System[] = [
  {
    name: "floor",
    title: "floor",
    packages: [],
    setting: "a bare HTTP server: one JSON array, `JSON.parse`, a `Map`; one body of 1,000 records into SQLite",
    durable: "the answer; one SQLite transaction, `synchronous=FULL`",
    live: "bare `ws`: a record as JSON, handed on by the server as it came, nothing stored",
  },
  {
    name: "tidemark",
    title: "Tidemark",
    packages: [],
    setting: "server on SQLite; subscription to scope `*`; a copy counts once its fingerprint is checked",
    durable: "each mutation's outcome has come; SQLite, `synchronous=FULL`",
    live: "live connections; the writer is a client, one mutation for each write",
  },
  {
    name: "replicache",
    title: "Replicache",
    packages: ["replicache"],
    setting: "its client, and a minimal endpoint on SQLite: a version for each row, pull sends rows above the cookie",
    durable: "the server has all; SQLite, `synchronous=FULL`",
    live: "a poke by server-sent events, then a pull; the writer is a client",
  },
  {
    name: "rxdb",
    title: "RxDB",
    packages: ["rxdb"],
    writes: 300,
    processes: 8,
    setting: "its replication over WebSocket, memory storage on both sides, batches of 1,000",
    durable: "`awaitInSync`; the server's memory only",
    live: "live replication; 8 processes of subscribers, since the free version allows few collections in each; the writer is a client",
  },
  {
    name: "pouchdb",
    title: "PouchDB",
    packages: ["pouchdb", "express-pouchdb"],
    writes: 30,
    setting: "express-pouchdb on LevelDB, memory adapter in the client, batches of 1,000, 4 at a time",
    durable: "the replication has ended; LevelDB, no fsync asked for. A first push of nothing is not counted",
    live: "live replication; the writer puts documents by HTTP, one after the other",
  },
  {
    name: "zero",
    title: "Zero",
    packages: ["@rocicorp/zero"],
    writes: 300,
    setting:
      "zero-cache with one sync worker, PostgreSQL 18, custom mutators; its wait before reconnecting is not counted",
    durable: "the server has all; PostgreSQL, fsync on",
    live: "a materialized query; the writer is SQL `UPDATE`s to PostgreSQL",
  },
  {
    name: "tinybase",
    title: "TinyBase",
    packages: ["tinybase"],
    most: 20_000,
    setting:
      "MergeableStore and its WebSocket server, in memory; 100,000 records exceed the 16 MiB that it sends at once",
    durable: "the server has all; its memory only",
    live: "the synchronizer; the writer is a client",
  },
  {
    name: "yjs",
    title: "Yjs",
    packages: ["yjs", "y-websocket"],
    setting: "one Y.Map of JSON values, y-websocket's own server, in memory",
    durable: "the server has all; its memory only",
    live: "the provider; the writer is a client",
  },
  {
    name: "triplit",
    title: "Triplit",
    packages: ["@triplit/server", "@triplit/client"],
    writes: 300,
    setting: "its Node server on SQLite, a subscription to the whole collection",
    durable: "the server has all; SQLite, `synchronous=NORMAL`",
    live: "a subscription to the collection; the writer is a client",
  },
];

export const folderOf = (system: System): string => join(import.meta.dirname, system.name);

export function moduleOf(system: System, part: "server" | "client" | "live"): string {
  return join(folderOf(system), `${part}.${system.packages.length > 0 ? "mjs" : "ts"}`);
}

export function versionsOf(system: System): string {
  return system.packages.length === 0 ? "" : versionsIn(folderOf(system), system.packages);
}

/** "pouchdb 9.0.0, express-pouchdb 4.2.0" */
export function versionsIn(folder: string, packages: readonly string[]): string {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    dependencies: { readonly [name: string]: string };
  };
  return packages.map((name) => `${name} ${dependencies[name]}`).join(", ");
}
