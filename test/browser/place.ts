// A server in a process of its own, and tabs that follow it.
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { freePort, type Running, serve } from "../cli/program.ts";
import { folderOf } from "../support/folder.ts";
import type { AppApi, Opening } from "./api.ts";
import { remote, site } from "./site.ts";

const CONFIG = `
import { collection, defineConfig } from "tidemark/server";
export default defineConfig({
  spaces: "open",
  collections: { items: collection({ atoms: { n: "sum" }, scopes: (r) => r.box ? [\`box/\${r.box}\`] : [] }) },
  origins: ["*"],
});
`;

/** A server that can be killed and started again where it was. */
export class Place {
  readonly folder = folderOf({ "tidemark.config.ts": CONFIG });
  readonly #port: number;
  readonly #env: NodeJS.ProcessEnv;
  server: Running & { readonly url: string };

  private constructor(port: number, env: NodeJS.ProcessEnv, server: Place["server"]) {
    this.#port = port;
    this.#env = env;
    this.server = server;
  }

  static async begin(env: NodeJS.ProcessEnv = {}): Promise<Place> {
    const place = new Place(await freePort(), env, undefined as never);
    await place.start();
    return place;
  }

  get url(): string {
    return this.server.url;
  }

  get data(): string {
    return join(this.folder, "data");
  }

  async start(): Promise<void> {
    this.server = await serve(this.folder, ["--port", String(this.#port)], this.#env);
  }
}

/** A tab with one client. */
export class AppTab {
  readonly page: Page;
  readonly call: ReturnType<typeof remote<AppApi>>;

  private constructor(page: Page) {
    this.page = page;
    this.call = remote<AppApi>(page);
  }

  static async open(context: BrowserContext, address: string, opening: Opening): Promise<AppTab> {
    const tab = new AppTab(await context.newPage());
    await tab.page.goto(address);
    await tab.call("open", "c", opening);
    return tab;
  }

  subscribe = () => this.call("subscribe", "c", "*");
  query = () => this.call("query", "c", "items");
  count = () => this.call("count", "c", "items");
  sync = () => this.call("sync", "c");
  status = () => this.call("status", "c");
  told = () => this.call("told", "c");
  insert = (until: "local" | "settled" | "called", id: string, atoms = {}) =>
    this.call("mutate", "c", until, ["insert", "items", { id, ...atoms }]);

  /** Resolves once what is observed is this. */
  async sees(test: (records: readonly { readonly id: string }[]) => boolean): Promise<void> {
    while (!test((await this.call("seen", "c")) as { id: string }[])) await this.page.evaluate(aMoment);
  }
}

const aMoment = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

export const app = () => site("app");
