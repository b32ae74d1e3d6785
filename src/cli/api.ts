import { isObject, type Json } from "../util/json.ts";
import type { Line } from "../wire/lines.ts";
import type { ProblemBody, ProblemCode } from "../wire/problem.ts";
import { Failure } from "./failure.ts";

/** A space that answers over HTTP, be it a server's or one that this process opened itself. */
export interface Space {
  /** As the user named the place. */
  readonly place: string;
  readonly name: string;
  /** Of the server, without a slash at its end. */
  readonly url: string;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly token: string | undefined;
}

/** The server said no. */
export class Refusal extends Failure {
  override name = "Refusal";
  readonly code: ProblemCode | "unknown";
  readonly problem: Partial<ProblemBody>;
  constructor(problem: Partial<ProblemBody>, message: string) {
    super(message);
    this.code = problem.code ?? "unknown";
    this.problem = problem;
  }
}

/** Nobody answered: trying again may help. */
export class Unreachable extends Failure {
  override name = "Unreachable";
}

/** Asks the space; `path` follows its address, for instance `/pull`. Throws Refusal and Unreachable. */
export function ask(space: Space, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  return askServer(space, `/v1/spaces/${space.name}${path}`, body, signal);
}

/** Asks the server of the space; `path` follows its address, for instance `/v1/auth/login`. */
export async function askServer(space: Space, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json, application/x-ndjson" };
  if (space.token !== undefined) headers.authorization = `Bearer ${space.token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const request = new Request(`${space.url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  let response: Response;
  try {
    response = await space.fetch(request);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable(space, error);
  }
  if (response.ok) return response;
  throw await refusalOf(space, response);
}

export async function askJson<T>(space: Space, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await ask(space, path, body, signal);
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new Failure(`${space.place} answered something that is not JSON: is it a Tidemark server?`);
    throw unreachable(space, error);
  }
}

/** The lines of an NDJSON answer as text, one after the other as they come. */
export async function* linesOf(space: Space, response: Response): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      rest += decoder.decode(chunk, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield line;
    }
  } catch (error) {
    throw unreachable(space, error);
  }
  if (rest !== "") yield rest;
}

/** The failure that an `error` line in the middle of an answer stands for. */
export function failureInLine(space: Space, line: Line): Failure | null {
  return line.op === "error" ? refusal(space, line.problem as Partial<ProblemBody>) : null;
}

const REASONS: { readonly [code: string]: string } = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the host's name cannot be looked up",
  ECONNRESET: "the connection broke",
  UND_ERR_SOCKET: "the connection broke",
};

function unreachable(space: Space, error: unknown): Unreachable {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  const reason = REASONS[cause?.code ?? ""] ?? cause?.message ?? message;
  return new Unreachable(
    `${space.place} cannot be reached: ${reason}. Is the server running, and is this its address?`,
    1,
    {
      cause: error,
    },
  );
}

async function refusalOf(space: Space, response: Response): Promise<Refusal> {
  const text = await response.text().catch(() => "");
  let body: unknown;
  try {
    body = JSON.parse(text) as Json;
  } catch {
    body = null;
  }
  if (isObject(body) && typeof body.code === "string") return refusal(space, body as Partial<ProblemBody>);
  return new Refusal({}, `${space.place} answered ${response.status} without an explanation: is it a Tidemark server?`);
}

const CURES: { readonly [code: string]: string } = {
  unauthenticated: " Give a token with --token or TIDEMARK_TOKEN.",
  forbidden: " The token in use does not permit it.",
};

function refusal(space: Space, problem: Partial<ProblemBody>): Refusal {
  const detail = problem.detail ?? problem.title ?? "no reason given";
  const path = problem.path ? ` (at ${problem.path})` : "";
  const cure = problem.code === undefined ? "" : (CURES[problem.code] ?? "");
  return new Refusal(
    problem,
    `${space.place} says ${problem.code ?? "no"}: ${detail.replace(/\.$/, "")}${path}.${cure}`,
  );
}
