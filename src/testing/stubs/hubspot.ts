import { isObject, type Json, type JsonObject } from "../../util/json.ts";
import { type Asked, json, Stub } from "./stub.ts";

export interface HubSpotRecord {
  readonly id: string;
  readonly properties: Readonly<Record<string, string | null>>;
  /** Unix milliseconds. */
  readonly created: number;
  readonly modified: number;
  /** Since when it is archived; null where it is not. Archiving leaves `modified` as it was. */
  readonly archived: number | null;
}

export interface HubSpotStub extends Stub {
  readonly records: Map<string, HubSpotRecord>;
  /** How late the search shows a change, in milliseconds. */
  readonly state: { searchLag: number };
  put(id: string, properties: Record<string, string | null>, at: number): void;
  archive(id: string, at: number): void;
}

/** HubSpot's contacts: list, list of the archived, and the search with its end at 10,000. */
export function hubspotStub({ token, now }: { token: string; now: () => number }): HubSpotStub {
  const records = new Map<string, HubSpotRecord>();
  const state = { searchLag: 0 };
  const base = new Stub((asked) => {
    if (asked.headers.get("authorization") !== `Bearer ${token}`)
      return json(
        { status: "error", message: "Authentication credentials not found.", category: "INVALID_AUTHENTICATION" },
        401,
      );
    if (asked.method === "GET" && asked.path === "/crm/v3/objects/contacts")
      return list([...records.values()], asked.query);
    if (asked.method === "POST" && asked.path === "/crm/v3/objects/contacts/search")
      return search(
        [...records.values()].filter(({ modified }) => modified + state.searchLag <= now()),
        asked,
      );
    return json({ status: "error", message: "resource not found", category: "OBJECT_NOT_FOUND" }, 404);
  });
  return Object.assign(base, {
    records,
    state,
    put(id: string, properties: Record<string, string | null>, at: number) {
      const before = records.get(id);
      const all = { ...before?.properties, ...properties };
      records.set(id, { id, properties: all, created: before?.created ?? at, modified: at, archived: null });
    },
    archive(id: string, at: number) {
      const before = records.get(id);
      if (before !== undefined) records.set(id, { ...before, archived: at });
    },
  });
}

function list(records: readonly HubSpotRecord[], query: URLSearchParams): Response {
  const limit = Number(query.get("limit") ?? 10);
  const after = Number(query.has("after") ? atob(query.get("after") ?? "") : 0);
  const archived = query.get("archived") === "true";
  const properties = (query.get("properties") ?? "").split(",");
  const rest = records
    .filter((record) => (record.archived !== null) === archived && Number(record.id) > after)
    .sort((a, b) => Number(a.id) - Number(b.id));
  const page = rest.slice(0, limit);
  const next = rest.length > limit ? btoa(`${page.at(-1)?.id}\n`) : null;
  return json({
    results: page.map((record) => shown(record, properties)),
    ...(next !== null && { paging: { next: { after: next, link: `?after=${encodeURIComponent(next)}` } } }),
  });
}

function search(records: readonly HubSpotRecord[], { json: body }: Asked): Response {
  const limit = Number(body["limit"] ?? 10);
  const after = Number(body["after"] ?? 0);
  if (after + limit > 10_000)
    return json(
      { status: "error", message: "paging past 10,000 results is not possible", category: "VALIDATION_ERROR" },
      400,
    );
  const groups = listOf(body["filterGroups"]).map((group) => listOf((group as JsonObject)["filters"]));
  const [sort] = listOf(body["sorts"]);
  const by = String(isObject(sort) ? sort["propertyName"] : (sort ?? "createdate"));
  const found = records
    .filter((record) => record.archived === null)
    .filter(
      (record) =>
        groups.length === 0 ||
        groups.some((filters) => filters.every((filter) => passes(record, filter as JsonObject))),
    )
    .sort((a, b) => numberOf(a, by) - numberOf(b, by) || Number(a.id) - Number(b.id));
  const end = after + limit;
  return json({
    total: found.length,
    results: found.slice(after, end).map((record) => shown(record, listOf(body["properties"]).map(String))),
    ...(found.length > end && { paging: { next: { after: String(end) } } }),
  });
}

function passes(record: HubSpotRecord, { propertyName, operator, value }: JsonObject): boolean {
  const own = numberOf(record, String(propertyName));
  if (operator === "GTE") return own >= Number(value);
  if (operator === "GT") return own > Number(value);
  return operator === "EQ" && own === Number(value);
}

function numberOf(record: HubSpotRecord, property: string): number {
  if (property === "hs_object_id") return Number(record.id);
  return property === "createdate" ? record.created : record.modified;
}

function shown(record: HubSpotRecord, wanted: readonly string[]): Json {
  const { id, created, modified, archived } = record;
  const all: Record<string, string | null> = {
    ...record.properties,
    hs_object_id: id,
    createdate: iso(created),
    lastmodifieddate: iso(modified),
  };
  const names = new Set(["hs_object_id", "createdate", "lastmodifieddate", ...wanted.filter((name) => name in all)]);
  return {
    id,
    properties: Object.fromEntries([...names].map((name) => [name, all[name] ?? null])),
    createdAt: iso(created),
    updatedAt: iso(modified),
    archived: archived !== null,
    ...(archived !== null && { archivedAt: iso(archived) }),
  };
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
