import { record } from "./records.ts";

/** What the benchmarks say to a server by hand, so that bytes can be counted. */

export async function post(address: string, body: unknown): Promise<string> {
  const response = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text;
}

export async function get<T>(address: string): Promise<T> {
  return (await fetch(address)).json() as Promise<T>;
}

export function linesOf<T>(text: string): T[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

interface Head {
  readonly revision: number;
  readonly scopes?: { readonly [scope: string]: { readonly count: number } };
  readonly lastMutation?: number;
}

/** Makes sure that the space holds the records; cheap where it does already. */
export async function fill(base: string, count: number): Promise<void> {
  const head = await get<Head>(`${base}?scope=*&client=filler`);
  if ((head.scopes?.["*"]?.count ?? 0) >= count) return;
  let id = head.lastMutation ?? 0;
  for (let at = 0; at < count; at += 1000) {
    const writes = Array.from({ length: 1000 }, (_, i) => ({
      op: "insert",
      collection: "tasks",
      record: record(at + i),
    }));
    id += 1;
    await post(`${base}/push`, { client: "filler", acked: id - 1, mutations: [{ id, base: 0, writes }] });
  }
}

/** One change of two atoms in each of the first records, each in a transaction of its own, 1,000 a push. */
export async function change(base: string, count: number, version: number): Promise<void> {
  const head = await get<Head>(`${base}?client=changer`);
  const last = head.lastMutation ?? 0;
  for (let at = 0; at < count; at += 1000) {
    const mutations = Array.from({ length: Math.min(1000, count - at) }, (_, i) => {
      const { id, title, updated } = record(at + i, version);
      const write = { op: "update", collection: "tasks", record: { id, title, updated } };
      return { id: last + at + i + 1, base: head.revision, writes: [write] };
    });
    await post(`${base}/push`, { client: "changer", acked: last + at, mutations });
  }
}

/** The cursor in the last line of an answer with one subscription, `*`. */
export function cursorOf(answer: string): string {
  const end = linesOf<{ subscriptions?: { "*"?: { cursor?: string } } }>(answer).at(-1);
  const cursor = end?.subscriptions?.["*"]?.cursor;
  if (cursor === undefined) throw new Error("the answer holds no cursor");
  return cursor;
}
