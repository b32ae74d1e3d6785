import { describe, expect, it } from "vitest";
import type { Config } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Store } from "../../src/store/store.ts";
import { systemClock } from "../../src/util/clock.ts";
import { sha256Hex } from "../../src/util/sha256.ts";
import type { Line } from "../../src/wire/lines.ts";
import {
  cursorOf,
  insert,
  ofOp,
  opsOf,
  problemIn,
  remove,
  SECRET,
  SPACE,
  storeWith,
  TestServer,
  tokenFor,
  update,
} from "../support/server.ts";

const ALL = { subscriptions: [{ scope: "*" }], pages: true };
const RECORDS = 60;

/** Records that make six pages, in the box 1. */
const large = (i: number, more: object = {}) =>
  insert(`r${String(i).padStart(3, "0")}`, { box: 1, text: `${i} `.padEnd(120_000, "x"), ...more });

async function filled(config: Config = {}, options: ConstructorParameters<typeof TestServer>[1] = {}) {
  const server = new TestServer(config, options);
  server.token = config.auth === undefined ? undefined : await tokenFor("ann", EVERYTHING);
  for (let i = 0; i < RECORDS; i += 20) {
    await server.write(
      "c0",
      Array.from({ length: 20 }, (_, j) => large(i + j)),
    );
  }
  return server;
}

const JWT = { auth: { jwtSecret: SECRET } };
const EVERYTHING = { acme: { read: ["*"], write: ["*"] } };

const pagesOf = (lines: readonly Line[]) => ofOp(lines, "page");
const digestsOf = (lines: readonly Line[]) => pagesOf(lines).map(({ digest }) => digest);

function fetched(server: TestServer, href: string | undefined, init: RequestInit = {}): Promise<Response> {
  return server.server.handler(new Request(`http://localhost${SPACE}/${href}`, init));
}

/** A copy with its pages in place of their addresses. */
async function whole(server: TestServer, lines: readonly Line[]): Promise<Line[]> {
  const parts = lines.map(async (line): Promise<Line[]> => {
    if (line.op !== "page") return [line];
    const text = await (await fetched(server, line.href)).text();
    const puts = text.trimEnd().split("\n");
    return puts.map((put) => ({ ...(JSON.parse(put) as Line & { op: "put" }), at: line.at }));
  });
  return (await Promise.all(parts)).flat();
}

const idsOf = (lines: readonly Line[]) => ofOp(lines, "put").flatMap(({ records }) => records.map(({ id }) => id));

/** A store that counts the reads of pages, which are all reads of a scope. */
function counting(store: Store) {
  const counted = { pages: 0 };
  return {
    counted,
    store: storeWith(store, {
      async read(space, queries) {
        counted.pages += queries.filter(({ kind }) => kind === "page").length;
        return store.read(space, queries);
      },
    }),
  };
}

describe("a copy in pages", () => {
  it("[P17] has the records of a plain one, and ends with the same cursor and fingerprint", async () => {
    await using server = await filled();
    const plain = await server.pull({ subscriptions: ALL.subscriptions });
    const lines = await server.pull(ALL);
    expect(pagesOf(lines).length).toBeGreaterThanOrEqual(3);
    expect(lines.at(-1)).toEqual(plain.at(-1));
    expect(idsOf(await whole(server, lines))).toEqual(idsOf(plain));
    expect(opsOf(lines).slice(0, 6)).toEqual(["begin", "subscription", "put", "mark", "page", "mark"]);
  });

  it("[P17] comes as addresses only where it was asked for so, and of one scope without a filter", async () => {
    await using server = await filled();
    const asked = (more: object) => server.pull({ subscriptions: [{ scope: "*", ...more }], pages: true });
    expect(pagesOf(await server.pull({ subscriptions: ALL.subscriptions }))).toEqual([]);
    expect(pagesOf(await asked({ where: { box: 1 } }))).toEqual([]);
    expect(pagesOf(await asked({ scope: "box/*" }))).toEqual([]);
    expect(digestsOf(await asked({ scope: "box/1", collections: ["items"] }))).toEqual(digestsOf(await asked({})));
  });

  it("[P17] of a scope of one page is that page, as it always was", async () => {
    await using server = new TestServer();
    expect(opsOf(await server.pull(ALL))).toEqual(["begin", "subscription", "end"]);
    await server.write("c0", insert("a"));
    expect(opsOf(await server.pull(ALL))).toEqual(["begin", "subscription", "put", "end"]);
  });

  it("[P17] costs the database one read of the scope, however many ask for it", async () => {
    const { store, counted } = counting(openSqliteStore({ path: ":memory:" }));
    await using server = await filled({}, { store });
    await server.pull({ subscriptions: ALL.subscriptions });
    const once = counted.pages;
    const copies = await Promise.all(Array.from({ length: 200 }, () => server.pull(ALL)));
    for (const { href } of copies.flatMap(pagesOf).slice(0, 100))
      expect((await fetched(server, href)).status).toBe(200);
    expect(counted.pages - once).toBe(once);
    const after = counted.pages;
    for (const lines of copies) expect(idsOf(await whole(server, lines))).toHaveLength(RECORDS);
    expect(counted.pages).toBe(after);
  });

  it("[P17] [P1] is closed by the delta of what was written since its pages were read", async () => {
    await using server = await filled();
    await server.pull(ALL);
    await server.write("c1", [update("r000", { n: 1 }), remove("r059"), insert("r000a"), update("r030", { n: 2 })]);
    const lines = await server.pull(ALL);
    const text = JSON.stringify(ofOp(lines, "patch"));
    expect([text.includes('"r000"'), text.includes('"r030"')]).toEqual([true, true]);
    expect(ofOp(lines, "remove").map(({ ids }) => ids)).toEqual([["r059"]]);
    expect(idsOf(lines).at(-1)).toBe("r000a");
    expect(lines.at(-1)).toMatchObject({ subscriptions: { "*": { count: RECORDS } } });
  });

  it("[P17] is cut anew when too much has changed, and then only pages that changed have other names", async () => {
    await using server = await filled();
    const before = digestsOf(await server.pull(ALL));
    const small = (prefix: string) => Array.from({ length: 600 }, (_, i) => insert(`r001-${prefix}${i}`));
    await server.write("c1", small("a"));
    expect(digestsOf(await server.pull(ALL))).toEqual(before);
    await server.write("c1", small("b"));
    const lines = await server.pull(ALL);
    expect(idsOf(lines).filter((id) => id.startsWith("r001-"))).toHaveLength(1_200);
    expect(ofOp(lines, "patch")).toEqual([]);
    expect(digestsOf(lines)).toEqual(before);
    await server.write("c1", [update("r055", { n: 1 }), ...small("c"), ...small("d").slice(0, 390)]);
    await server.write("c1", small("e"));
    const after = digestsOf(await server.pull(ALL));
    expect(after).toHaveLength(before.length);
    expect(after.filter((digest) => !before.includes(digest))).toHaveLength(1);
  });

  it("[P17] goes on from any mark, with lines first and then with addresses", async () => {
    await using server = await filled();
    const first = await server.pull(ALL);
    const marks = ofOp(first, "mark");
    await server.write("c1", [update("r000", { n: 1 }), update("r050", { n: 2 })]);
    for (const [i, { cursor }] of marks.entries()) {
      const lines = await server.pull({ subscriptions: [{ scope: "*", cursor }], pages: true });
      expect(opsOf(lines)[2]).toBe(i === marks.length - 1 ? "patch" : "put");
      expect(digestsOf(lines)).toEqual(digestsOf(first).slice(i + 1));
      expect(JSON.stringify(ofOp(lines, "patch"))).toMatch(/r000.*r050/);
      const plain = await server.pull({ subscriptions: [{ scope: "*", cursor }] });
      expect(idsOf(await whole(server, lines))).toEqual(idsOf(plain));
    }
  });

  it("[P17] [R2] is not begun with pages of a history that a restore has undone", async () => {
    let store = openSqliteStore({ path: ":memory:" });
    await using server = await filled({}, { store: switching(() => store) });
    const first = await server.pull(ALL);
    store = openSqliteStore({ path: ":memory:" });
    await server.write(
      "c9",
      Array.from({ length: 20 }, (_, i) => large(i, { again: true })),
    );
    await server.write(
      "c9",
      [1, 2, 3].map((n) => insert(`new${n}`)),
    );
    await server.write("c9", insert("new4"));
    const lines = await whole(server, await server.pull(ALL));
    expect(idsOf(lines)).toHaveLength(24);
    expect(cursorOf(lines, "*")).not.toBe(cursorOf(first, "*"));
  });
});

/** A store in whose place another is put. */
function switching(now: () => Store): Store {
  return new Proxy({} as Store, {
    get(_, name: keyof Store) {
      if (name === "adopt") return undefined;
      return (...given: unknown[]) => (now()[name] as (...all: unknown[]) => unknown).apply(now(), given);
    },
  });
}

describe("a page", () => {
  it("[P18] may be kept by any cache for as long as it likes, in each encoding by its own name", async () => {
    await using server = await filled();
    const [line] = pagesOf(await server.pull(ALL));
    for (const encoding of ["identity", "gzip", "br", "zstd"]) {
      const response = await fetched(server, line?.href, { headers: { "accept-encoding": encoding } });
      expect(response.headers.get("cache-control")).toMatch(/^public, max-age=\d+, immutable$/);
      expect(response.headers.get("vary")).toBe("accept-encoding");
      expect(response.headers.get("content-encoding")).toBe(encoding === "identity" ? null : encoding);
      const etag = response.headers.get("etag") as string;
      expect(etag).toBe(`"${line?.digest}${encoding === "identity" ? "" : `-${encoding}`}"`);
      if (encoding === "identity") expect(sha256Hex(new Uint8Array(await response.arrayBuffer()))).toBe(line?.digest);
      const again = { headers: { "accept-encoding": encoding, "if-none-match": etag } };
      expect((await fetched(server, line?.href, again)).status).toBe(304);
    }
  });

  it("[P18] [A4] is refused once permission is, though its address was good; and so is the copy", async () => {
    let may = true;
    const auth = { authenticate: () => ({ id: "ann" }), authorize: () => may };
    await using server = await filled({ auth });
    const lines = await server.pull(ALL);
    expect((await fetched(server, pagesOf(lines)[0]?.href)).status).toBe(200);
    may = false;
    expect(await problemIn(fetched(server, pagesOf(lines)[0]?.href))).toMatchObject({ code: "forbidden" });
    expect(await problemIn(server.post(`${SPACE}/pull`, ALL))).toMatchObject({ code: "forbidden" });
  });

  it("[P18] is not to be had without a ticket of its own, or with one that has ended", async () => {
    let later = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + later };
    await using server = await filled(
      { auth: { authenticate: () => ({ id: "ann" }), authorize: () => true } },
      { clock },
    );
    const [one, other] = pagesOf(await server.pull(ALL));
    const refused = [
      `pages/${one?.digest}`,
      `pages/${one?.digest}?ticket=abc`,
      one?.href.replace(/...$/, "AAA"),
      other?.href.replace(other.digest, one?.digest as string),
    ];
    for (const href of refused) {
      expect(await problemIn(fetched(server, href))).toMatchObject({ code: "forbidden" });
    }
    const elsewhere = new Request(`http://localhost/v1/spaces/other/${one?.href}`);
    expect(await problemIn(server.server.handler(elsewhere))).toMatchObject({ code: "forbidden" });
    later = 601_000;
    expect(await problemIn(fetched(server, one?.href))).toMatchObject({ code: "forbidden" });
  });

  it("[P18] [A6] has an address in which neither the user nor a record can be read", async () => {
    await using server = await filled(JWT);
    for (const { href } of pagesOf(await server.pull(ALL))) {
      const ticket = Buffer.from(href.split("=")[1] as string, "base64url").toString("latin1");
      expect(ticket).not.toMatch(/ann|r0|items|scope/);
    }
  });

  it("[P18] [R4] is made again by a server that was started since, while its records are the same; else it is not found", async () => {
    const store = openSqliteStore({ path: ":memory:" });
    const server = await filled({}, { store });
    const [first, ...others] = pagesOf(await server.pull(ALL));
    const { store: counted, counted: reads } = counting(store);
    await using another = new TestServer({}, { store: counted });
    await server.write("c1", update("r059", { n: 1 }));
    const answers = await Promise.all(Array.from({ length: 50 }, () => fetched(another, first?.href)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(reads.pages).toBeLessThanOrEqual(2); // a page is read in parts of a mebibyte
    expect(await problemIn(fetched(another, others.at(-1)?.href))).toMatchObject({ code: "not-found" });
  });

  it("[P17] [A8] stays in memory only while there is room; beyond it copies come as lines", async () => {
    const { store, counted } = counting(openSqliteStore({ path: ":memory:" }));
    await using server = await filled({ limits: { pages: 1_000_000 } }, { store });
    await server.pull(ALL);
    const before = counted.pages;
    const lines = await server.pull(ALL);
    expect(counted.pages).toBeGreaterThan(before);
    expect(idsOf(await whole(server, lines))).toHaveLength(RECORDS);
  });

  it("[P17] whose user is no JSON has no address", async () => {
    const claims = { since: new Date(0) };
    await using server = await filled({ auth: { authenticate: () => ({ id: "ann", claims }), authorize: () => true } });
    const lines = await server.pull(ALL);
    expect([pagesOf(lines), idsOf(lines).length]).toEqual([[], RECORDS]);
  });
});
