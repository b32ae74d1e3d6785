import { addLanes, digestOf, formatDigest, NO_LANES } from "../model/fingerprint.ts";
import type { Mutation, Outcome, Write } from "../model/mutation.ts";
import { type Key, keyOf } from "../model/record.ts";
import { canonical, type Json, type JsonObject, sameJson } from "../util/json.ts";
import { type Random, randomName } from "../util/random.ts";
import type { HeadResponse } from "../wire/head.ts";
import type { Line, SubscriptionEnd } from "../wire/lines.ts";
import type { PullRequest } from "../wire/pull.ts";
import type { PushRequest, PushResponse } from "../wire/push.ts";

/** The server under test, and a space of it that nobody else writes to. */
export interface Subject {
  readonly url: string;
  readonly space: string;
  readonly token: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly random: Random;
}

/** The server does not do what a rule says. */
export class Deviation extends Error {
  override name = "Deviation";
}

/** Records by key, as a replica holds them. */
export type Held = Map<Key, JsonObject>;

export const COLLECTION = "conformance";

/** One check's way to the server: requests, and what is expected of the answers. */
export class Trial {
  readonly subject: Subject;
  #clients = 0;

  constructor(subject: Subject) {
    this.subject = subject;
  }

  /** A client id, or a record's, that was never used before. */
  fresh(what: string): string {
    return `${what}-${randomName(this.subject.random).slice(0, 12)}-${this.#clients++}`;
  }

  async request(path: string, body?: unknown, more: RequestInit = {}): Promise<Response> {
    const { url, space, token, fetch } = this.subject;
    const headers = new Headers(more.headers);
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    if (body !== undefined) headers.set("content-type", "application/json");
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return fetch(`${url}/v1/spaces/${space}${path}`, {
      method: body === undefined ? "GET" : "POST",
      ...more,
      headers,
      ...(body !== undefined && { body: text }),
    });
  }

  async head(query = ""): Promise<HeadResponse> {
    return (await this.good(await this.request(query))) as HeadResponse;
  }

  async good(response: Response): Promise<unknown> {
    const text = await response.text();
    if (response.status !== 200) throw new Deviation(`expected 200, was ${response.status}: ${text.trim().slice(0, 300)}`);
    return parsedJson(text);
  }

  /** Problem details with this status and code (H1). */
  async refused(response: Response, status: number, code: string): Promise<JsonObject> {
    const text = await response.text();
    this.equal(response.status, status, `the status of ${text.slice(0, 200)}`);
    this.equal(response.headers.get("content-type")?.split(";")[0], "application/problem+json", "content-type");
    const body = parsedJson(text) as JsonObject;
    this.equal(body.code, code, "code");
    this.equal(body.status, status, "status");
    this.true(typeof body.detail === "string" && body.detail !== "", "detail says cause and cure");
    return body;
  }

  async push(request: PushRequest): Promise<PushResponse> {
    return (await this.good(await this.request("/push", request))) as PushResponse;
  }

  /** One mutation of a new client, with the head as its base. */
  async write(writes: readonly Write[], more: Partial<Mutation> = {}): Promise<Outcome> {
    const base = more.base ?? (await this.head()).revision;
    const mutation = { id: 1, ...more, base, writes };
    const { outcomes } = await this.push({ client: this.fresh("client"), mutations: [mutation] });
    return outcomes[0] as Outcome;
  }

  async lines(path: string, request: object): Promise<Line[]> {
    const response = await this.request(path, request);
    const text = await response.text();
    if (response.status !== 200) throw new Deviation(`expected 200, was ${response.status}: ${text.trim().slice(0, 300)}`);
    this.equal(response.headers.get("content-type")?.split(";")[0], "application/x-ndjson", "content-type");
    return text
      .trimEnd()
      .split("\n")
      .map((line) => parsedJson(line) as unknown as Line);
  }

  /** A pull of the whole space, applied to what is held. */
  async pull(held: Held, cursor: string | null, more: Partial<PullRequest> = {}): Promise<Pulled> {
    const lines = await this.lines("/pull", { subscriptions: [{ scope: "*", cursor }], ...more });
    this.equal(lines[0]?.op, "begin", "the first line");
    const last = lines.at(-1);
    if (last?.op !== "end") throw new Deviation(`the last line is ${JSON.stringify(last)}, expected "end"`);
    const opened = lines.find((line) => line.op === "subscription");
    if (opened?.op === "subscription" && opened.mode === "copy" && opened.from === null) held.clear();
    for (const line of lines) apply(held, line);
    const ended = last.subscriptions["*"] ?? {};
    return {
      lines,
      mode: opened?.op === "subscription" ? opened.mode : null,
      revision: last.revision,
      ended,
      cursor: ended.cursor ?? cursor,
    };
  }

  equal(actual: unknown, expected: unknown, what: string): void {
    if (sameJson((actual ?? null) as Json, (expected ?? null) as Json)) return;
    throw new Deviation(`${what}: expected ${JSON.stringify(expected)}, was ${JSON.stringify(actual)}`);
  }

  true(holds: boolean, what: string): void {
    if (!holds) throw new Deviation(`expected: ${what}`);
  }
}

export interface Pulled {
  readonly lines: readonly Line[];
  /** Null: no subscription was opened, nothing is new. */
  readonly mode: "copy" | "delta" | null;
  readonly revision: number;
  readonly ended: SubscriptionEnd;
  readonly cursor: string | null;
}

function apply(held: Held, line: Line): void {
  if (line.op === "put") for (const record of line.records) held.set(keyOf(line.collection, record.id), record);
  if (line.op === "remove") for (const id of line.ids) held.delete(keyOf(line.collection, id));
  if (line.op !== "patch") return;
  for (const patch of line.records) {
    const key = keyOf(line.collection, patch.id);
    const before = held.get(key);
    if (before === undefined) throw new Deviation(`a patch of ${key}, which is not held (P2)`);
    const after = Object.entries({ ...before, ...patch }).filter(([, value]) => value !== null);
    held.set(key, Object.fromEntries(after) as JsonObject);
  }
}

/** Count and digest of what is held, as section 3 defines them. */
export function fingerprintOf(held: Held): { count: number; digest: string } {
  let lanes = NO_LANES;
  for (const [key, record] of held) {
    lanes = addLanes(lanes, digestOf(key.slice(0, key.indexOf("/")), canonical(record)));
  }
  return { count: held.size, digest: formatDigest(lanes) };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Deviation(`expected JSON, was ${text.slice(0, 200)}`);
  }
}
