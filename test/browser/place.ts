// A server in a process of its own, and tabs that follow it.
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { backup, restore } from "../../src/store/sqlite/index.ts";
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
  readonly #data = join(this.folder, "data");
  readonly #backup = join(this.folder, "backup");
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

  async backup(): Promise<void> {
    await backup(this.#data, this.#backup);
  }

  /** Puts the backup in the place of what is there, and serves it. */
  async restored(): Promise<void> {
    await this.server.stop();
    await restore(this.#backup, this.#data, "heal", { overwrite: true });
    await this.start();
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
    await this.until("seen", (records) => test(records as { id: string }[]));
  }

  /** Resolves once the page says so. */
  async until<N extends "seen" | "told" | "durable">(
    name: N,
    test: (value: ReturnType<AppApi[N]>) => boolean,
  ): Promise<void> {
    const ask = this.call as (name: N, client: string) => Promise<ReturnType<AppApi[N]>>;
    while (!test(await ask(name, "c"))) await this.page.evaluate(aMoment);
  }

  /**
   * Tells the page what a browser tells it then. Chromium freezes none that is visible, and without a screen all are: a
   * freeze by its debugging protocol does nothing at all.
   */
  life = (event: "freeze" | "resume") => this.page.evaluate(`document.dispatchEvent(new Event("${event}"))`);

  /** Kills the process behind the page. */
  async crash(): Promise<void> {
    const gone = this.page.waitForEvent("crash");
    this.page.goto("chrome://crash").catch(() => {});
    await gone;
  }
}

const aMoment = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

export const app = () => site("app");
