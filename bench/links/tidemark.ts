import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linksOver } from "../../src/peer/index.ts";
import { createServer, type Links, listen } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { Proxy } from "../../test/support/proxy.ts";
import type { Change, Row } from "./script.ts";
import type { System } from "./system.ts";

const SPACE = "main";
const OPEN = { auth: { open: true }, limits: { rate: false } } as const;

export const tidemark: System = {
  title: "Tidemark: a link in both directions, SQLite",
  async start() {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-links-"));
    const above = createServer({ store: openSqliteStore({ path: join(folder, "a") }), config: OPEN });
    const listening = await listen(above, { host: "127.0.0.1", port: 0 });
    const line = await Proxy.to(listening.url);
    const up = { url: line.url(listening.url), direction: "both" as const };
    let running: Links | null = null;
    const below = createServer({
      store: openSqliteStore({ path: join(folder, "b") }),
      config: { ...OPEN, links: { [SPACE]: { up } } },
      links: (host) => {
        running = linksOver({})(host);
        return running;
      },
    });
    const links = running as unknown as Links;
    const servers = { a: above, b: below };
    let clients = 0;
    const ask = async (side: "a" | "b", path: string, body?: object): Promise<string> => {
      const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
      const headers = { "content-type": "application/json" };
      const request = new Request(`http://localhost/v1/spaces/${SPACE}${path}`, { ...init, headers });
      const response = await servers[side].handler(request);
      if (!response.ok) throw new Error(await response.text());
      return await response.text();
    };
    const push = async (side: "a" | "b", writes: object[]) => {
      const base = side === "a" || clients > 0 ? (JSON.parse(await ask(side, "").catch(() => "{}")).revision ?? 0) : 0;
      const client = `writer${clients++}`;
      await ask(side, "/push", { client, mutations: [{ id: 1, base, writes }] });
    };
    const rows = async (side: "a" | "b"): Promise<Row[]> => {
      const text = await ask(side, "/pull", { subscriptions: [{ scope: "*" }] });
      const lines = text.split("\n").filter((line) => line.startsWith('{"op":"put"'));
      return lines.flatMap((line) => (JSON.parse(line) as { records: Row[] }).records);
    };
    return {
      async seed(all) {
        await push("a", all.map(inserted));
        while ((await rows("b").catch(() => [])).length < all.length) await pause();
      },
      async apart() {
        line.stand();
        line.drop();
      },
      write: (side, change) => push(side, [writeOf(change)]),
      async together() {
        line.move();
        return null;
      },
      rows,
      losers: async () => (await links.show(SPACE, "up"))?.conflictLog.length ?? 0,
      bytes: () => line.passed.asked + line.passed.answered,
      async stop() {
        line.close();
        await below.close();
        await listening.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

function inserted(record: Row) {
  return { op: "insert", collection: "rows", record };
}

function writeOf(change: Change) {
  if (change.op === "insert") return inserted(change.row);
  const { id, field, value } = change;
  return { op: "update", collection: "rows", record: { id, [field]: value } };
}
