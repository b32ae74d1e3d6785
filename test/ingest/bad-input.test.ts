// What comes broken, over a real network and real files: the run says what and where, the cursor stays, and nothing
// half-done is visible.
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  bearer,
  byToken,
  clean,
  createHttp,
  files,
  httpSource,
  paged,
  required,
  type Stream,
} from "../../src/ingest/index.ts";
import { failing, html, json } from "../../src/testing/stubs/index.ts";
import { systemClock } from "../../src/util/clock.ts";
import { systemRandom } from "../../src/util/random.ts";
import { folderOf } from "../support/folder.ts";
import { listening } from "./http-support.ts";
import { Desk, SPACE } from "./support.ts";

const PAGES = 10;
const SIZE = 20;
const TASK = "shop.orders";

/** An API of ten pages of orders, of which the last in each is bad; `trouble` answers from page 7 on. */
async function shop() {
  let trouble: (() => Response) | null = null;
  let version = 1;
  const address = await listening(async (request) => {
    const page = Number(new URL(request.url).searchParams.get("page") ?? 1);
    if (page >= 7 && trouble !== null) return trouble();
    const data = Array.from({ length: SIZE }, (_, i) => ({
      id: page * 100 + i,
      name: i === SIZE - 1 ? null : `order ${page}-${i}, version ${version}`,
    }));
    return json({ data, next: page < PAGES ? page + 1 : null });
  });
  const source = httpSource({
    name: "shop",
    api: { address, auth: bearer("hush-hush") },
    check: { path: "orders" },
    streams: [
      {
        name: "orders",
        key: ["id"],
        deletes: "by-complete-pass",
        read: paged({
          shape: { items: "data", key: (order) => [order["id"]] },
          question: (page) => ({ path: "orders", query: page === null ? {} : { page: String(page) } }),
          next: byToken("next"),
        }),
      },
    ],
  });
  const orders = clean(source.streams[0] as Stream, { collection: "orders", check: [required("name")] });
  const http = createHttp({ clock: systemClock, random: systemRandom, fetch, tries: 1 });
  const desk = new Desk({ [SPACE]: [{ source, streams: [orders] }] }, { http });
  return {
    desk,
    breaks: (how: (() => Response) | null) => {
      trouble = how;
      version++;
    },
  };
}

const half = () => new Response('{"data":[{"id":701,"na', { headers: { "content-type": "application/json" } });

describe("an API that breaks at page 7", () => {
  test.each([
    ["a 500", () => failing(500), /^unreachable: .*\/orders\?page=7: answered 500/],
    [
      "an expired token",
      () => json({ message: "expired" }, 401),
      /^denied: .*\/orders\?page=7: 401.* Put in a new one/,
    ],
    ["HTML with status 200", html, /^protocol: .*\/orders\?page=7: answers 200 with HTML, not JSON/],
    ["JSON cut in half", half, /^protocol: .*\/orders\?page=7: answers 200 with JSON that is broken or cut off/],
  ])(
    "[I31 I12 I6] %s: the run says so, and all is as before; later it goes through",
    async (_, how, reason) => {
      const { desk, breaks } = await shop();
      breaks(how);
      // At the very first run, and again where records are there already.
      expect(await desk.patiently(TASK)).toMatchObject({ status: "failed", added: 0, rejected: 0 });
      expect(await desk.picture(TASK)).toMatchObject({ revision: 0, items: [], rows: 0, cursor: null });
      breaks(null);
      expect(await desk.patiently(TASK)).toMatchObject({ status: "done", added: 190, rejected: 10 });
      const before = [await desk.picture(TASK), await desk.records("orders")];
      breaks(how);
      const row = await desk.patiently(TASK);
      expect(row).toMatchObject({ status: "failed", added: 0, changed: 0, deleted: 0, rejected: 0 });
      expect(row.reasons[0]).toMatch(reason);
      expect(row.reasons[0]).not.toContain("hush-hush");
      expect([await desk.picture(TASK), await desk.records("orders")]).toEqual(before);
      breaks(null);
      expect(await desk.patiently(TASK)).toMatchObject({ status: "done", changed: 190, deleted: 0 });
    },
    60_000,
  );
});

const MIB = 1_048_576;
/** A GiB in a long run. */
const LINE = process.env["TIDEMARK_LONG"] ? 1_024 : 256;

test(`[I10 I6] a line of ${LINE} MiB is told with its place, in memory that does not grow with it`, async () => {
  const folder = folderOf();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "big.ndjson");
  const file = createWriteStream(path);
  file.write('{"id":1}\n{"id":2,"junk":"');
  const chunk = Buffer.alloc(MIB, "x");
  for (let i = 0; i < LINE; i++) if (!file.write(chunk)) await once(file, "drain");
  file.end('"}\n{"id":3}\n');
  await finished(file);
  const source = files({ name: "drop", stream: "rows", path, key: ["id"] });
  const rows = clean(source.streams[0] as Stream, { collection: "rows" });
  const desk = new Desk({ [SPACE]: [{ source, streams: [rows] }] });
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers)), 5);
  const before = process.memoryUsage().arrayBuffers;
  await desk.run("drop.rows");
  clearInterval(watch);
  // What is read waits for the collector of garbage: some of it counts, but never the line.
  expect(most - before).toBeLessThan(128 * MIB);
  expect(Object.keys(await desk.records("rows"))).toEqual(["1", "3"]);
  expect(await desk.items("drop.rows")).toMatchObject([{ code: "too-large", position: "big.ndjson:2" }]);
}, 120_000);
