import { PROBLEMS, Problem, type ProblemCode } from "../../wire/problem.ts";

/** The part of `scimmy` that is used. */
export type Scimmy = typeof import("scimmy").default;

export const SCHEMAS = {
  user: "urn:ietf:params:scim:schemas:core:2.0:User",
  enterprise: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
  group: "urn:ietf:params:scim:schemas:core:2.0:Group",
  patch: "urn:ietf:params:scim:api:messages:2.0:PatchOp",
  error: "urn:ietf:params:scim:api:messages:2.0:Error",
} as const;

export type ScimType =
  | "uniqueness"
  | "tooMany"
  | "invalidFilter"
  | "mutability"
  | "invalidSyntax"
  | "invalidPath"
  | "noTarget"
  | "invalidValue";

/** A refusal in SCIM's own form (RFC 7644, 3.12). */
export class ScimError extends Error {
  override name = "ScimError";
  readonly status: number;
  readonly scimType: ScimType | null;
  /** Seconds, as in the Retry-After header. */
  readonly retryAfter: number | null;
  constructor(status: number, scimType: ScimType | null, detail: string, retryAfter: number | null = null) {
    super(detail);
    this.status = status;
    this.scimType = scimType;
    this.retryAfter = retryAfter;
  }
}

/** A resource as it goes over the wire. */
export interface Resource {
  readonly schemas: readonly string[];
  readonly id: string;
  readonly meta: { readonly resourceType: string; readonly location: string; readonly version: string };
  readonly [attribute: string]: unknown;
}

export function notThere(id: string): ScimError {
  return new ScimError(404, null, `there is no resource ${JSON.stringify(id)}`);
}

const SYNTAX: { readonly [code in ProblemCode]?: ScimType } = { invalid: "invalidSyntax" };

export function scimErrorOf(error: unknown): ScimError | null {
  if (error instanceof ScimError) return error;
  if (error instanceof Problem)
    return new ScimError(
      PROBLEMS[error.code],
      SYNTAX[error.code] ?? null,
      error.message,
      error.extras.retryAfter ?? null,
    );
  return null;
}

/** What scimmy throws, by its own names. */
export async function asScim<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ScimError || error instanceof Problem) throw error;
    const { status, scimType, message } = error as { status?: number; scimType?: ScimType; message: string };
    if (status !== undefined) throw new ScimError(status, scimType ?? null, short(message));
    if (error instanceof TypeError) throw new ScimError(400, "invalidValue", short(message));
    throw error;
  }
}

/** A message may quote what was sent. */
export function short(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)} …`;
}

export function answer(status: number, body: unknown, headers: { readonly [name: string]: string } = {}): Response {
  const all = { "cache-control": "no-store", ...headers };
  if (body === null) return new Response(null, { status, headers: all });
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "content-type": "application/scim+json", ...all },
  });
}

export function errorAnswer({ status, scimType, message, retryAfter }: ScimError): Response {
  const body = {
    schemas: [SCHEMAS.error],
    status: String(status),
    ...(scimType === null ? {} : { scimType }),
    detail: message,
  };
  return answer(status, body, {
    ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
    ...(retryAfter === null ? {} : { "retry-after": String(retryAfter) }),
  });
}

let loaded: Promise<Scimmy> | null = null;

export function loadScimmy(): Promise<Scimmy> {
  loaded ??= import("scimmy").then(
    (module) => module.default,
    () => {
      loaded = null;
      throw new Problem("unavailable", "SCIM needs the package scimmy on the server: npm install scimmy");
    },
  );
  return loaded;
}
