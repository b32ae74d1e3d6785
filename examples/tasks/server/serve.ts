import { createServer, type Listening, listen, type Server } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import config from "../tidemark.config.ts";
import { loadSample } from "./load.ts";
import { builtPage } from "./page.ts";

export interface BoardOptions {
  readonly port: number;
  /** Folder of the data. */
  readonly data: string;
  /** Where the page is built to; beside the sources by default. */
  readonly page?: string;
}

/** Serves the board: the page and its data, at one address of this machine. */
export async function serveBoard({ port, data, page }: BoardOptions): Promise<Listening> {
  const log = { info: () => undefined, error: (fields: object, text: string) => console.error(text, fields) };
  const server = createServer({ store: openSqliteStore({ path: data }), config, log });
  try {
    await server.ready;
    await loadSample(server, Date.now());
    return await listen(withPage(server, await builtPage(page)), { host: "127.0.0.1", port });
  } catch (error) {
    await server.close();
    throw error;
  }
}

function withPage(server: Server, page: Awaited<ReturnType<typeof builtPage>>): Server {
  return { ...server, handler: async (request, context) => page(request) ?? server.handler(request, context) };
}
