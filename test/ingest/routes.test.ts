import { describe, expect, onTestFinished, test } from "vitest";
import {
  clean,
  createIngest,
  matching,
  type RunLine,
  required,
  SourceError,
  type Stream,
} from "../../src/ingest/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import { described, Judge } from "../support/described.ts";
import { good, problemIn, SECRET, TestServer, tokenFor } from "../support/server.ts";
import { ListSource, put, SPACE } from "./support.ts";

const INGEST = `/v1/spaces/${SPACE}/ingest`;
const THINGS = `${INGEST}/streams/list.things`;

/** A server with one stream, `list.things`, asked as an administrator. */
async function served(match = false) {
  const source = new ListSource("list", "things");
  const rules = match
    ? { match: matching({ fields: { name: "name", city: "place" } }) }
    : { check: [required("name")] };
  const cleaned = clean(source.streams[0] as Stream, { collection: "things", ...rules });
  const config = { ingest: { [SPACE]: [{ source, streams: [cleaned], every: "1h" }] }, auth: { jwtSecret: SECRET } };
  const store = openSqliteStore({ path: ":memory:" });
  const incoming = createIngest({ store, config, folder: null });
  const server = new TestServer(config, { store, routes: incoming.routes });
  onTestFinished(async () => {
    await incoming.close();
    await server.server.close();
  });
  await judgeAll(server);
  server.token = await tokenFor("ann", { [SPACE]: { admin: true } });
  return { source, server, incoming };
}

/** Each answer is as the description of the server says (H17). */
async function judgeAll(server: TestServer): Promise<void> {
  const document = await described(server);
  const judge = new Judge(document);
  const paths = Object.keys(document.paths).map(
    (path) => [path, new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`)] as const,
  );
  const ask = server.request.bind(server);
  server.request = async (address, init, remote) => {
    const response = await ask(address, init, remote);
    const path = paths.find(([, pattern]) => pattern.test(address.replace(/\?.*/, "")))?.[0];
    const text = await response.text();
    await judge.judge(init?.method ?? "GET", path as string, new Response(text, response));
    return new Response(text, response);
  };
}

async function linesIn(response: Response): Promise<RunLine[]> {
  return (await response.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as RunLine);
}

describe("what comes in, over HTTP", () => {
  test("[I60 H17] a stream is run, tells how far it is and what came of it, and stands in the list with its schedule", async () => {
    const { source, server } = await served();
    source.gives([put("a", { name: "A" }), put("b", {})]);
    const lines = await linesIn(await server.post(THINGS, { do: "run" }));
    expect(lines.at(-1)).toMatchObject({ op: "run", run: { status: "done", added: 1, rejected: 1 } });
    expect(lines.slice(0, -1).every(({ op }) => op === "progress")).toBe(true);
    expect(await good(await server.request(`${INGEST}/streams`))).toMatchObject({
      streams: [
        {
          stream: "list.things",
          every: "1h",
          due: expect.any(Number),
          last: { status: "done" },
          quarantine: { required: 1 },
        },
      ],
    });
    expect(await good(await server.request(`${THINGS}/runs?limit=1`))).toMatchObject({ runs: [{ run: 1, read: 2 }] });
    const [verified] = (await linesIn(await server.post(THINGS, { do: "verify" }))).slice(-1);
    expect(verified).toMatchObject({ op: "verification", verification: { same: 1, counts: { quarantine: 1 } } });
    expect(await good(await server.request(`${INGEST}/lineage/things/a`))).toMatchObject({
      values: [{ atom: "name", value: "A", from: { stream: "things", position: "list#a" } }],
    });
  });

  test("[I60 H17] quarantine is read in pages, fixed, replayed and discarded", async () => {
    const { source, server } = await served();
    source.gives(["a", "b", "c"].map((key) => put(key, { city: key })));
    await linesIn(await server.post(THINGS, { do: "refresh" }));
    const page = await good(await server.request(`${THINGS}/quarantine?limit=2&code=required`));
    expect(page).toMatchObject({ items: [{ number: 1 }, { number: 2, message: expect.any(String) }], next: 2 });
    expect(await good(await server.request(`${THINGS}/quarantine?limit=2&after=2`))).toMatchObject({
      items: [{ number: 3 }],
      next: null,
    });
    expect(await good(await server.request(`${THINGS}/quarantine/3`))).toMatchObject({
      number: 3,
      value: { city: "c" },
    });
    const settle = (order: object) => server.post(`${THINGS}/quarantine`, order).then(good);
    expect(await settle({ do: "fix", number: 1, values: { name: "A" } })).toMatchObject({ run: { added: 1 } });
    expect(await settle({ do: "replay", numbers: [2] })).toMatchObject({ run: { rejected: 1 } });
    expect(await settle({ do: "discard", numbers: [2] })).toEqual({ discarded: 1 });
    expect(await good(await server.request(`${THINGS}/quarantine?status=discarded`))).toMatchObject({
      items: [{ number: 2 }],
    });
  });

  test("[I60 H17] pairs that may be the same are listed, and decided", async () => {
    const { source, server } = await served(true);
    source.gives([
      put("a", { name: "Grace Hopper", city: "Leeds" }),
      put("b", { name: "Gracie Hoper", city: "Leeds" }),
    ]);
    await linesIn(await server.post(THINGS, { do: "run" }));
    const duplicates = `${INGEST}/duplicates/things`;
    expect(await good(await server.request(duplicates))).toMatchObject({ pairs: [{ entities: ["a", "b"] }] });
    const merged = await good(await server.post(duplicates, { do: "merge", ids: ["a", "b"] }));
    expect(merged).toMatchObject({ records: ["a", "b"] });
    expect(await good(await server.request(`${duplicates}/a`))).toMatchObject({ entity: { id: "a" } });
    const differences = await (await server.request(`${INGEST}/differences/things`)).text();
    expect(differences.split("\n").map((line) => JSON.parse(line || "null")?.op)).toEqual(["record", "end", undefined]);
    expect(await good(await server.post(duplicates, { do: "split", id: "a" }))).toMatchObject({ records: ["a", "b"] });
  });

  test("[I60 A3] all of it is for administrators", async () => {
    const { server } = await served();
    server.token = await tokenFor("bob", { [SPACE]: { read: ["*"], write: ["*"] } });
    const asked = [
      server.request(`${INGEST}/streams`),
      server.post(THINGS, { do: "run" }),
      server.request(`${THINGS}/runs`),
      server.request(`${THINGS}/quarantine`),
      server.post(`${THINGS}/quarantine`, { do: "replay" }),
      server.request(`${THINGS}/quarantine/1`),
      server.request(`${INGEST}/lineage/things/a`),
      server.request(`${INGEST}/duplicates/things`),
      server.post(`${INGEST}/duplicates/things`, { do: "merge", ids: ["a", "b"] }),
      server.request(`${INGEST}/duplicates/things/a`),
      server.request(`${INGEST}/differences/things`),
    ];
    for (const each of asked) expect(await problemIn(each)).toMatchObject({ code: "forbidden" });
  });

  test.each([
    ["an order that there is not", "", { do: "jump" }, "invalid", "do"],
    [
      "a window that ends before it begins",
      "",
      { do: "backfill", from: "2026-02-01", to: "2026-01-01" },
      "invalid",
      "to",
    ],
    ["a fix without values", "/quarantine", { do: "fix", number: 1 }, "invalid", "values"],
    ["a discard of everything", "/quarantine", { do: "discard" }, "invalid", ""],
    ["an item that there is not", "/quarantine", { do: "fix", number: 9, values: {} }, "not-found", undefined],
  ])("[I60] %s is refused with its place", async (_, path, order, code, place) => {
    const { server } = await served();
    expect(await problemIn(server.post(THINGS + path, order))).toMatchObject({
      code,
      ...(place !== undefined && { path: place }),
    });
  });

  test("[I60] a stream, and a collection without matching, that there is not are named", async () => {
    const { server } = await served();
    const detail = async (path: string) => (await problemIn(server.request(`${INGEST}/${path}`))).detail;
    expect(await detail("streams/list.others/runs")).toMatch(
      /there is no stream list\.others .* there are list\.things/,
    );
    expect(await detail("duplicates/things")).toMatch(/no stream of the space acme fills things with `match/);
  });

  test("[I60] a run goes on where its caller leaves, and ends with what runs it, as failed", async () => {
    const { source, server, incoming } = await served();
    const gates = [1, 2].map(() => ({ reached: Promise.withResolvers<void>(), go: Promise.withResolvers<void>() }));
    let run = 0;
    source.pages = async function* () {
      const gate = gates[run++];
      yield { changes: [put("a", { name: "A" })], cursor: run };
      gate?.reached.resolve();
      await gate?.go.promise;
      yield { changes: [put("b", { name: "B" })], cursor: run, last: "caught-up" };
    };
    const ended = async () => {
      gates[run - 1]?.go.resolve();
      await incoming.ingest.idle();
      return (await incoming.ingest.runs(SPACE, "list.things"))[0]?.status;
    };
    const leaving = new AbortController();
    const left = server.post(THINGS, { do: "run" }, { signal: leaving.signal });
    await gates[0]?.reached.promise;
    leaving.abort();
    expect(await ended()).toBe("done");
    await left;
    void server.post(THINGS, { do: "run" });
    await gates[1]?.reached.promise;
    const closed = incoming.close();
    expect(await ended()).toBe("failed");
    await closed;
  });

  test("[I60] a source that cannot be read is a run that failed, with the reason", async () => {
    const { source, server } = await served();
    source.pages = () => {
      throw new SourceError("denied", "https://crm.example says 401");
    };
    expect((await linesIn(await server.post(THINGS, { do: "run" }))).at(-1)).toMatchObject({
      op: "run",
      run: { status: "failed", reasons: ["denied: https://crm.example says 401"] },
    });
    expect((await linesIn(await server.post(THINGS, { do: "verify" }))).at(-1)).toMatchObject({
      op: "error",
      problem: { code: "unavailable", detail: expect.stringContaining("says 401") },
    });
  });
});
