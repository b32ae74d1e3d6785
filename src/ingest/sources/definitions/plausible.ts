import type { Json, JsonObject } from "../../../util/json.ts";
import type { Source } from "../../source.ts";
import { bearer } from "../http/auth.ts";
import { daily } from "../http/daily.ts";
import { byOffset, offsetOf } from "../http/paged.ts";
import { type HttpStream, httpSource } from "../http/source.ts";

export interface PlausibleReport {
  readonly name: string;
  /** `"visit:source"` …; the day is always there. */
  readonly dimensions: readonly string[];
  readonly metrics: readonly string[];
}

export interface Plausible {
  readonly token: string;
  readonly site: string;
  readonly reports: readonly PlausibleReport[];
  /** The first day, `2024-01-01`. */
  readonly from: string;
  readonly address?: string;
}

const SIZE = 1000;
/** Today changes, and yesterday may end later in the time zone of the site. */
const LAG = 2;

/** Plausible: figures by day, which replace what was held of the day. 600 requests an hour. */
export function plausible({ token, site, reports, from, address = "https://plausible.io" }: Plausible): Source {
  return httpSource({
    name: "plausible",
    api: { address, auth: bearer(token), limits: [{ requests: 600, per: 3_600_000 }] },
    check: { path: "api/v2/query", json: { site_id: site, metrics: ["visitors"], date_range: "day" } },
    streams: reports.map((report) => stream(site, report, from)),
  });
}

function stream(site: string, { name, dimensions, metrics }: PlausibleReport, from: string): HttpStream {
  return {
    name,
    key: ["day", ...dimensions.map(plain)],
    deletes: "reported",
    read: daily({
      from,
      lag: LAG,
      pages: (day) => ({
        shape: {
          items: "results",
          key: (row) => [day, ...listOf(row["dimensions"])],
          value: (row): JsonObject => ({
            day,
            ...named(dimensions, listOf(row["dimensions"])),
            ...named(metrics, listOf(row["metrics"])),
          }),
        },
        question: (place) => ({
          path: "api/v2/query",
          json: {
            site_id: site,
            metrics,
            dimensions,
            date_range: [day, day],
            order_by: dimensions.map((dimension) => [dimension, "asc"]),
            include: { total_rows: true },
            pagination: { limit: SIZE, offset: offsetOf(place).offset },
          },
        }),
        next: byOffset(SIZE, 10),
      }),
    }),
  };
}

/** Names of records know no colon: `visit:source` is `visit_source`. */
function plain(name: string): string {
  return name.replaceAll(":", "_");
}

function named(names: readonly string[], values: readonly Json[]): JsonObject {
  return Object.fromEntries(names.map((name, index) => [plain(name), values[index] ?? null]));
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}
