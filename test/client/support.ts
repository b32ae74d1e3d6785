import { onTestFinished } from "vitest";
import type { SocketConstructor } from "../../src/client/channel.ts";
import { type Client, type ClientOptions, createClient, type Events } from "../../src/client/index.ts";
import type { ClientStore } from "../../src/client/store/store.ts";
import { virtualClock } from "../../src/testing/clock.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { type Road, type VirtualSocket, virtualSocket } from "../../src/testing/virtual-socket.ts";
import type { BeginLine, Line, SubscriptionLine } from "../../src/wire/lines.ts";
import { TestServer } from "../support/server.ts";

/** A request as a client sent it. */
export interface Sent {
  readonly path: string;
  // What a test looks at differs from request to request.
  // biome-ignore lint/suspicious/noExplicitAny: a parsed body of any of the protocol's requests
  readonly body: any;
  readonly headers: Headers;
}

type Answer = Response | Promise<Response>;

/**
 * The server's side of the wire in the hands of a test: it answers each request as the test says. A pull that waits for
 * news is a request to "wait", and hears nothing where the test does not say otherwise.
 */
export class Script {
  readonly sent: Sent[] = [];
  /** Answers to come, by the last part of the path; the last one of a path is given again and again. */
  readonly #given = new Set<(sent: Sent) => Answer>();
  readonly #answers = new Map<string, ((sent: Sent) => Answer)[]>();

  on(path: string, ...answers: (Answer | ((sent: Sent) => Answer))[]): this {
    const queue = (this.#answers.get(path) ?? []).filter((answer) => !this.#given.has(answer));
    for (const answer of answers) queue.push(typeof answer === "function" ? answer : () => answer);
    this.#answers.set(path, queue);
    return this;
  }

  readonly fetch = async (input: unknown, init?: RequestInit): Promise<Response> => {
    const path = new URL(String(input)).pathname.split("/").at(-1) ?? "";
    const body = JSON.parse(String(init?.body));
    const sent = { path: path === "pull" && body.wait > 0 ? "wait" : path, body, headers: new Headers(init?.headers) };
    this.sent.push(sent);
    const queue = this.#answers.get(sent.path) ?? (sent.path === "wait" ? [never] : []);
    const answer = queue.length > 1 ? queue.shift() : queue[0];
    if (answer === undefined) throw new TypeError("nobody answers");
    this.#given.add(answer);
    return await Promise.race([answer(sent), aborted(init?.signal)]);
  };

  bodies(path: string): Sent["body"][] {
    return this.sent.filter((sent) => sent.path === path).map(({ body }) => body);
  }
}

/** Rejects as fetch does when its signal is aborted. */
function aborted(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(new DOMException("aborted", "AbortError"));
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort);
  });
}

/** An answer that never comes. */
export const never = () => new Promise<Response>(() => {});

export function ndjson(...lines: (Line | string)[]): Response {
  const text = lines.map((line) => (typeof line === "string" ? line : `${JSON.stringify(line)}\n`)).join("");
  return new Response(text, { headers: { "content-type": "application/x-ndjson" } });
}

export function json(body: object): Response {
  return Response.json(body);
}

export function problem(code: string, status: number, more: object = {}): Response {
  const body = JSON.stringify({
    code,
    status,
    title: code,
    type: `urn:tidemark:problem:${code}`,
    detail: `it is ${code}`,
    ...more,
  });
  return new Response(body, { status, headers: { "content-type": "application/problem+json" } });
}

export const begin = (revision: number, principal = "p1"): BeginLine => ({
  op: "begin",
  space: "acme",
  revision,
  principal,
});
export const end = (revision: number, subscriptions: { [key: string]: object } = {}, lastMutation = 0): Line => {
  return { op: "end", revision, subscriptions, lastMutation };
};
export const copy = (key: string, from: string | null = null): Line => ({
  op: "subscription",
  key,
  mode: "copy",
  from,
  reason: "new",
});
export const delta = (key: string, since: number): SubscriptionLine => ({
  op: "subscription",
  key,
  mode: "delta",
  since,
});
export const put = (at: number, ...records: { id: string }[]): Line => ({
  op: "put",
  collection: "items",
  at,
  records,
});
export const patch = (at: number, ...records: { id: string }[]): Line => ({
  op: "patch",
  collection: "items",
  at,
  records,
});
export const remove = (at: number, ...ids: string[]): Line => ({ op: "remove", collection: "items", at, ids });

/** A client that is closed when the test ends, with the events that it told. */
export type Watched = Client & { readonly told: { readonly event: keyof Events; readonly value: unknown }[] };

export function clientOf(options: Partial<ClientOptions> & { readonly store?: ClientStore }): Watched {
  const client = createClient({ url: "http://server", space: "acme", ...options });
  const told: Watched["told"] = [];
  const names: (keyof Events)[] = [
    "superseded",
    "rejected",
    "unknown",
    "lost",
    "recovered",
    "revoked",
    "damaged",
    "repaired",
  ];
  for (const event of names) client.on(event, (value) => told.push({ event, value }));
  onTestFinished(() => client.close());
  return Object.assign(client, { told });
}

/** Virtual time and seeded randomness for a client, and a client that runs on them. */
export function timed(script: Script, options: Partial<ClientOptions> = {}) {
  const clock = virtualClock("client");
  const client = clientOf({ fetch: script.fetch, clock, random: seededRandom("client"), ...options });
  return { clock, client };
}

export const titlesOf = (records: readonly { readonly [atom: string]: unknown }[]) => records.map(({ title }) => title);

type Wired = Pick<TestServer, "request"> & { readonly server: Pick<TestServer["server"], "accept"> };

/** A wire to a server that can be cut: requests fail, answers break off, and live connections end. */
export class Wire {
  #up = true;
  #refuse: string | null = null;
  cutAfter = Number.POSITIVE_INFINITY;
  cuts = 0;
  /** Whether the server knows of pages (P17); one of before reads over the question for them. */
  pages = true;
  /** Received, after decompression. */
  bytes = 0;
  /** Questions that were answered on live connections. */
  questions = 0;
  readonly #server: () => Wired;
  readonly #answered = new Map<string, () => void>();
  readonly #sockets = new Set<VirtualSocket>();
  readonly WebSocket: SocketConstructor;

  constructor(server: () => Wired) {
    this.#server = server;
    const sockets = this.#sockets;
    this.WebSocket = class extends virtualSocket(() => this.#road()) {
      constructor(url: string) {
        super(url);
        sockets.add(this);
      }
    };
  }

  get up(): boolean {
    return this.#up;
  }

  set up(up: boolean) {
    this.#up = up;
    if (!up) this.#sever();
  }

  /** The last part of a path whose requests fail; live connections do not pass meanwhile. */
  set refuse(path: string | null) {
    this.#refuse = path;
    if (path !== null) this.#sever();
  }

  /** Resolves when the next answer to such a request has been received. */
  answered(path: string): Promise<void> {
    return new Promise((resolve) => this.#answered.set(path, resolve));
  }

  readonly fetch = async (input: unknown, init?: RequestInit): Promise<Response> => {
    const { pathname, search } = new URL(String(input));
    const path = pathname.split("/").at(-1) ?? "";
    if (!this.#up || this.#refuse === path) throw new TypeError("fetch failed");
    const body = this.pages ? init?.body : String(init?.body).replace(',"pages":true', "");
    const asked = { ...init, body: body ?? null, signal: init?.signal ?? null } as RequestInit;
    const response = await this.#server().request(pathname + search, asked);
    this.#answered.get(path)?.();
    if (response.body === null) return response;
    return new Response(response.body.pipeThrough(cutter(this)), response);
  };

  #sever(): void {
    for (const socket of this.#sockets) socket.sever();
    this.#sockets.clear();
  }

  #road(): Road {
    const limit = this.cutAfter;
    let passed = 0;
    return {
      gone: new AbortController().signal,
      travel: async () => {},
      fate: (way, text) => {
        if (!this.#up || this.#refuse !== null) return "breaks";
        if (way === "up") return "arrives";
        passed += text.length;
        this.bytes += text.length;
        if (text.includes('"op":"outcomes"')) this.#answered.get("push")?.();
        if (text.includes('"pull":')) this.questions++;
        if (passed <= limit) return "arrives";
        this.cuts++;
        return "breaks";
      },
      accept: ({ url }) => {
        const request = new Request(`http://localhost${new URL(url).pathname}`);
        return this.#server().server.accept(request, "acme");
      },
    };
  }
}

export function wire(server: Wired): Wire {
  return new Wire(() => server);
}

/** The two ways to a server (L6): what is true on one is true on the other. */
export const WAYS = [
  {
    way: "requests alone",
    over: ({ fetch }: Wire): Partial<ClientOptions> => ({ fetch: fetch as typeof globalThis.fetch }),
    /** Resolves when the client is where it will ask from now on. */
    settled: async (_: Wire) => {},
  },
  {
    way: "a live connection",
    over: ({ fetch, WebSocket }: Wire): Partial<ClientOptions> => ({
      fetch: fetch as typeof globalThis.fetch,
      WebSocket,
    }),
    settled: async (line: Wire) => {
      while (line.questions === 0) await new Promise((resolve) => setImmediate(resolve));
    },
  },
] as const;
export type Way = (typeof WAYS)[number];

function cutter(state: Pick<Wire, "cutAfter" | "cuts" | "bytes">): TransformStream<Uint8Array, Uint8Array> {
  let passed = 0;
  const limit = state.cutAfter;
  return new TransformStream({
    transform(chunk, controller) {
      passed += chunk.length;
      state.bytes += chunk.length;
      if (passed <= limit) return controller.enqueue(chunk);
      state.cuts++;
      controller.error(new TypeError("terminated"));
    },
  });
}

/** A server with a client that follows all of it. */
export async function followed({ over, settled }: Way, options: Partial<ClientOptions> = {}, config = {}) {
  const server = new TestServer(config);
  await server.push({ client: "c0", mutations: [] });
  const line = wire(server);
  const client = clientOf({ ...over(line), ...options });
  await client.subscribe({ scope: "*" }).ready;
  await settled(line);
  return { server, line, client };
}
