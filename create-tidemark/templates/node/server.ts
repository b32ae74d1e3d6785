import { createServer, listen } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { collections } from "./collections.ts";

// Open to everybody on this machine, and to nobody else: before it listens elsewhere it needs `auth`.
const config = { spaces: ["main"], collections, auth: { open: true } };
const server = createServer({ store: openSqliteStore({ path: "data" }), config });
const { url, close } = await listen(server, { host: "127.0.0.1", port: Number(process.env.PORT ?? 4848) });
console.log(`listening on ${url}`);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void close());
