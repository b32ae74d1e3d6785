// A server with something to look at, and somebody who looks at it through the console.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import AxeBuilder from "axe-core";
import type { Locator, Page } from "playwright-core";
import { clean, createIngest, matching, required, type Stream } from "tidemark/ingest";
import { startLinks } from "tidemark/peer";
import { type Config, createServer, type Listening, listen, noLog, withConsole } from "tidemark/server";
import { openSqliteStore } from "tidemark/store/sqlite";
import { createUsers } from "tidemark/users";
import { build } from "vite";
import { afterAll, expect, onTestFinished } from "vitest";
import { Warehouses } from "../../src/cli/warehouses.ts";
import { systemClock } from "../../src/util/clock.ts";
import { ListSource, put } from "../ingest/support.ts";
import { folderOf } from "../support/folder.ts";
import { SECRET, tokenFor } from "../support/server.ts";
import { profile } from "./chromium.ts";

const CONSOLE = fileURLToPath(new URL("../../console/", import.meta.url));

/** For all tests of a file. */
const outDir = mkdtempSync(join(tmpdir(), "tidemark-console-"));
afterAll(() => rmSync(outDir, { recursive: true }));

let built: Promise<string> | null = null;

/** The folder of the console, built from its sources as they are. */
export function builtConsole(): Promise<string> {
  built ??= (async () => {
    await build({ configFile: join(CONSOLE, "vite.config.ts"), root: CONSOLE, logLevel: "error", build: { outDir } });
    return outDir;
  })();
  return built;
}

export const PASSWORD = "correct horse battery";

/** A server with records, conflicts, a link, users, and what comes in. */
export class Watched {
  readonly url: string;
  readonly token: string;
  readonly #listening: Listening;

  private constructor(listening: Listening, token: string) {
    this.#listening = listening;
    this.url = listening.url;
    this.token = token;
  }

  static async start({ port = 0, data = folderOf() } = {}): Promise<Watched> {
    const things = new ListSource("list", "things");
    const people = new ListSource("book", "people");
    const config: Config = {
      spaces: ["acme", "main"],
      collections: {
        notes: { scopes: (note) => [`project/${String(note.project ?? 0)}`] },
        things: {},
        people: {},
      },
      users: true,
      auth: { jwtSecret: SECRET },
      links: { acme: { office: { url: "http://127.0.0.1:9", scopes: ["office"], token: () => "x" } } },
      warehouses: { reports: { duckdb: "reports.duckdb", space: "acme" } },
      ingest: {
        main: [
          {
            source: things,
            streams: [clean(things.streams[0] as Stream, { collection: "things", check: [required("name")] })],
          },
          {
            source: people,
            streams: [
              clean(people.streams[0] as Stream, {
                collection: "people",
                match: matching({ fields: { name: "name", city: "place" } }),
              }),
            ],
          },
        ],
      },
    };
    const store = openSqliteStore({ path: data });
    const users = createUsers();
    const incoming = createIngest({ store, config, folder: null });
    const stop = new AbortController();
    const reports = new Warehouses({ config, log: noLog, clock: systemClock, stop: stop.signal });
    const routes = [...incoming.routes, ...reports.routes];
    const server = createServer({ store, config, identity: users, links: startLinks, routes });
    await server.ready;
    const code = await users.setupCode();
    const listening = await listen(withConsole(server, await builtConsole()), { port });
    const token = await tokenFor("root", { "*": { read: ["*"], write: ["*"], admin: true } });
    const watched = new Watched(
      {
        url: listening.url,
        close: async () => {
          stop.abort();
          await incoming.close();
          await listening.close();
        },
      },
      token,
    );
    onTestFinished(() => watched.stop());
    if (code === null) return watched;
    await watched.ask("/v1/auth/setup", { code, userName: "ann", password: PASSWORD });
    await watched.fill();
    things.gives([put("a", { name: "Anchor" }), put("b", { colour: "red" })]);
    people.gives([
      put("a", { name: "Grace Hopper", city: "Leeds" }),
      put("b", { name: "Gracie Hoper", city: "Leeds" }),
    ]);
    for (const stream of ["list.things", "book.people"])
      await watched.ask(`/v1/spaces/main/ingest/streams/${stream}`, { do: "run" }, "lines");
    return watched;
  }

  private async fill(): Promise<void> {
    const note = (id: string, atoms: object) => ({ op: "insert", collection: "notes", record: { id, ...atoms } });
    const update = (id: string, atoms: object) => ({ op: "update", collection: "notes", record: { id, ...atoms } });
    await this.push("acme", "c1", 0, [
      note("n1", { title: "Milk", project: 1 }),
      note("n2", { title: "Bread", project: 2 }),
    ]);
    await this.push("acme", "c2", 1, [update("n1", { title: "Oat milk" })]);
    await this.push("acme", "c3", 1, [update("n1", { title: "Soy milk", done: true })]);
    await this.push("acme", "c4", 0, [{ op: "insert", collection: "nowhere", record: { id: "x" } }]);
    await this.ask("/v1/spaces/acme/pull", { client: "phone", subscriptions: [{ scope: "project/1" }] }, "lines");
  }

  push(space: string, client: string, base: number, writes: readonly object[]): Promise<unknown> {
    return this.ask(`/v1/spaces/${space}/push`, { client, mutations: [{ id: 1, base, writes }] });
  }

  async ask(path: string, body: object, form: "json" | "lines" = "json"): Promise<unknown> {
    const headers = { "content-type": "application/json", authorization: `Bearer ${this.token}` };
    const response = await fetch(this.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return form === "json" ? JSON.parse(text) : text;
  }

  async stop(): Promise<void> {
    await this.#listening.close();
  }
}

/** Somebody in front of the console. */
export class Watcher {
  readonly page: Page;
  readonly #address: string;

  private constructor(page: Page, address: string) {
    this.page = page;
    this.#address = address;
  }

  /** With a token in this tab, as though it had been pasted; without one, in front of the login. */
  static async at(url: string, token: string | null): Promise<Watcher> {
    const context = await profile();
    if (token !== null)
      await context.addInitScript((text) => sessionStorage.setItem("tidemark-console-token", text), token);
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const errors: Error[] = [];
    page.on("pageerror", (error) => errors.push(error));
    // What the page's own policy forbids is told there, and nowhere else.
    page.on("console", (message) => {
      if (/Content Security Policy/i.test(message.text())) errors.push(new Error(message.text()));
    });
    onTestFinished(() => {
      if (errors.length > 0) throw new AggregateError(errors, "the page threw");
    });
    const address = `${url}/console/`;
    await page.goto(address);
    return new Watcher(page, address);
  }

  async open(place: string): Promise<void> {
    await this.page.goto(`${this.#address}#/${place}`);
  }

  grid(name: string): Locator {
    return this.page.getByRole("grid", { name });
  }

  get sheet(): Locator {
    return this.page.getByRole("dialog");
  }

  /** What axe finds wrong. */
  async flaws(): Promise<string[]> {
    // Through the debugger's own way in, since the page's policy lets in no script but its own.
    await this.page.evaluate(AxeBuilder.source);
    const found = await this.page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
    });
    return found.map((flaw) => flaw.slice(0, 400));
  }

  async expectNoFlaws(): Promise<void> {
    expect(await this.flaws()).toEqual([]);
  }
}
