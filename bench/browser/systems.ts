import { join } from "node:path";
import { SYSTEMS as PEERS, type System as Peer } from "../peers/systems.ts";

/** Who takes part: a page of each, beside the server that it has in `bench/peers`. */
export interface System {
  readonly name: string;
  readonly title: string;
  readonly server: Peer;
  /** Where its packages are; null where it has none but the project's. */
  readonly folder: string | null;
  readonly page: string;
  /** The packages whose versions are told. */
  readonly packages: readonly string[];
  readonly setting: string;
}

interface Entry extends Pick<System, "name" | "packages" | "setting"> {
  /** Where it is not that of the server. */
  readonly title?: string;
  /** The name of its server, where it is another. */
  readonly server?: string;
}

const ENTRIES: readonly Entry[] = [
  {
    name: "floor",
    packages: [],
    setting: "one JSON array, `JSON.parse`, one `put` for each record in one transaction, `durability` strict",
  },
  {
    name: "tidemark",
    packages: [],
    setting: "`indexedDbStore`, a subscription to scope `*`; readable before its fingerprint is checked",
  },
  {
    name: "tidemark-opfs",
    title: "Tidemark on OPFS",
    server: "tidemark",
    packages: [],
    setting:
      "the same with `opfsStore`; its worker and SQLite's WebAssembly lie in the page's module, and are started by the copy",
  },
  {
    name: "rxdb",
    packages: ["rxdb"],
    setting: "Dexie storage, replication over WebSocket, batches of 1,000",
  },
  {
    name: "pouchdb",
    packages: ["pouchdb-browser"],
    setting: "`idb` adapter, batches of 1,000, 4 at a time",
  },
  {
    name: "replicache",
    packages: ["replicache"],
    setting: "its own store in IndexedDB, one pull; readable from memory before the store has it",
  },
];

export const SYSTEMS: readonly System[] = ENTRIES.map((entry) => {
  const server = PEERS.find(({ name }) => name === (entry.server ?? entry.name));
  if (server === undefined) throw new Error(`no server for ${entry.name}`);
  const folder = entry.packages.length > 0 ? join(import.meta.dirname, entry.name) : null;
  const page = folder === null ? join(import.meta.dirname, `pages/${entry.name}.ts`) : join(folder, "page.mjs");
  const { name, packages, setting, title = server.title } = entry;
  return { name, packages, setting, title, server, folder, page };
});
