// How the server is asked: every question of the console goes through here.
import type * as z from "zod/mini";
import { problem } from "./api.ts";
import { bearer, loginEnded } from "./session.ts";

/** Milliseconds after which a server that says nothing counts as one that does not answer. */
const PATIENCE = 20_000;

/** Beside the console, under whatever prefix it is served: `…/console/` asks `…/v1/…`. */
export const BASE = new URL("../", document.baseURI).href;

/** Why there is no answer, in words for people. */
export class AskError extends Error {
  override name = "AskError";
  /** The server's code; "offline": none came; "foreign": it was none of Tidemark's, or not what was expected. */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

type Schema<T> = z.ZodMiniType<T>;

interface Question {
  readonly signal?: AbortSignal | undefined;
  readonly body?: object | undefined;
}

/** The checked answer to a question; throws an AskError, or what the signal was aborted with. */
export async function ask<T>(path: string, schema: Schema<T>, question: Question = {}): Promise<T> {
  const { response, value } = await answerTo(path, question);
  if (response.ok) {
    const read = schema.safeParse(value);
    if (read.success) return read.data;
    const [first] = read.error.issues;
    const where = first === undefined ? "" : ` (${first.path.join(".") || "the answer"}: ${first.message})`;
    throw new AskError(
      "foreign",
      `The server's answer is not what this console expects${where}: are both of one version?`,
    );
  }
  const told = problem.safeParse(value);
  if (response.status === 401) loginEnded();
  if (told.success) throw new AskError(told.data.code, sentence(told.data.detail));
  throw new AskError("foreign", `The answer (${response.status}) did not come from a Tidemark server.`);
}

/** As `ask`, of an answer in lines. */
export async function askLines<T>(path: string, schema: Schema<T>, question: Question): Promise<readonly T[]> {
  const { response, value } = await answerTo(path, question);
  if (!response.ok || typeof value !== "string") {
    const told = problem.safeParse(value);
    if (response.status === 401) loginEnded();
    throw told.success
      ? new AskError(told.data.code, sentence(told.data.detail))
      : new AskError("foreign", `The answer (${response.status}) did not come from a Tidemark server.`);
  }
  const lines = value.trimEnd().split("\n");
  return lines.map((text) => schema.parse(JSON.parse(text)));
}

/** Each line as it comes, of work that may take long: who waits may leave, and the work goes on. */
export async function follow<T>(path: string, schema: Schema<T>, body: object, told: (line: T) => void): Promise<void> {
  const token = await bearer();
  const response = await fetch(BASE + path, {
    method: "POST",
    headers: { ...(token !== null && { authorization: `Bearer ${token}` }), "content-type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
  }).catch(() => null);
  if (response === null) throw new AskError("offline", "The server does not answer.");
  if (!response.ok || response.body === null) {
    const value = problem.safeParse(parsed(await response.text()));
    if (response.status === 401) loginEnded();
    if (value.success) throw new AskError(value.data.code, sentence(value.data.detail));
    throw new AskError("foreign", `The answer (${response.status}) did not come from a Tidemark server.`);
  }
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new AskError("offline", "The answer broke off: what was begun may go on at the server.");
    });
    const lines = (rest + decoder.decode(value, { stream: !done })).split("\n");
    rest = done ? "" : (lines.pop() ?? "");
    for (const line of lines) if (line !== "") told(schema.parse(parsed(line)));
    if (done) return;
  }
}

async function answerTo(path: string, { signal, body }: Question): Promise<{ response: Response; value: unknown }> {
  const token = await bearer();
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE);
  const leave = () => patience.abort();
  signal?.addEventListener("abort", leave);
  try {
    const response = await fetch(BASE + path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      credentials: "omit",
      cache: "no-store",
      signal: patience.signal,
    });
    const text = await response.text();
    heard(true);
    return { response, value: parsed(text) };
  } catch {
    if (signal?.aborted) throw signal.reason;
    heard(false);
    throw new AskError(
      "offline",
      patience.signal.aborted ? "The server took too long to answer." : "The server does not answer.",
    );
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", leave);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function sentence(text: string): string {
  const end = /[.!?]$/.test(text) ? "" : ".";
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${end}`;
}

// Whether the server answers

/** Since when there has been no answer; null: there is one. `epoch` goes up when the server is back. */
export interface Reach {
  readonly lostAt: number | null;
  readonly epoch: number;
}

let reach: Reach = { lostAt: null, epoch: 0 };
const listeners = new Set<() => void>();

function heard(answered: boolean): void {
  if (answered === (reach.lostAt === null)) return;
  reach = answered ? { lostAt: null, epoch: reach.epoch + 1 } : { ...reach, lostAt: Date.now() };
  for (const listener of listeners) listener();
  if (!answered) void untilBack();
}

/** Asks by itself, now and then, so that the console goes on when the server does. */
async function untilBack(): Promise<void> {
  while (reach.lostAt !== null) {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const back = await fetch(`${BASE}healthz`, { cache: "no-store" }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (back) heard(true);
  }
}

export const reachStore = {
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  get: () => reach,
};

/** The address of something in a space; names are encoded. */
export function inSpace(
  space: string,
  path: string,
  query: { [name: string]: string | number | undefined } = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== "") search.set(name, String(value));
  const text = search.toString();
  return `v1/spaces/${encodeURIComponent(space)}${path}${text === "" ? "" : `?${text}`}`;
}
