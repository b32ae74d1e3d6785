// One server of a show, as a process of its own that follows another over a line that can be cut.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { JournalResponse } from "../../src/wire/journal.ts";
import type { LinkDetails, LinksResponse } from "../../src/wire/links.ts";
import { freePort, type Running, run, serve } from "../cli/program.ts";
import { folderOf } from "../support/folder.ts";
import { Proxy } from "../support/proxy.ts";

/** How long a server may think about an answer, in milliseconds. */
const PATIENCE = 20_000;

export interface SiteOptions {
  readonly above?: SiteProcess;
  /** A database; by default a folder. */
  readonly data?: string;
  /** The collections that its schema knows; by default any are taken. */
  readonly collections?: readonly string[];
}

export class SiteProcess {
  readonly above: SiteProcess | null;
  readonly url: string;
  /** The line to the server above. */
  readonly line: Proxy | null;
  readonly #folder: string;
  readonly #data: string | undefined;
  #process: Running | null = null;

  private constructor(parts: { above: SiteProcess | null; line: Proxy | null; port: number; options: SiteOptions }) {
    const { above, line, port, options } = parts;
    this.above = above;
    this.line = line;
    this.url = `http://127.0.0.1:${port}`;
    this.#data = options.data;
    this.#folder = join(folderOf(), "site");
    mkdirSync(this.#folder);
    const up = above === null ? {} : { up: { url: line?.url(above.url).replace(/\/$/, ""), direction: "both" } };
    const known = options.collections?.map((name) => [name, {}]);
    const config = {
      links: above === null ? {} : { main: up },
      limits: { rate: false },
      ...(known !== undefined && { collections: Object.fromEntries(known) }),
    };
    writeFileSync(join(this.#folder, "tidemark.config.ts"), `export default ${JSON.stringify(config)};`);
  }

  /** A server that does not run yet. */
  static async of(options: SiteOptions = {}): Promise<SiteProcess> {
    const { above = null } = options;
    const line = above === null ? null : await Proxy.to(above.url);
    onTestFinished(() => line?.close());
    return new SiteProcess({ above, line, port: await freePort(), options });
  }

  get isPostgres(): boolean {
    return this.#data !== undefined;
  }

  async start(): Promise<void> {
    const data = this.#data === undefined ? [] : ["--data", this.#data];
    this.#process = await serve(this.#folder, ["--port", new URL(this.url).port, ...data]);
  }

  async kill(): Promise<void> {
    await this.#process?.stop("SIGKILL");
    this.#process = null;
  }

  /** A backup of its folder; and puts that in the place of all that it has. */
  async backup(): Promise<void> {
    await good(run(["backup", join(this.#folder, "data"), join(this.#folder, "backup.db")]));
  }

  async restore(): Promise<void> {
    await this.kill();
    const [file, data] = [join(this.#folder, "backup.db"), join(this.#folder, "data")];
    await good(run(["restore", file, data, "--overwrite"]));
    await this.start();
  }

  /** Whether the server applied it, and said so. */
  async write(client: string, write: object): Promise<boolean> {
    const { revision } = await this.#ask<{ revision: number }>("", undefined, { revision: 0 });
    const mutations = [{ id: 1, base: revision, writes: [write] }];
    const answer = await this.#ask<{ outcomes: { status: string }[] }>("/push", { client, mutations });
    return answer.outcomes[0]?.status === "applied";
  }

  async digest(): Promise<{ count: number; digest: string }> {
    const { scopes } = await this.#ask<{ scopes?: { "*": { count: number; digest: string } } }>(
      "?scope=*",
      undefined,
      {},
    );
    return scopes?.["*"] ?? { count: 0, digest: "" };
  }

  /** Nothing of it is on its way up. */
  async isAtRest(): Promise<boolean> {
    if (this.above === null) return true;
    const { links } = await this.#ask<LinksResponse>("/links");
    return links.every(({ state, queued, unsent }) => state === "running" && queued + unsent === 0);
  }

  /** All values that its journal and its conflict log tell of. */
  async told(): Promise<{ journal: string; log: string; conflicts: number }> {
    const entries: JournalResponse["entries"][number][] = [];
    for (;;) {
      const since = entries.at(-1)?.revision ?? 0;
      const more = (await this.#ask<JournalResponse>(`/journal?since=${since}`)).entries;
      if (more.length === 0) break;
      entries.push(...more);
    }
    const log = this.above === null ? [] : (await this.#ask<LinkDetails>("/links/up")).conflictLog;
    return { journal: JSON.stringify(entries), log: JSON.stringify(log), conflicts: log.length };
  }

  /** `none`: the answer of a space that is not there yet. */
  async #ask<T>(path: string, body?: object, none?: T): Promise<T> {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const headers = { "content-type": "application/json" };
    const signal = AbortSignal.timeout(PATIENCE);
    const response = await fetch(`${this.url}/v1/spaces/main${path}`, { ...init, headers, signal });
    if (response.status === 404 && none !== undefined) return none;
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }
}

async function good(running: Promise<{ code: number | null; stderr: string }>): Promise<void> {
  const { code, stderr } = await running;
  if (code !== 0) throw new Error(stderr);
}
