import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import type { Page, PausingAnswer, Source, SourceChange } from "../../source.ts";
import { anchored } from "../http/anchored.ts";
import type { Question } from "../http/ask.ts";
import { bearer } from "../http/auth.ts";
import { byToken, type Paged, pagesOf } from "../http/paged.ts";
import { instantOf, type Shape } from "../http/shape.ts";
import { type HttpStream, httpSource, type Run } from "../http/source.ts";

export interface HubSpotObject {
  /** `"contacts"`, `"companies"`, `"deals"` … */
  readonly name: string;
  readonly properties: readonly string[];
  /** The property with the time of the last change; contacts have another than all else. */
  readonly modified?: string;
}

export interface HubSpot {
  /** The token of a private app. */
  readonly token: string;
  readonly objects: readonly HubSpotObject[];
  readonly address?: string;
}

const SIZE = 100;
/** Search shows a change late, by a minute as a rule. */
const LAG = 300_000;

/** HubSpot: a complete pass by its list, what has changed by its search, what was archived by the list of that. */
export function hubspot({ token, objects, address = "https://api.hubapi.com" }: HubSpot): Source {
  return httpSource({
    name: "hubspot",
    api: { address, auth: bearer(token), pause, limits: [{ requests: 5, per: 1000 }] },
    check: { path: `crm/v3/objects/${objects[0]?.name ?? "contacts"}`, query: { limit: 1 } },
    streams: objects.map(stream),
  });
}

/** A run goes through the list where it is a pass, else through what has changed, and then through what was archived. */
interface State {
  /** Where the list stands, in a pass. */
  readonly list?: Json;
  /** When the pass began, unix milliseconds. */
  readonly began?: number;
  /** Where the search stands, after the first pass. */
  readonly changes?: Json;
  /** Archivings before that time are known, unix milliseconds. */
  readonly archived?: number;
}

function stream(object: HubSpotObject): HttpStream {
  const path = `crm/v3/objects/${object.name}`;
  const modified = object.modified ?? (object.name === "contacts" ? "lastmodifieddate" : "hs_lastmodifieddate");
  const properties = [...new Set([...object.properties, modified])];
  const shape: Shape & Required<Pick<Shape, "at">> = {
    items: "results",
    key: (item) => [item["id"]],
    at: (item) => propertiesOf(item)[modified] ?? item["updatedAt"],
    value: (item) => ({ id: item["id"] ?? null, ...propertiesOf(item), createdAt: item["createdAt"] ?? null }),
  };

  const list = (archived: boolean): Paged => ({
    shape: archived ? { ...shape, at: (item) => item["archivedAt"], deleted: () => true } : shape,
    question: (after) => ({
      path,
      query: {
        limit: SIZE,
        archived,
        properties: properties.join(","),
        ...(after !== null && { after: String(after) }),
      },
    }),
    next: byToken("paging.next.after"),
  });

  const search = (filters: Json, sort: string, after?: number): Question => ({
    path: `${path}/search`,
    json: {
      filterGroups: [{ filters }],
      sorts: [sort],
      properties,
      limit: SIZE,
      ...(after !== undefined && { after: String(after) }),
    },
  });
  const changes = anchored({
    shape,
    more: SIZE,
    lag: LAG,
    question: ({ from, page }) =>
      search(
        [{ propertyName: modified, operator: "GTE", value: String(from ?? 0) }],
        modified,
        page === 0 ? undefined : page * SIZE,
      ),
    // Search ends at 10,000 records; an import gives as many the same time. Ids carry on where times do not.
    tied: (at, after) =>
      search(
        [
          { propertyName: modified, operator: "EQ", value: String(at) },
          ...(after === null ? [] : [{ propertyName: "hs_object_id", operator: "GT", value: String(after[0]) }]),
        ],
        "hs_object_id",
      ),
  });

  async function* read(run: Run): AsyncGenerator<Page> {
    if (run.window !== undefined) return yield* changes(run);
    const state: State = isObject(run.cursor) ? (run.cursor as State) : { list: null };
    const began = state.began ?? run.now();
    const pass = state.list !== undefined;
    if (pass) {
      for await (const { items, place } of pagesOf(run, list(false), state.list ?? null))
        yield { changes: items.map(({ change }) => change), cursor: { list: place ?? state.list ?? null, began } };
    }
    let mark: Json = state.changes ?? { mark: { v: began - LAG, seen: {} } };
    if (!pass) {
      for await (const page of changes({ ...run, cursor: mark })) {
        mark = page.cursor;
        yield { changes: page.changes, cursor: { changes: mark, archived: state.archived ?? 0 } };
      }
    }
    const since = state.archived ?? began - LAG;
    for await (const { items, place } of pagesOf(run, list(true), null)) {
      const gone = items.filter(({ at }) => at === null || at >= since).map(({ change }): SourceChange => change);
      if (place !== null)
        yield { changes: gone, cursor: pass ? { list: null, began } : { changes: mark, archived: since } };
      else
        yield {
          changes: gone,
          cursor: { changes: mark, archived: began - LAG },
          last: pass ? "complete" : "caught-up",
        };
    }
  }

  return { name: object.name, key: ["id"], deletes: "reported", read };
}

function propertiesOf(item: JsonObject): JsonObject {
  const properties = item["properties"];
  return isObject(properties) ? (properties as JsonObject) : {};
}

/** HubSpot says in the body which of its limits was reached. */
function pause({ status, text, now }: PausingAnswer): number | null {
  if (status !== 429) return null;
  if (text.includes("TEN_SECONDLY_ROLLING")) return now + 10_000;
  if (/secondly/i.test(text)) return now + 1000;
  // The day of the account's time zone, which is not told: at midnight UTC it is tried again, and then once an hour.
  if (/"DAILY"|daily limit/i.test(text))
    return Math.min(
      instantOf(`${new Date(now + 86_400_000).toISOString().slice(0, 10)}T00:00:00Z`) ?? now,
      now + 3_600_000,
    );
  return null;
}
