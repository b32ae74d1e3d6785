import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import type { Write } from "../../model/mutation.ts";
import { createServer, type Server } from "../../server/index.ts";
import { openSqliteStore } from "../../store/sqlite/index.ts";
import type { Store } from "../../store/store.ts";
import { canonical, type Json, type JsonObject } from "../../util/json.ts";
import type { HeadResponse } from "../../wire/head.ts";
import { Deviation } from "../trial.ts";

export const SPACE = "conformance";

/** What happens to an answer on its way to the client. */
export type Way = (response: Response, path: string) => Response | Promise<Response>;

/** What a run of the client under test came to. */
export interface Run {
  readonly code: number | null;
  /** The records that it shows, as canonical texts of `[collection, record]`, sorted. */
  readonly shown: readonly string[];
  readonly stderr: string;
}

/** A server of our own, a way to it that can be disturbed, and a client that is a command. */
export class Stage {
  readonly #command: string;
  readonly #seconds: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "tidemark-conformance-"));
  #store: Store = openSqliteStore({ path: ":memory:" });
  #server: Server = serverOn(this.#store);
  #way: Way | null = null;
  #http: ReturnType<typeof createAdaptorServer> | null = null;
  #writes = 0;

  constructor(command: string, seconds: number) {
    this.#command = command;
    this.#seconds = seconds;
  }

  /** What the server says from now on is changed like this; null: as it is. */
  disturb(way: Way | null): void {
    this.#way = way;
  }

  /** The writes of somebody else. */
  async write(...writes: Write[]): Promise<void> {
    const { revision } = await this.head();
    const push = { client: `writer-${++this.#writes}`, mutations: [{ id: 1, base: revision, writes }] };
    await this.#ask("/push", push);
  }

  async head(): Promise<HeadResponse> {
    return (await this.#ask("?scope=*")) as unknown as HeadResponse;
  }

  /** All that the server holds, in the form of what the client shows. */
  async truth(): Promise<string[]> {
    const text = await (await this.#asked("/pull", { subscriptions: [{ scope: "*", cursor: null }] })).text();
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { op: string; collection: string; records: JsonObject[] });
    return lines
      .flatMap(({ op, collection, records }) =>
        op === "put" ? records.map((record) => canonical([collection, record])) : [],
      )
      .sort();
  }

  async cut(): Promise<void> {
    await this.#ask("/cut", { journal: "0s", tombstones: "0s" });
  }

  /** The server stands on another history from now on, which an empty space begins. */
  async restore(): Promise<void> {
    await this.#server.close();
    this.#store = openSqliteStore({ path: ":memory:" });
    this.#server = serverOn(this.#store);
    await this.write({ op: "insert", collection: SPACE, record: { id: "of another history" } });
    await this.#store.setRestore(SPACE, "discard");
  }

  /** One run of the client, with these mutations to make before it is up to date. */
  async run(mutations: readonly (readonly Write[])[] = []): Promise<Run> {
    const url = await this.#listening();
    const env = {
      ...process.env,
      TIDEMARK_URL: url,
      TIDEMARK_SPACE: SPACE,
      TIDEMARK_SCOPE: "*",
      TIDEMARK_STATE: this.#folder,
    };
    const child = spawn(this.#command, { shell: true, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
    const [out, err] = [gathered(child.stdout), gathered(child.stderr)];
    child.stdin.on("error", () => undefined);
    child.stdin.end(mutations.map((writes) => `${JSON.stringify({ writes })}\n`).join(""));
    const late = setTimeout(() => process.kill(-(child.pid as number), "SIGKILL"), this.#seconds * 1_000);
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once("close", resolve).once("error", reject),
    );
    clearTimeout(late);
    return { code, shown: shownIn(out()), stderr: err().trim().slice(-500) };
  }

  /** A run that is expected to end well, with what the server holds on its screen. */
  async agrees(mutations: readonly (readonly Write[])[] = []): Promise<void> {
    const { code, shown, stderr } = await this.run(mutations);
    if (code !== 0)
      throw new Deviation(`the client ended with ${code ?? `no code in ${this.#seconds} seconds`}: ${stderr}`);
    const truth = await this.truth();
    const missing = truth.filter((record) => !shown.includes(record));
    const extra = shown.filter((record) => !truth.includes(record));
    if (missing.length + extra.length === 0) return;
    throw new Deviation(
      `the client does not show ${missing.slice(0, 3).join(", ") || "nothing"}, and shows ${extra.slice(0, 3).join(", ") || "nothing"} that is not so`,
    );
  }

  async end(): Promise<void> {
    this.#http?.close();
    if (this.#http !== null && "closeAllConnections" in this.#http) this.#http.closeAllConnections();
    await this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #listening(): Promise<string> {
    if (this.#http === null) {
      const fetch = async (request: Request) => {
        const response = await this.#server.handler(request, { remote: "127.0.0.1" });
        return this.#way === null ? response : this.#way(response, new URL(request.url).pathname);
      };
      const http = createAdaptorServer({ fetch, overrideGlobalObjects: false });
      await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
      this.#http = http;
    }
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  #asked(path: string, body?: object): Promise<Response> {
    const init = body && {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    };
    return this.#server.handler(new Request(`http://127.0.0.1/v1/spaces/${SPACE}${path}`, init), {
      remote: "127.0.0.1",
    });
  }

  async #ask(path: string, body?: object): Promise<Json> {
    const response = await this.#asked(path, body);
    if (path === "?scope=*" && response.status === 404) return { revision: 0 };
    if (response.status !== 200) throw new Error(await response.text());
    return (await response.json()) as Json;
  }
}

function serverOn(store: Store): Server {
  const quiet = { info: () => undefined, error: () => undefined };
  return createServer({
    store,
    log: quiet,
    config: { spaces: "open", auth: { open: true }, collections: { [SPACE]: {} } },
  });
}

function gathered(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

function shownIn(text: string): string[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines
    .map((line) => {
      try {
        return canonical(JSON.parse(line) as Json);
      } catch {
        throw new Deviation(`the client prints a line that is no JSON: ${line.slice(0, 200)}`);
      }
    })
    .sort();
}
