import type { JsonObject } from "../../util/json.ts";
import { json, Stub } from "./stub.ts";

export interface SalesforceContact {
  readonly Id: string;
  readonly LastName: string;
  readonly Email: string | null;
  readonly IsDeleted: boolean;
  readonly MasterRecordId: string | null;
  /** Unix milliseconds. */
  readonly modified: number;
}

export interface SalesforceStub extends Stub {
  readonly contacts: Map<string, SalesforceContact>;
  /** What it takes as a token now, and since when it knows deletions. */
  readonly state: { token: string; earliest: number; batch: number; requestsLeft: number };
}

const QUERY = /^SELECT (.+) FROM Contact(?: WHERE (.+?))?(?: ORDER BY (.+))?$/;

/** Salesforce's contacts: `query`, `queryAll`, pages at `nextRecordsUrl`, the log of deletions, and the way to a token. */
export function salesforceStub(): SalesforceStub {
  const contacts = new Map<string, SalesforceContact>();
  const state = { token: "session-1", earliest: 0, batch: 200, requestsLeft: 1_000_000 };
  const open = new Map<string, JsonObject[]>();
  let queries = 0;

  function page(rows: JsonObject[], from: number, id: string, version: string): Response {
    const end = from + state.batch;
    const done = end >= rows.length;
    open.set(id, rows);
    return json({
      totalSize: rows.length,
      done,
      ...(!done && { nextRecordsUrl: `/services/data/${version}/query/${id}-${end}` }),
      records: rows.slice(from, end),
    });
  }

  const base = new Stub(({ path, query, headers, body }) => {
    if (path === "/services/oauth2/token") {
      const form = new URLSearchParams(body);
      if (form.get("refresh_token") !== "refresh-1")
        return json({ error: "invalid_grant", error_description: "expired access/refresh token" }, 400);
      return json({ access_token: state.token, token_type: "Bearer" });
    }
    if (headers.get("authorization") !== `Bearer ${state.token}`)
      return json([{ message: "Session expired or invalid", errorCode: "INVALID_SESSION_ID" }], 401);
    if (state.requestsLeft-- <= 0)
      return json([{ message: "TotalRequests Limit exceeded.", errorCode: "REQUEST_LIMIT_EXCEEDED" }], 403);
    const [, version = "", rest = ""] = /^\/services\/data\/(v[\d.]+)\/(.*)$/.exec(path) ?? [];
    if (rest === "limits") return json({ DailyApiRequests: { Max: 15000, Remaining: 14998 } });
    if (rest === "sobjects/Contact/deleted") {
      const gone = [...contacts.values()].filter(({ IsDeleted }) => IsDeleted);
      const deletedRecords = gone.map(({ Id, modified }) => ({ id: Id, deletedDate: stamp(modified) }));
      return json({
        deletedRecords,
        earliestDateAvailable: stamp(state.earliest),
        latestDateCovered: query.get("end"),
      });
    }
    const [, id, from] = /^query\/(\w+)-(\d+)$/.exec(rest) ?? [];
    if (id !== undefined) {
      const rows = open.get(id);
      if (rows === undefined)
        return json([{ message: "invalid query locator", errorCode: "INVALID_QUERY_LOCATOR" }], 400);
      return page(rows, Number(from), id, version);
    }
    const [, columns, where, order] = QUERY.exec(query.get("q") ?? "") ?? [];
    if (columns === undefined || !/^query(All)?\/?$/.test(rest))
      return json([{ message: "unexpected token", errorCode: "MALFORMED_QUERY" }], 400);
    const rows = [...contacts.values()]
      .filter((contact) => rest.startsWith("queryAll") || !contact.IsDeleted)
      .filter((contact) => (where?.split(" AND ") ?? []).every((condition) => holds(contact, condition)))
      .sort((a, b) => (order?.startsWith("SystemModstamp") ? a.modified - b.modified : 0) || (a.Id < b.Id ? -1 : 1))
      .map((contact) => shown(contact, columns.split(", "), version));
    return page(rows, 0, `01g${++queries}`, version);
  });
  return Object.assign(base, { contacts, state });
}

function holds(contact: SalesforceContact, condition: string): boolean {
  const [, field, sign, value = ""] = /^(\w+) (>=|>|=) (.+)$/.exec(condition) ?? [];
  if (field === "Id") return contact.Id > value.replaceAll("'", "");
  const at = Date.parse(value);
  if (sign === ">=") return contact.modified >= at;
  return sign === "=" ? contact.modified === at : contact.modified > at;
}

function shown(contact: SalesforceContact, columns: readonly string[], version: string): JsonObject {
  const { modified, ...fields } = contact;
  const all: JsonObject = { ...fields, SystemModstamp: stamp(modified) };
  const attributes = { type: "Contact", url: `/services/data/${version}/sobjects/Contact/${contact.Id}` };
  return { attributes, ...Object.fromEntries(columns.map((name) => [name, all[name] ?? null])) };
}

/** `2024-01-01T00:00:00.000+0000` */
function stamp(at: number): string {
  return new Date(at).toISOString().replace("Z", "+0000");
}
