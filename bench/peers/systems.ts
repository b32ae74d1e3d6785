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
  /** How it is used, and where its server keeps the records. */
  readonly setting: string;
  /** What is waited for until 1,000 pending mutations count as durable. */
  readonly durable: string;
}

export const SYSTEMS: readonly System[] = [
  {
    name: "floor",
    title: "floor",
    packages: [],
    setting: "a bare HTTP server: one JSON array, `JSON.parse`, a `Map`; one body of 1,000 records into SQLite",
    durable: "the answer; one SQLite transaction, `synchronous=FULL`",
  },
  {
    name: "tidemark",
    title: "Tidemark",
    packages: [],
    setting: "server on SQLite; subscription to scope `*`; a copy counts once its fingerprint is checked",
    durable: "each mutation's outcome has come; SQLite, `synchronous=FULL`",
  },
  {
    name: "replicache",
    title: "Replicache",
    packages: ["replicache"],
    setting: "its client, and a minimal endpoint on SQLite: a version for each row, pull sends rows above the cookie",
    durable: "the server has all; SQLite, `synchronous=FULL`",
  },
  {
    name: "rxdb",
    title: "RxDB",
    packages: ["rxdb"],
    setting: "its replication over WebSocket, memory storage on both sides, batches of 1,000",
    durable: "`awaitInSync`; the server's memory only",
  },
  {
    name: "pouchdb",
    title: "PouchDB",
    packages: ["pouchdb", "express-pouchdb"],
    setting: "express-pouchdb on LevelDB, memory adapter in the client, batches of 1,000, 4 at a time",
    durable: "the replication has ended; LevelDB, no fsync asked for. A first push of nothing is not counted",
  },
  {
    name: "zero",
    title: "Zero",
    packages: ["@rocicorp/zero"],
    setting:
      "zero-cache with one sync worker, PostgreSQL 18, custom mutators; its wait before reconnecting is not counted",
    durable: "the server has all; PostgreSQL, fsync on",
  },
  {
    name: "tinybase",
    title: "TinyBase",
    packages: ["tinybase"],
    most: 20_000,
    setting:
      "MergeableStore and its WebSocket server, in memory; 100,000 records exceed the 16 MiB that it sends at once",
    durable: "the server has all; its memory only",
  },
  {
    name: "yjs",
    title: "Yjs",
    packages: ["yjs", "y-websocket"],
    setting: "one Y.Map of JSON values, y-websocket's own server, in memory",
    durable: "the server has all; its memory only",
  },
  {
    name: "triplit",
    title: "Triplit",
    packages: ["@triplit/server", "@triplit/client"],
    setting: "its Node server on SQLite, a subscription to the whole collection",
    durable: "the server has all; SQLite, `synchronous=NORMAL`",
  },
];

export const folderOf = (system: System): string => join(import.meta.dirname, system.name);

/** "pouchdb 9.0.0, express-pouchdb 4.2.0" */
export function versionsOf(system: System): string {
  if (system.packages.length === 0) return "";
  const { dependencies } = JSON.parse(readFileSync(join(folderOf(system), "package.json"), "utf8")) as {
    dependencies: { readonly [name: string]: string };
  };
  return system.packages.map((name) => `${name} ${dependencies[name]}`).join(", ");
}
