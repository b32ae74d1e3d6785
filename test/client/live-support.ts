import { onTestFinished } from "vitest";
import type { SocketConstructor } from "../../src/client/channel.ts";
import type { ClientOptions } from "../../src/client/index.ts";
import type { LiveLine, LiveMessage } from "../../src/wire/live.ts";
import { begin, copy, delta, end, ndjson, put, Script, timed } from "./support.ts";

type Listener = (event: { readonly type: string; readonly data?: unknown }) => void;

/** The server's end of one socket, in the hands of a test. */
export class ScriptedSocket {
  readonly url: string;
  /** What the client has said, in order. */
  readonly heard: LiveMessage[] = [];
  /** Whether the client has given it up. */
  closed = false;
  readonly #listeners = new Map<string, Listener[]>();
  readonly #script: LiveScript;

  constructor(url: string, script: LiveScript) {
    this.url = url;
    this.#script = script;
    script.sockets.push(this);
    queueMicrotask(() => script.connect(this));
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(text: string): void {
    const message = JSON.parse(text) as LiveMessage;
    this.heard.push(message);
    if (!this.closed) queueMicrotask(() => this.#script.answer(message, this));
  }

  close(): void {
    this.closed = true;
  }

  open(): void {
    this.#tell("open");
  }

  /** The connection ends. */
  end(): void {
    this.closed = true;
    this.#tell("close");
  }

  /** One frame. */
  say(...lines: (LiveLine | object)[]): void {
    this.#tell("message", lines.map((line) => JSON.stringify(line)).join("\n"));
  }

  /** Ops of what the client has said. */
  get ops(): string[] {
    return this.heard.map(({ op }) => op);
  }

  said<O extends LiveMessage["op"]>(op: O): Extract<LiveMessage, { op: O }>[] {
    return this.heard.filter((message): message is Extract<LiveMessage, { op: O }> => message.op === op);
  }

  #tell(type: string, data?: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ type, data });
  }
}

/**
 * The server's side of live connections: each opens, and a question is answered with what the script's revision and
 * cursors say; a test replaces what it wants otherwise.
 */
export class LiveScript {
  readonly sockets: ScriptedSocket[] = [];
  revision = 5;
  /** What happens to a new socket. */
  connect = (socket: ScriptedSocket): void => socket.open();
  /** What comes of a message. */
  answer = (message: LiveMessage, socket: ScriptedSocket): void => this.usual(message, socket);

  readonly WebSocket: SocketConstructor;

  constructor() {
    const script = this;
    this.WebSocket = class extends ScriptedSocket {
      constructor(url: string) {
        super(url, script);
      }
    };
  }

  /** A subscription with a cursor has nothing new; a question is answered. */
  usual(message: LiveMessage, socket: ScriptedSocket): void {
    const { revision } = this;
    if (message.op === "subscribe") {
      const keys = message.subscriptions.map(({ key, scope }) => key ?? scope);
      socket.say(begin(revision), ...keys.map((key) => delta(key, revision)), end(revision, ends(keys)));
    } else if (message.op === "pull") socket.say(begin(revision), { ...end(revision), pull: message.pull });
    else if (message.op === "unsubscribe") socket.say({ op: "unsubscribed", keys: message.keys });
  }

  get last(): ScriptedSocket {
    return this.sockets.at(-1) as ScriptedSocket;
  }
}

function ends(keys: readonly string[]): { [key: string]: object } {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

/** A pull that waits for news, and hears after its time that there are none. */
export const patiently = (clock: { sleep(ms: number): Promise<void> }) => async () => {
  await clock.sleep(25_000);
  return current();
};

/** Answers to requests: a copy first, then nothing new. */
export function pulls(): () => Response {
  let filled = false;
  return () => {
    if (filled) return current();
    filled = true;
    return fill();
  };
}

export const fill = () => ndjson(begin(5), copy("*"), put(5, { id: "a" }), end(5, { "*": { cursor: "c5" } }));
export const current = () => ndjson(begin(5), delta("*", 5), end(5, { "*": {} }));

/** A frame with news of `*`. */
export const news = (since: number, revision: number, ...lines: object[]) => [
  begin(revision),
  delta("*", since),
  ...lines,
  end(revision, { "*": { cursor: `c${revision}` } }),
];

/** A client that follows `*` on a live connection. */
export async function connected(
  options: Partial<ClientOptions> = {},
  parts = { script: new Script(), live: new LiveScript() },
) {
  const { script, live } = parts;
  const { client, clock } = timed(script.on("pull", pulls()), { WebSocket: live.WebSocket, ...options });
  script.on("wait", patiently(clock));
  await client.subscribe({ scope: "*" }).ready;
  const works = await clock.until(() => live.sockets.at(-1)?.said("pull").length === 1, 1_000);
  if (!works) throw new Error("the client did not connect");
  await clock.run(10);
  return { client, clock, script, live, socket: live.last };
}

/** Lets a test be the browser that says that it is online again. */
export function onlineEvents(): { emit(): void } {
  const target = new EventTarget();
  const { addEventListener, removeEventListener } = globalThis as Partial<EventTarget>;
  Object.assign(globalThis, {
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
  });
  onTestFinished(() => void Object.assign(globalThis, { addEventListener, removeEventListener }));
  return { emit: () => void target.dispatchEvent(new Event("online")) };
}
