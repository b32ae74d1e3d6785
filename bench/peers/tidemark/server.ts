import { join } from "node:path";
import { createServer, listen } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { fill, get, post } from "../../wire.ts";
import type { StartServer } from "../work.ts";

const SPACE = "peers";
const PUSHED_AT_ONCE = 1000;

export const start: StartServer = async ({ folder, records }) => {
  const store = openSqliteStore({ path: join(folder, "data") });
  const config = { spaces: "open", collections: { tasks: {} } } as const;
  const { url } = await listen(createServer({ store, config }), { host: "127.0.0.1", port: 0 });
  const base = `${url}/v1/spaces/${SPACE}`;
  await fill(base, records);
  let last = 0;
  return {
    address: { url, space: SPACE },
    /** Each in a transaction of its own. */
    change: async (rows) => {
      const { revision } = await get<{ revision: number }>(base);
      for (let at = 0; at < rows.length; at += PUSHED_AT_ONCE) {
        const acked = last;
        const mutations = rows.slice(at, at + PUSHED_AT_ONCE).map(({ id, title, updated }) => {
          const write = { op: "update", collection: "tasks", record: { id, title, updated } };
          return { id: ++last, base: revision, writes: [write] };
        });
        await post(`${base}/push`, { client: "changer", acked, mutations });
      }
    },
    holds: async (ids) => {
      const histories = ids.map((id) => get<{ versions?: unknown[] }>(`${base}/history/tasks/${id}?limit=1`));
      return (await Promise.all(histories)).filter(({ versions }) => versions?.length === 1).length;
    },
  };
};
