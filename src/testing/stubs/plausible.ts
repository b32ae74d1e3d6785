import type { Json } from "../../util/json.ts";
import { json, Stub } from "./stub.ts";

export interface PlausibleRow {
  readonly dimensions: readonly string[];
  readonly metrics: readonly number[];
}

export interface PlausibleStub extends Stub {
  /** Rows by day, `2024-01-01`. */
  readonly days: Map<string, PlausibleRow[]>;
}

/** Plausible's statistics, version 2, with pages by offset. */
export function plausibleStub({ token }: { token: string }): PlausibleStub {
  const days = new Map<string, PlausibleRow[]>();
  const base = new Stub(({ path, headers, json: body }) => {
    if (headers.get("authorization") !== `Bearer ${token}`) return json({ error: "Invalid API key." }, 401);
    if (path !== "/api/v2/query") return json({ error: "Not found" }, 404);
    const [from = "", to = ""] = Array.isArray(body["date_range"]) ? (body["date_range"] as Json[]).map(String) : [];
    const { limit = 10_000, offset = 0 } = (body["pagination"] ?? {}) as { limit?: number; offset?: number };
    const rows = [...days].filter(([day]) => day >= from && day <= to).flatMap(([, each]) => each);
    rows.sort((a, b) => (JSON.stringify(a.dimensions) < JSON.stringify(b.dimensions) ? -1 : 1));
    const results = rows.slice(offset, offset + limit).map(({ metrics, dimensions }) => ({ metrics, dimensions }));
    return json({ results, meta: { total_rows: rows.length }, query: { site_id: body["site_id"] ?? null } });
  });
  return Object.assign(base, { days });
}
