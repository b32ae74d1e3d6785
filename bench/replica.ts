import { type Client, createClient } from "tidemark/client";
import { memoryStore } from "tidemark/client/memory";
import { timed } from "./measure.ts";
import type { Bench } from "./workload.ts";

export const EVERYTHING = { scope: "*" };

export function open(
  { url, space }: Pick<Bench, "url" | "space">,
  http: typeof fetch = fetch,
  store = memoryStore(),
): Client {
  return createClient({ url, space, store, fetch: http });
}

/** Milliseconds of a copy, from an empty replica. */
export interface Copied {
  /** Until every record can be read. */
  readonly readable: number;
  /** Until the fingerprint of all of them has been checked. */
  readonly checked: number;
}

export async function copied(bench: Pick<Bench, "url" | "space">, store = memoryStore()): Promise<Copied> {
  const client = open(bench, fetch, store);
  const start = performance.now();
  const handle = client.subscribe(EVERYTHING);
  const upToDate = new Promise<number>((resolve) => {
    client.on("status", ({ state }) => state === "upToDate" && resolve(performance.now() - start));
  });
  const readable = handle.ready.then(() => performance.now() - start);
  const result = { readable: await readable, checked: await upToDate };
  await client.close();
  return result;
}

/** A line that can be cut: what is under way ends, what comes after fails at once. */
export function switchable() {
  let cut = new AbortController();
  let pushed = 0;
  return {
    fetch: (async (input, init) => {
      const signals = init?.signal ? [init.signal, cut.signal] : [cut.signal];
      const response = await fetch(input, { ...init, signal: AbortSignal.any(signals) });
      if (String(input).endsWith("/push")) pushed = performance.now();
      return response;
    }) as typeof fetch,
    /** When the last answer to a push began to arrive: it follows the commit. */
    get pushed() {
      return pushed;
    },
    set online(value: boolean) {
      if (value) cut = new AbortController();
      else cut.abort(new TypeError("offline"));
    },
  };
}

/** Counts the bytes of the bodies of one kind of request, both ways. */
export function counted(path: string) {
  const count = { bytes: 0 };
  const http = (async (input, init) => {
    const response = await fetch(input, init);
    if (!String(input).endsWith(path) || response.body === null) return response;
    count.bytes += String(init?.body ?? "").length;
    const counting = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        count.bytes += chunk.byteLength;
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(counting), response);
  }) as typeof fetch;
  return { fetch: http, count };
}

/** The median of many runs of a work that takes next to no time. */
export async function typical(times: number, work: () => Promise<unknown>): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < times; i++) all.push(await timed(work));
  return all.sort((a, b) => a - b)[Math.floor(times / 2)] as number;
}
