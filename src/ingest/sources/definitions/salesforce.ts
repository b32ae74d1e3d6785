import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import { type PausingAnswer, type Source, SourceError } from "../../source.ts";
import { markOf } from "../../watermark.ts";
import { anchored } from "../http/anchored.ts";
import type { Answer } from "../http/ask.ts";
import type { Auth } from "../http/auth.ts";
import { instantOf, type Shape } from "../http/shape.ts";
import { type HttpStream, httpSource, type Run } from "../http/source.ts";

export interface SalesforceObject {
  /** `"Contact"`, `"Account"` … */
  readonly name: string;
  readonly fields: readonly string[];
}

export interface Salesforce {
  /** `https://….my.salesforce.com` */
  readonly instanceUrl: string;
  /** As a rule `oauth2({ tokenUrl: "https://….my.salesforce.com/services/oauth2/token", … })`. */
  readonly auth: Auth;
  readonly objects: readonly SalesforceObject[];
  /** Of the API. `"v60.0"`. */
  readonly version?: string;
}

const LAG = 300_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Only these can be merged, and only they have the field that says so. */
const MERGEABLE = ["Account", "Contact", "Lead"];

/** Salesforce: `queryAll` by `SystemModstamp`, which shows what is in the bin, too. */
export function salesforce({ instanceUrl, auth, objects, version = "v60.0" }: Salesforce): Source {
  return httpSource({
    name: "salesforce",
    api: { address: `${instanceUrl.replace(/\/$/, "")}/services/data/${version}/`, auth, pause },
    check: { path: "limits" },
    streams: objects.map(stream),
  });
}

function stream({ name, fields }: SalesforceObject): HttpStream {
  const merges = MERGEABLE.includes(name);
  const columns = [...new Set(["Id", "IsDeleted", "SystemModstamp", ...(merges ? ["MasterRecordId"] : []), ...fields])];
  const shape: Shape & Required<Pick<Shape, "at">> = {
    items: "records",
    key: (item) => [item["Id"]],
    at: (item) => item["SystemModstamp"],
    value: withoutAttributes,
    deleted: (item) => item["IsDeleted"] === true,
  };
  const query = (where: string, order: string) => ({
    path: "queryAll",
    query: { q: `SELECT ${columns.join(", ")} FROM ${name}${where} ORDER BY ${order}` },
  });
  const changes = anchored({
    shape,
    lag: LAG,
    // The next page is asked for by time, not at `nextRecordsUrl`, which is good for two days and not for the next run.
    more: ({ body }: Answer) => isObject(body) && body["done"] === false,
    question: ({ from }) =>
      query(from === null ? "" : ` WHERE SystemModstamp >= ${literal(from)}`, "SystemModstamp ASC, Id ASC"),
    tied: (at, after) =>
      query(` WHERE SystemModstamp = ${literal(at)}${after === null ? "" : ` AND Id > '${after[0]}'`}`, "Id ASC"),
  });
  return {
    name,
    key: ["Id"],
    deletes: "reported",
    async *read(run) {
      await checkDeleteLog(name, run);
      yield* changes(run);
    },
  };
}

/** What was purged from the bin is shown by nobody: whoever was away for longer needs a complete pass. */
async function checkDeleteLog(name: string, { cursor, window, ask, now }: Run): Promise<void> {
  if (!isObject(cursor) || window !== undefined) return;
  const { mark, pass } = cursor as { mark?: Json; pass?: Json };
  const at = markOf(mark)?.v;
  if (typeof at !== "number" || pass === true) return;
  const query = { start: literal(now() - DAY), end: literal(now()) };
  const { body, position } = await ask({ path: `sobjects/${name}/deleted`, query });
  const earliest = instantOf(isObject(body) ? (body as JsonObject)["earliestDateAvailable"] : undefined);
  if (earliest !== null && at < earliest)
    throw new SourceError(
      "position",
      `${position}: deletions are known since ${literal(earliest)} only, and the last run had come to ${literal(at)}; a complete pass is needed`,
    );
}

/** A time as SOQL writes it. */
function literal(at: number): string {
  return new Date(at).toISOString();
}

/** The record without what the API adds to it, at any depth. */
function withoutAttributes(item: JsonObject): JsonObject {
  const members = Object.entries(item).filter(([name]) => name !== "attributes");
  return Object.fromEntries(
    members.map(([name, value]) => [name, isObject(value) ? withoutAttributes(value as JsonObject) : value]),
  );
}

/** Requests are counted over 24 hours that slide: after one more of them, some are free again. */
function pause({ status, headers, text, now }: PausingAnswer): number | null {
  if (status === 403 && text.includes("REQUEST_LIMIT_EXCEEDED")) return now + HOUR;
  const [, used, most] = /api-usage=(\d+)\/(\d+)/.exec(headers.get("sforce-limit-info") ?? "") ?? [];
  return used !== undefined && Number(used) >= Number(most) ? now + HOUR : null;
}
