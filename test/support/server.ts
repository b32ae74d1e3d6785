import { SignJWT } from "jose";
import type { Mutation, Write } from "../../src/model/mutation.ts";
import type { PushRequest, PushResponse } from "../../src/model/push.ts";
import { type Config, createServer, type Log, type Server, type ServerOptions } from "../../src/server/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Store } from "../../src/store/store.ts";
import type { HeadResponse } from "../../src/wire/head.ts";
import type { EndLine, Line } from "../../src/wire/lines.ts";
import type { ProblemBody } from "../../src/wire/problem.ts";
import type { PullRequest, SubscriptionRequest } from "../../src/wire/pull.ts";
import type { VerifyRequest } from "../../src/wire/verify.ts";

type Init = RequestInit & { readonly token?: string | undefined };

let madeStore: () => Store = () => openSqliteStore({ path: ":memory:" });

/** What the servers of a test file stand on, where a test brings no store of its own. */
export function storesAre(made: () => Store): void {
  madeStore = made;
}

/** One server over a real store, asked without a socket. */
export class TestServer {
  readonly store: Store;
  readonly server: Server;
  readonly #numbers = new Map<string, number>();
  /** Sent with every request that brings none of its own. */
  token: string | undefined;

  constructor(config: Config = {}, options: Partial<ServerOptions> = {}) {
    this.store = options.store ?? madeStore();
    const open = config.auth === undefined && options.secrets === undefined;
    this.server = createServer({
      log: LOG,
      config: { collections: { items: ITEMS }, ...config, ...(open && { auth: { open: true } }) },
      ...options,
      store: this.store,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }

  request(path: string, { token = this.token, ...init }: Init = {}, remote?: string): Promise<Response> {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    return this.server.handler(new Request(`http://localhost${path}`, { ...init, headers }), { remote });
  }

  post(path: string, body: unknown, init: Init = {}): Promise<Response> {
    const headers = { "content-type": "application/json", ...(init.headers as Record<string, string>) };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return this.request(path, { ...init, method: "POST", headers, body: text });
  }

  /** The answer of a push that is expected to succeed. */
  async push(request: PushRequest, init: Init = {}): Promise<PushResponse> {
    return (await good(await this.post(`${SPACE}/push`, request, init))) as PushResponse;
  }

  /** One mutation of a client, under its next number and with the head as its base. */
  async write(
    client: string,
    writes: Write | Write[],
    options: Partial<Mutation> = {},
    init: Init = {},
  ): Promise<PushResponse> {
    const id = (this.#numbers.get(client) ?? 0) + 1;
    this.#numbers.set(client, id);
    const base = (await this.store.head("acme"))?.revision ?? 0;
    return this.push({ client, mutations: [{ id, base, ...options, writes: [writes].flat() }] }, init);
  }

  async pull(request: PullRequest | SubscriptionRequest[], init: Init = {}): Promise<Line[]> {
    const body = Array.isArray(request) ? { subscriptions: request } : request;
    return linesOf(await this.post(`${SPACE}/pull`, body, init));
  }

  async verify(request: VerifyRequest, init: Init = {}): Promise<Line[]> {
    return linesOf(await this.post(`${SPACE}/verify`, request, init));
  }

  async head(query = "", init: Init = {}): Promise<HeadResponse> {
    return (await good(await this.request(`${SPACE}${query}`, init))) as HeadResponse;
  }
}

/** A fault of the server's own is no part of any test that does not expect it. */
const LOG: Log = { info: () => undefined, error: (fields, message) => console.error(message, fields) };

const ITEMS = { scopes: (record: { readonly [atom: string]: unknown }) => (record.box ? [`box/${record.box}`] : []) };

/** The store with some of its methods replaced. */
export function storeWith(store: Store, methods: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name: keyof Store) {
      const method = methods[name] ?? target[name];
      return typeof method === "function" ? method.bind(target) : method;
    },
  });
}

export const SPACE = "/v1/spaces/acme";

export const insert = (id: string, atoms: { [atom: string]: unknown } = {}): Write => {
  return { op: "insert", collection: "items", record: { id, ...atoms } as Write & never };
};
export const update = (id: string, atoms: { [atom: string]: unknown }): Write => {
  return { op: "update", collection: "items", record: { id, ...atoms } as Write & never };
};
export const remove = (id: string): Write => ({ op: "delete", collection: "items", id });

export async function good(response: Response): Promise<unknown> {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  return JSON.parse(text);
}

export async function linesOf(response: Response): Promise<Line[]> {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

export function endOf(lines: readonly Line[]): EndLine {
  const last = lines.at(-1);
  if (last?.op !== "end") throw new Error(`the answer ends with ${JSON.stringify(last)}`);
  return last;
}

/** The cursor that an answer leaves a subscription with. */
export function cursorOf(lines: readonly Line[], key: string): string {
  const cursor = endOf(lines).subscriptions[key]?.cursor;
  if (cursor === undefined) throw new Error(`no cursor for ${key}`);
  return cursor;
}

export const opsOf = (lines: readonly Line[]) => lines.map(({ op }) => op);

export function ofOp<O extends Line["op"]>(lines: readonly Line[], op: O): Extract<Line, { op: O }>[] {
  return lines.filter((line): line is Extract<Line, { op: O }> => line.op === op);
}

export async function problemIn(response: Response | Promise<Response>): Promise<ProblemBody> {
  const answer = await response;
  const type = answer.headers.get("content-type");
  if (type !== "application/problem+json") throw new Error(`${answer.status} ${type}: ${await answer.text()}`);
  return (await answer.json()) as ProblemBody;
}

export const SECRET = "a secret for tests that is long enough";

type Grants = { [space: string]: { read?: string[]; write?: string[]; admin?: boolean } };

export function tokenFor(
  sub: string,
  grants: Grants,
  expires: string | number = "1h",
  secret = SECRET,
): Promise<string> {
  return new SignJWT({ tidemark: grants })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(sub)
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));
}
