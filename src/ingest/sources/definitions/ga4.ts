import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import type { PausingAnswer, Source } from "../../source.ts";
import type { Auth } from "../http/auth.ts";
import { daily } from "../http/daily.ts";
import { byOffset, offsetOf } from "../http/paged.ts";
import { valueAt } from "../http/shape.ts";
import { type HttpStream, httpSource } from "../http/source.ts";

export interface Ga4Report {
  readonly name: string;
  /** Beside the date, which is always there. */
  readonly dimensions: readonly string[];
  readonly metrics: readonly string[];
}

export interface Ga4 {
  /** The number of the property. */
  readonly property: string;
  readonly auth: Auth;
  readonly reports: readonly Ga4Report[];
  /** The first day, `2024-01-01`. */
  readonly from: string;
  readonly address?: string;
}

const SIZE = 10_000;
/** Google takes up to 48 hours, in the time zone of the property. */
const LAG = 3;

/** Google Analytics 4: reports by day. A day is read anew, and replaced, until it is settled. */
export function ga4({
  property,
  auth,
  reports,
  from,
  address = "https://analyticsdata.googleapis.com/v1beta",
}: Ga4): Source {
  return httpSource({
    name: "ga4",
    api: { address, auth, pause },
    check: { path: `properties/${property}/metadata` },
    streams: reports.map((report) => stream(property, report, from)),
  });
}

function stream(property: string, { name, dimensions, metrics }: Ga4Report, from: string): HttpStream {
  const names = ["date", ...dimensions];
  return {
    name,
    key: names,
    deletes: "reported",
    read: daily({
      from,
      lag: LAG,
      pages: (day) => ({
        shape: { items: rowsOf, key: (row) => names.map((each) => row[each]) },
        question: (place) => ({
          path: `properties/${property}:runReport`,
          json: {
            dateRanges: [{ startDate: day, endDate: day }],
            dimensions: names.map((each) => ({ name: each })),
            metrics: metrics.map((each) => ({ name: each })),
            // Without an order, rows may change places between two pages.
            orderBys: names.map((each) => ({ dimension: { dimensionName: each } })),
            limit: SIZE,
            offset: offsetOf(place).offset,
            returnPropertyQuota: true,
          },
        }),
        next: byOffset(SIZE, 100),
      }),
    }),
  };
}

/** The rows of a report as objects. An empty report has no `rows` at all; all values come as text, metrics with their type. */
export function rowsOf(body: Json): Json | undefined {
  if (!isObject(body) || !Array.isArray(body["dimensionHeaders"])) return undefined;
  const dimensions = headersOf(body["dimensionHeaders"] as Json);
  const metrics = headersOf((body["metricHeaders"] ?? []) as Json);
  return listOf(body["rows"] as Json).map((row) => {
    const values = (way: string) => listOf(valueAt(row, way)).map((each) => valueAt(each, "value") ?? "");
    const dimension = values("dimensionValues").map((value, i) => [
      dimensions[i]?.name,
      dated(dimensions[i]?.name, value),
    ]);
    const metric = values("metricValues").map((value, i) => [metrics[i]?.name, numbered(metrics[i]?.type, value)]);
    return Object.fromEntries([...dimension, ...metric]) as JsonObject;
  });
}

function headersOf(headers: Json): { name: string; type: string }[] {
  return listOf(headers).map((each) => ({ name: String(valueAt(each, "name")), type: String(valueAt(each, "type")) }));
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

/** `20240101` is `2024-01-01`. */
function dated(name: string | undefined, value: Json): Json {
  return name === "date" && typeof value === "string" ? value.replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3") : value;
}

/** A whole number that a double cannot hold stays text. */
function numbered(type: string | undefined, value: Json): Json {
  const number = Number(value);
  if (value === "" || !Number.isFinite(number)) return value;
  return type === "TYPE_INTEGER" && !Number.isSafeInteger(number) ? value : number;
}

/** What is left of the property's tokens; a 0 is left out of the answer. Days are those of California. */
function pause({ status, text, now }: PausingAnswer): number | null {
  const body = bodyOf(text);
  const spent = (span: string) => {
    const quota = valueAt(body, `propertyQuota.${span}`);
    return isObject(quota) && Number(quota["remaining"] ?? 0) <= 0;
  };
  if (spent("tokensPerDay") || (status === 429 && /per day/i.test(text))) return midnightInCalifornia(now);
  if (spent("tokensPerHour") || (status === 429 && /per hour/i.test(text)))
    return (Math.floor(now / 3_600_000) + 1) * 3_600_000;
  return null;
}

function bodyOf(text: string): Json {
  if (!text.includes("propertyQuota")) return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

function midnightInCalifornia(now: number): number {
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "America/Los_Angeles", timeStyle: "medium" });
  const [hours, minutes, seconds] = clock.format(now).split(":").map(Number) as [number, number, number];
  return now - (now % 1000) + (86_400 - (hours * 3600 + minutes * 60 + seconds)) * 1000;
}
