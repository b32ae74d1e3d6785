import { createHash } from "node:crypto";
import type { RecordData } from "../../model/record.ts";
import { readJson } from "../../server/body.ts";
import type { Call, Core } from "../../server/core.ts";
import { canonical, type Json } from "../../util/json.ts";
import type { Carrier } from "../carrier.ts";
import { Rejected } from "../carrier.ts";
import type { Opened } from "../state.ts";
import { answer, notThere, type Resource, ScimError, type Scimmy, short } from "./protocol.ts";

/** Bytes of a body, and its nesting. */
const LIMITS = { body: 1_048_576, depth: 8 };
/** Resources of one page at most, and where nothing is said. */
export const PAGE = { most: 200, usual: 100 };

/** One request of an identity provider. */
export interface ScimCall {
  readonly state: Opened;
  readonly scimmy: Scimmy;
  readonly carrier: Carrier;
  readonly core: Core;
  readonly call: Call;
  /** The address of `/scim/v2` as the caller sees it. */
  readonly base: string;
}

export function bodyOf({ call }: ScimCall): Promise<unknown> {
  return readJson(call.request, LIMITS, ["application/scim+json", "application/json"]);
}

/** The resource with what it says of itself. Its version is of its content, so that it is the same on every server. */
export function resourceOf(
  { base }: Pick<ScimCall, "base">,
  kind: "User" | "Group",
  schemas: readonly string[],
  id: string,
  attributes: { readonly [name: string]: unknown },
): Resource {
  const version = createHash("sha256")
    .update(canonical({ id, ...attributes } as Json))
    .digest("hex")
    .slice(0, 24);
  const location = `${base}/${kind}s/${encodeURIComponent(id)}`;
  return { schemas, id, ...attributes, meta: { resourceType: kind, location, version: `W/"${version}"` } };
}

/** `attributes` and `excludedAttributes` of the address, by the first part of each. */
export function trimmed({ call }: ScimCall, resource: Resource): object {
  const namesIn = (key: string) => {
    const text = call.url.searchParams.get(key);
    if (text === null) return null;
    return new Set(text.split(",").map((name) => (name.trim().split(".")[0] ?? "").toLowerCase()));
  };
  const [wanted, unwanted] = [namesIn("attributes"), namesIn("excludedAttributes")];
  const stays = (name: string) => {
    if (name === "id" || name === "schemas" || (name === "meta" && wanted === null)) return true;
    const lower = name.toLowerCase();
    return wanted === null ? unwanted === null || !unwanted.has(lower) : wanted.has(lower);
  };
  return Object.fromEntries(Object.entries(resource).filter(([name]) => stays(name)));
}

export function resourceAnswer(call: ScimCall, status: number, resource: Resource): Response {
  const { location, version } = resource.meta;
  const headers = { etag: version, location, "content-location": location };
  const match = call.call.request.headers.get("if-none-match");
  if (call.call.request.method === "GET" && match !== null && namesVersion(match, version))
    return answer(304, null, { etag: version });
  return answer(status, trimmed(call, resource), headers);
}

/** The record that the address names. */
export function recordOf({ state, call }: ScimCall, collection: "users" | "groups"): RecordData {
  const record = state.directory.get(collection, call.param("id"));
  if (record === null) throw notThere(call.param("id"));
  return record;
}

/** The record that the address names, where this source may change it, in the version that it has seen. */
export function ownRecordOf(
  call: ScimCall,
  collection: "users" | "groups",
  resource: (call: ScimCall, record: RecordData) => Resource,
): RecordData {
  const record = recordOf(call, collection);
  if (!call.carrier.mayChange(record.managedBy)) throw readOnly(record.managedBy);
  checkMatch(call, resource(call, record));
  return record;
}

/** Refuses a change by somebody who saw another version, where If-Match says which. */
export function checkMatch({ call }: ScimCall, { meta }: Resource): void {
  const match = call.request.headers.get("if-match");
  if (match !== null && !namesVersion(match, meta.version))
    throw new ScimError(412, null, "the resource was changed since: read it again");
}

function namesVersion(header: string, version: string): boolean {
  const weak = (tag: string) => tag.trim().replace(/^W\//, "");
  return header.trim() === "*" || header.split(",").some((tag) => weak(tag) === weak(version));
}

/** A page of resources as a ListResponse. `matching` comes in the order of ids. */
export function listAnswer(call: ScimCall, matching: readonly string[], resource: (id: string) => Resource): Response {
  const whole = (key: string, usual: number) => {
    const text = call.call.url.searchParams.get(key);
    if (text === null) return usual;
    if (!/^-?\d{1,9}$/.test(text)) throw new ScimError(400, "invalidValue", `${key} is a whole number`);
    return Number(text);
  };
  const startIndex = Math.max(1, whole("startIndex", 1));
  const count = Math.min(PAGE.most, Math.max(0, whole("count", PAGE.usual)));
  const page = matching.slice(startIndex - 1, startIndex - 1 + count).map(resource);
  const { ListResponse } = call.scimmy.Messages;
  const params = { startIndex: 1, count: page.length, totalResults: matching.length };
  const list = new ListResponse(page.map((each) => trimmed(call, each)) as never, params as never);
  return answer(200, { ...list, startIndex, itemsPerPage: page.length, totalResults: matching.length });
}

/** Writes, and says in SCIM's words why not. */
export async function written(call: ScimCall, plan: Parameters<Carrier["write"]>[0]): Promise<void> {
  try {
    await call.carrier.write(plan);
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    const { code, message, path } = error.rejection;
    if (/another user of this name/.test(message)) throw new ScimError(409, "uniqueness", message);
    const where = path.replace(/^writes\[\d+\](\.record)?\.?/, "");
    if (code === "invalid-record")
      throw new ScimError(400, "invalidValue", short(where === "" ? message : `${where}: ${message}`));
    throw new ScimError(code === "too-large" || code === "too-many-atoms" ? 413 : 403, null, short(message));
  }
}

export function readOnly(managedBy: unknown): ScimError {
  return new ScimError(403, null, `this is managed by ${String(managedBy)}, and is changed there`);
}
