import { join } from "node:path";
import { createCollection, createLiveQueryCollection, createTransaction, eq } from "@tanstack/db";
import { describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import { collection, createClient } from "../../src/client/index.ts";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";
import { RejectedError, tidemarkCollectionOptions, tidemarkMutationFn } from "../../src/tanstack-db/index.ts";
import { begin, clientOf, copy, end, ndjson, never, put, Script } from "../client/support.ts";
import { folderOf } from "../support/folder.ts";
import { update } from "../support/server.ts";
import { collected, itemsOf } from "./support.ts";

const journal = async (server: { request(path: string): Promise<Response> }) => {
  const { entries } = (await (await server.request("/v1/spaces/acme/journal?since=0")).json()) as {
    entries: { changes: { id: string; before: object | null; after: object | null }[] }[];
  };
  return entries.map(({ changes }) => changes.map(({ id, before, after }) => ({ id, before, after })));
};

/** A row without what TanStack DB says about it. */
const atomsOf = (row: object | undefined) =>
  Object.fromEntries(Object.entries(row ?? {}).filter(([name]) => !name.startsWith("$")));

/** A server that refuses a title of "no". */
const RULES = {
  collections: {
    items: { write: (_: unknown, after: { title?: unknown } | null) => after?.title !== "no" || "not that title" },
  },
};

describe("what a collection of TanStack DB shows", () => {
  it("[C13] is what the replica holds, and follows it", async () => {
    const { server, client, items } = await collected();
    expect(items.toArray.map(({ id, title }) => [id, title])).toEqual([
      ["a", "one"],
      ["b", "two"],
    ]);
    await server.write("other", [
      update("a", { title: "changed", note: null }),
      { op: "delete", collection: "items", id: "b" },
      { op: "insert", collection: "items", record: { id: "c", title: "three" } },
    ]);
    await client.sync();
    expect(items.toArray.map(atomsOf)).toEqual([
      { id: "a", title: "changed" },
      { id: "c", title: "three" },
    ]);
  });

  it("[C13] live queries see what one transaction changed in one step", async () => {
    const { server, client, items } = await collected();
    const query = createLiveQueryCollection((q) =>
      q.from({ items: items }).fn.where((row) => row.items["kind"] === "x"),
    );
    onTestFinished(() => query.cleanup());
    await query.preload();
    const steps: number[] = [];
    const subscription = query.subscribeChanges((changes) => steps.push(changes.length));
    onTestFinished(() => subscription.unsubscribe());
    await server.write("other", [update("a", { kind: "x" }), update("b", { kind: "x" })]);
    await client.sync();
    expect(steps).toEqual([2]);
  });

  it("[C13] a filter chooses records, as in a query of the client", async () => {
    const { client } = await collected();
    const some = await itemsOf(client, { where: { title: "two" } });
    await some.preload();
    expect([...some.keys()]).toEqual(["b"]);
    await client.mutate((tx) => tx.update("items", "a", { title: "two" })).local;
    expect([...some.keys()].sort()).toEqual(["a", "b"]);
  });

  it("[C13] it is ready when the subscription is filled, and not before", async () => {
    const answer = Promise.withResolvers<Response>();
    const script = new Script().on("pull", () => answer.promise, never);
    const client = clientOf({ fetch: script.fetch });
    const items = await itemsOf(client, { scope: "*" });
    const loaded = items.preload();
    await client.query({ collection: "items" });
    expect(items.status).toBe("loading");
    answer.resolve(ndjson(begin(1), copy("*"), put(1, { id: "a" }), end(1, { "*": { cursor: "c1" } })));
    await loaded;
    expect([items.status, items.size]).toEqual(["ready", 1]);
  });

  it("[C13] a subscription that is refused is an error of the collection", async () => {
    const refused = () => ndjson(begin(1), { op: "revoked", key: "box/1" }, end(1));
    const client = clientOf({ fetch: new Script().on("pull", refused, never).fetch });
    const items = await itemsOf(client, { scope: "box/1" });
    await expect(items.preload()).rejects.toMatchObject({ code: "revoked" });
    expect(items.status).toBe("error");
  });
});

describe("what is written through it", () => {
  it("[C13] one transaction is one mutation, of only the atoms that changed, null for those removed", async () => {
    const { server, items } = await collected();
    const done = items.update(["a", "b"], ([a, b]) => {
      Object.assign(a as object, { title: "changed" });
      delete (a as { note?: unknown }).note;
      Object.assign(b as object, { title: "two", due: "2026-12-01" });
    });
    await done.isPersisted.promise;
    expect((await journal(server)).at(-1)).toEqual([
      { id: "a", before: { note: "old", title: "one" }, after: { note: null, title: "changed" } },
      { id: "b", before: { due: null }, after: { due: "2026-12-01" } },
    ]);
  });

  it("[C13] a transaction over several collections is one mutation", async () => {
    const config = { collections: { items: {}, notes: {} } };
    const { server, client, items } = await collected({}, config);
    const notes = createCollection(tidemarkCollectionOptions({ client, collection: "notes" }));
    onTestFinished(() => notes.cleanup());
    await notes.preload();
    const both = createTransaction({ mutationFn: tidemarkMutationFn(client) });
    both.mutate(() => {
      items.delete("a");
      notes.insert({ id: "n", of: "a" });
    });
    await both.isPersisted.promise;
    expect((await journal(server)).at(-1)?.map(({ id }) => id)).toEqual(["a", "n"]);
    expect([items.has("a"), notes.has("n")]).toEqual([false, true]);
  });

  it("[C13 W9] online it ends when the rows have come back, and nothing flickers", async () => {
    const { items, client } = await collected();
    const shown = items.shown("a", "title");
    await items.update("a", (draft) => Object.assign(draft, { title: "mine" })).isPersisted.promise;
    expect(client.status.pending).toBe(0);
    await client.sync();
    expect(shown).toEqual(["mine"]);
    await items.insert({ id: "n", title: "new" }).isPersisted.promise;
    expect(atomsOf(items.get("n"))).toEqual({ id: "n", title: "new" });
  });

  it("[C13 W1] superseded, it ends with the server's value, which the rows show in the same step", async () => {
    const { server, client, items, line } = await collected();
    line.up = false;
    await server.write("other", update("a", { title: "theirs" }));
    const shown = items.shown("a", "title");
    const mine = items.update("a", (draft) => Object.assign(draft, { title: "mine", note: "new" }));
    await mine.isPersisted.promise;
    expect(shown).toEqual(["mine"]);
    line.up = true;
    await client.sync();
    expect(client.told.map(({ event }) => event)).toEqual(["superseded"]);
    expect(atomsOf(items.get("a"))).toEqual({ id: "a", title: "theirs", note: "new" });
    expect(shown).toEqual(["mine", "theirs"]);
  });

  it("[C13] rejected, it fails with the server's message, and the rows are as before", async () => {
    const { items } = await collected({}, RULES);
    const shown = items.shown("a", "title");
    const failed = items.update("a", (draft) => Object.assign(draft, { title: "no" })).isPersisted.promise;
    await expect(failed).rejects.toThrow(RejectedError);
    await expect(failed).rejects.toThrow("not that title");
    expect(shown).toEqual(["no", "one"]);
  });

  it("[C13] what the client refuses is never shown as done, and is never sent", async () => {
    const { items, client } = await collected();
    const failed = items.insert({ id: "bad", "no-name": 1 }).isPersisted.promise;
    await expect(failed).rejects.toThrow("a name matches");
    expect([items.has("bad"), client.status.pending]).toEqual([false, 0]);
  });

  it("[C13] what TanStack DB says about a row is no atom of it: a row can be written again under another id", async () => {
    const { items } = await collected();
    await items.insert({ ...items.get("a"), id: "copy" }).isPersisted.promise;
    expect(atomsOf(items.get("copy"))).toEqual({ id: "copy", title: "one", note: "old" });
  });

  it("[C13] an update that changes nothing sends nothing", async () => {
    const { server, items } = await collected();
    const before = (await journal(server)).length;
    await items.update("a", (draft) => Object.assign(draft, { title: "one" })).isPersisted.promise;
    expect((await journal(server)).length).toBe(before);
  });
});

describe("while the server is away", () => {
  it("[C13 W10] a write ends when it is durable here, stays seen, and survives a reload", async () => {
    const path = join(folderOf(), "replica.db");
    const { server, line, client, items } = await collected({ store: sqliteStore({ path }) });
    const shown = items.shown("a", "title");
    line.up = false;
    await items.update("a", (draft) => Object.assign(draft, { title: "mine" })).isPersisted.promise;
    expect([shown, client.status.state, client.status.pending]).toEqual([["mine"], "offline", 1]);
    await client.close();

    const again = clientOf({ fetch: line.fetch as typeof fetch, store: sqliteStore({ path }) });
    const reloaded = await itemsOf(again, { scope: "*" });
    await reloaded.preload();
    expect(reloaded.get("a")).toMatchObject({ title: "mine" });
    const after = reloaded.shown("a", "title");
    line.up = true;
    await again.sync();
    expect([after, again.status.pending]).toEqual([[], 0]);
    expect(JSON.stringify((await journal(server)).at(-1))).toContain("mine");
  });

  it("[C13] it keeps nothing else from being seen, as another tab's write", async () => {
    const { line, client, items } = await collected();
    line.up = false;
    await items.update("a", (draft) => Object.assign(draft, { title: "mine" })).isPersisted.promise;
    await client.mutate((tx) => tx.update("items", "b", { title: "elsewhere" })).local;
    expect(items.get("b")).toMatchObject({ title: "elsewhere" });
  });

  it("[C13] a write that was under way when the server went ends, too", async () => {
    const { line, client, items } = await collected();
    line.refuse = "push";
    const under = items.update("a", (draft) => Object.assign(draft, { title: "mine" }));
    await under.isPersisted.promise;
    expect([client.status.state, items.get("a")?.["title"]]).toEqual(["offline", "mine"]);
  });

  it("[C13] a later rejection is told by the client, and takes the change out of the rows", async () => {
    const { line, client, items } = await collected({}, RULES);
    line.up = false;
    await items.update("a", (draft) => Object.assign(draft, { title: "no" })).isPersisted.promise;
    await items.update("a", (draft) => Object.assign(draft, { note: "fine" })).isPersisted.promise;
    line.up = true;
    await client.sync();
    expect(client.told.map(({ event }) => event)).toEqual(["rejected"]);
    expect(atomsOf(items.get("a"))).toEqual({ id: "a", title: "one", note: "fine" });
  });
});

it("[C13] records have the types of the schema, and an unknown collection is none", () => {
  type Task = { id: string; title: string; due?: string };
  const tasks = collection<{
    readonly "~standard": {
      readonly version: 1;
      readonly vendor: "test";
      readonly validate: (value: unknown) => { value: Task };
      readonly types?: { readonly input: unknown; readonly output: Task };
    };
  }>({});
  const client = createClient({
    url: "http://server",
    space: "acme",
    schema: { collections: { tasks } },
    fetch: never,
  });
  onTestFinished(() => client.close());
  const typed = createCollection(tidemarkCollectionOptions({ client, collection: "tasks" }));
  const task = typed.get("x");
  expectTypeOf(task?.title).toEqualTypeOf<string | undefined>();
  expectTypeOf(task?.due).toEqualTypeOf<string | undefined>();
  // @ts-expect-error there is no such atom
  void task?.nothing;
  const query = createLiveQueryCollection((q) => q.from({ task: typed }).where(({ task }) => eq(task.title, "x")));
  expectTypeOf(query.toArray.map(({ title }) => title)).toEqualTypeOf<string[]>();
  // @ts-expect-error a title is a text
  void (() => typed.insert({ id: "1", title: 7 }));
  // @ts-expect-error there is no such collection
  void (() => tidemarkCollectionOptions({ client, collection: "towns" }));
});
