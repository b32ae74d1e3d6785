import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import { type Client, collection, createClient } from "../client/index.ts";
import { TidemarkProvider, typedHooks, useClient, useQuery, useRecord, useStatus } from "./index.ts";
import { watchesOf } from "./watch.ts";

const never = () => new Promise<Response>(() => {});

function clientOf(fetch: typeof globalThis.fetch = never): Client {
  const client = createClient({ url: "http://server", space: "acme", fetch });
  onTestFinished(() => client.close());
  return client;
}

/** Listens, and gives what was seen so far. */
function seenOf<S>(watched: { subscribe: (listener: () => void) => () => void; snapshot: () => S }) {
  const seen: S[] = [];
  return { seen, stop: watched.subscribe(() => seen.push(watched.snapshot())) };
}

const title = (text: string) => ({ id: "1", title: text });

describe("what the hooks read", () => {
  it("[C12] is one source for the same question, however it is written", () => {
    const watches = watchesOf(clientOf());
    const one = watches.query({ collection: "items", where: { a: 1, b: 2 } }, undefined);
    expect(watches.query({ where: { b: 2, a: 1 }, collection: "items" }, undefined)).toBe(one);
    expect(watches.query({ collection: "items" }, undefined)).not.toBe(one);
  });

  it("[C12] starts with the first who listens, ends with the last, and starts again", async () => {
    const client = clientOf();
    const source = watchesOf(client).query({ collection: "items" }, undefined);
    expect(source.snapshot()).toEqual({ records: [], ready: false, error: null });
    const first = seenOf(source);
    first.stop();
    const second = seenOf(source);
    await client.mutate((tx) => tx.insert("items", title("a"))).local;
    expect(source.snapshot().records).toEqual([title("a")]);
    second.stop();
    await client.mutate((tx) => tx.update("items", "1", { title: "b" })).local;
    expect([first.seen.length, source.snapshot().records]).toEqual([0, [title("a")]]);
    const third = seenOf(source);
    await client.query({ collection: "items" });
    await client.mutate((tx) => tx.update("items", "1", { title: "c" })).local;
    expect(source.snapshot().records).toEqual([title("c")]);
    third.stop();
  });

  it("[C12] tells a subscription that ended as an error, and is not ready", async () => {
    const client = clientOf();
    const subscription = client.subscribe({ scope: "box/1" });
    const source = watchesOf(client).query({ collection: "items" }, subscription);
    const { stop } = seenOf(source);
    await client.query({ collection: "items" });
    await subscription.unsubscribe().catch(() => {});
    await client.close();
    await expect(subscription.ready).rejects.toThrow("ended");
    expect(source.snapshot()).toMatchObject({ ready: false, error: { code: "closed" } });
    stop();
  });

  it("[C12] the status is the same object until something of it changes", async () => {
    const client = clientOf();
    const { status } = watchesOf(client);
    const { seen, stop } = seenOf(status);
    expect(status.snapshot()).toBe(status.snapshot());
    await client.mutate((tx) => tx.insert("items", title("a"))).local;
    await client.query({ collection: "items" });
    expect(status.snapshot().pending).toBe(1);
    expect(new Set(seen).size).toBe(seen.length);
    stop();
  });
});

it("[C12] on a server everything is still loading, and without a provider the cure is told", () => {
  const client = clientOf();
  function View() {
    const { records, ready } = useQuery({ collection: "items" });
    return JSON.stringify([records, ready, useRecord("items", "1") ?? null, useStatus().state]);
  }
  const page = renderToString(createElement(TidemarkProvider, { client }, createElement(View)));
  expect(page.replaceAll("&quot;", '"')).toBe('[[],false,null,"connecting"]');
  const Bare = () => String(useClient());
  expect(() => renderToString(createElement(Bare))).toThrow("no TidemarkProvider above this component");
});

it("[C12] names and records have the types of the collections", () => {
  type Task = { id: string; title: string };
  const tasks = collection<{
    readonly "~standard": {
      readonly version: 1;
      readonly vendor: "test";
      readonly validate: (value: unknown) => { value: Task };
      readonly types?: { readonly input: unknown; readonly output: Task };
    };
  }>({});
  const typed = typedHooks<{ tasks: typeof tasks }>();
  expect(typed.useQuery).toBe(useQuery);
  type Found = ReturnType<typeof typed.useQuery<"tasks">>["records"][number]["title"];
  expectTypeOf<Found>().toEqualTypeOf<string>();
  expectTypeOf<Parameters<typeof typed.useRecord>[0]>().toEqualTypeOf<"tasks">();
});
