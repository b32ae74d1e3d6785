import { isObject, type Json, type JsonObject } from "../../util/json.ts";
import { json, Stub } from "./stub.ts";

/** A row of figures: values by the names of dimensions and metrics. */
export type Ga4Row = Readonly<Record<string, string>>;

export interface Ga4Stub extends Stub {
  /** Rows by day, `2024-01-01`, without their date. */
  readonly days: Map<string, Ga4Row[]>;
  readonly state: { tokensLeft: number };
}

/** The Data API of Google Analytics 4: `runReport`, written as Google writes JSON: what is 0 or empty is left out. */
export function ga4Stub({ token }: { token: string }): Ga4Stub {
  const days = new Map<string, Ga4Row[]>();
  const state = { tokensLeft: 200_000 };
  const base = new Stub(({ path, headers, json: body }) => {
    if (headers.get("authorization") !== `Bearer ${token}`)
      return json(
        { error: { code: 401, message: "Request had invalid authentication credentials.", status: "UNAUTHENTICATED" } },
        401,
      );
    if (path === "/v1beta/properties/1/metadata") return json({ name: "properties/1/metadata" });
    if (path !== "/v1beta/properties/1:runReport")
      return json({ error: { code: 404, message: "Not found", status: "NOT_FOUND" } }, 404);
    if (state.tokensLeft <= 0) {
      const message = "Exhausted property tokens per day. These quota tokens will return in under 24 hours.";
      return json({ error: { code: 429, message, status: "RESOURCE_EXHAUSTED" } }, 429);
    }
    state.tokensLeft = Math.max(0, state.tokensLeft - 10);
    return report(body, days, state.tokensLeft);
  });
  return Object.assign(base, { days, state });
}

function report(body: JsonObject, days: ReadonlyMap<string, Ga4Row[]>, left: number): Response {
  const dimensions = namesOf(body["dimensions"]);
  const metrics = namesOf(body["metrics"]);
  const all = listOf(body["dateRanges"]).flatMap((range) => {
    const { startDate, endDate } = range as { startDate: string; endDate: string };
    const within = [...days].filter(([day]) => day >= startDate && day <= endDate).sort(([a], [b]) => (a < b ? -1 : 1));
    return within.flatMap(([day, rows]) => rows.map((row): Ga4Row => ({ ...row, date: day.replaceAll("-", "") })));
  });
  const offset = Number(body["offset"] ?? 0);
  const rows = all.slice(offset, offset + Number(body["limit"] ?? 10_000));
  const quota = { consumed: 10, ...(left > 0 && { remaining: left }) };
  return json({
    dimensionHeaders: dimensions.map((name) => ({ name })),
    metricHeaders: metrics.map((name) => ({ name, type: "TYPE_INTEGER" })),
    ...(rows.length > 0 && { rows: rows.map((row) => shown(row, dimensions, metrics)) }),
    ...(all.length > 0 && { rowCount: all.length }),
    metadata: { currencyCode: "EUR", timeZone: "Europe/Berlin" },
    ...(body["returnPropertyQuota"] === true && {
      propertyQuota: { tokensPerDay: quota, concurrentRequests: { remaining: 10 } },
    }),
    kind: "analyticsData#runReport",
  });
}

function shown(row: Ga4Row, dimensions: readonly string[], metrics: readonly string[]): Json {
  const values = (names: readonly string[]) => names.map((name) => ({ value: row[name] ?? "" }));
  return { dimensionValues: values(dimensions), metricValues: values(metrics) };
}

function namesOf(value: Json | undefined): string[] {
  return listOf(value).map((each) => (isObject(each) ? String(each["name"]) : ""));
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}
