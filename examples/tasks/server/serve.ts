import { createServer, type Listening, listen, type Server } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import config from "../tidemark.config.ts";
import { loadSample } from "./load.ts";
import type { Page } from "./page.ts";

export interface BoardOptions {
  readonly port: number;
  /** Folder of the data. */
  readonly data: string;
  readonly page: Page;
}

/** Serves the board: the page and its data, at one address of this machine. */
export async function serveBoard({ port, data, page }: BoardOptions): Promise<Listening> {
  const log = { info: () => undefined, error: (fields: object, text: string) => console.error(text, fields) };
  const server = createServer({ store: openSqliteStore({ path: data }), config, log });
  try {
    await server.ready;
    await loadSample(server, Date.now());
    return await listen(withPage(server, page), { host: "127.0.0.1", port });
  } catch (error) {
    await server.close();
    throw error;
  }
}

function withPage(server: Server, page: Page): Server {
  return { ...server, handler: async (request, context) => page(request) ?? server.handler(request, context) };
}
