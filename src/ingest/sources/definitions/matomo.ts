import { isObject, type JsonObject } from "../../../util/json.ts";
import type { Source } from "../../source.ts";
import { anchored } from "../http/anchored.ts";
import type { Answer, Failure } from "../http/ask.ts";
import { key } from "../http/auth.ts";
import { DAY, dayOf } from "../http/daily.ts";
import { httpSource } from "../http/source.ts";

export interface Matomo {
  /** Where Matomo is, `https://stats.example/`. */
  readonly address: string;
  /** Its `token_auth`. It goes in the body: addresses stand in logs. */
  readonly token: string;
  readonly site: string;
  /** The first day, `2024-01-01`. */
  readonly from: string;
}

const SIZE = 100;
/** Trackers send late, and queues write later. */
const LAG = 3_600_000;

/** Matomo: visits, by the time of their last action. A visit that goes on comes again, with more actions. */
export function matomo({ address, token, site, from: first }: Matomo): Source {
  const api = { module: "API", format: "JSON", idSite: site };
  return httpSource({
    name: "matomo",
    api: { address, auth: key("token_auth", token), failure },
    check: { path: "index.php", form: { ...api, method: "SitesManager.getSiteFromId" } },
    streams: [
      {
        name: "visits",
        key: ["idVisit"],
        // Old visits are purged by Matomo itself, and are no deletions; of those of single people it does not tell.
        deletes: "unknown",
        read: (run) =>
          anchored({
            shape: {
              items: "",
              key: (visit) => [visit["idVisit"]],
              at: (visit) => Number(visit["lastActionTimestamp"]) * 1000,
            },
            more: SIZE,
            lag: LAG,
            question: ({ from, page }) => {
              const since = from ?? Date.parse(first);
              return {
                path: "index.php",
                form: {
                  ...api,
                  method: "Live.getLastVisitsDetails",
                  period: "range",
                  // Days are those of the site's time zone: one more at each end.
                  date: `${dayOf(since - DAY)},${dayOf(run.now() + DAY)}`,
                  // Later than, not from: so it is a second less.
                  minTimestamp: String(Math.floor(since / 1000) - 1),
                  filter_sort_order: "asc",
                  filter_limit: String(SIZE),
                  filter_offset: String(page * SIZE),
                },
              };
            },
          })(run),
      },
    ],
  });
}

/** Matomo says what is wrong with status 200. */
function failure({ body }: Answer): Failure | null {
  if (!isObject(body) || (body as JsonObject)["result"] !== "error") return null;
  const message = String((body as JsonObject)["message"]);
  const denied = /access|token|authenticat|permission/i.test(message);
  return { code: denied ? "denied" : "protocol", message: `Matomo says: ${message.slice(0, 200)}` };
}
