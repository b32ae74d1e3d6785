import { isObject, type JsonObject } from "../../../util/json.ts";
import type { PausingAnswer, Source } from "../../source.ts";
import { anchored } from "../http/anchored.ts";
import type { Answer } from "../http/ask.ts";
import { bearer } from "../http/auth.ts";
import { each } from "../http/each.ts";
import { valueAt } from "../http/shape.ts";
import { httpSource, type Reader } from "../http/source.ts";

export interface SurveyMonkey {
  readonly token: string;
  readonly surveys: readonly string[];
  /** Accounts in the EU have `https://api.eu.surveymonkey.com/v3`. */
  readonly address?: string;
}

const SIZE = 100;
const LAG = 300_000;

/** SurveyMonkey: the responses of surveys, with a cursor for each. Private apps may ask 120 times a minute and 500 times a day. */
export function surveymonkey({ token, surveys, address = "https://api.surveymonkey.com/v3" }: SurveyMonkey): Source {
  return httpSource({
    name: "surveymonkey",
    api: { address, auth: bearer(token), pause, limits: [{ requests: 120, per: 60_000 }] },
    check: { path: "users/me" },
    streams: [
      { name: "responses", key: ["survey_id", "id"], deletes: "by-complete-pass", read: each(surveys, responses) },
    ],
  });
}

function responses(survey: string): Reader {
  return anchored({
    shape: {
      items: "data",
      key: (item) => [survey, item["id"]],
      at: (item) => item["date_modified"],
      value: (item): JsonObject => ({ ...item, survey_id: survey }),
    },
    more: ({ body }: Answer) => isObject(body) && typeof valueAt(body as JsonObject, "links.next") === "string",
    lag: LAG,
    question: ({ from, page }) => ({
      path: `surveys/${encodeURIComponent(survey)}/responses/bulk`,
      query: {
        sort_by: "date_modified",
        sort_order: "ASC",
        per_page: SIZE,
        page: page + 1,
        // Whether that second itself is included is not said: it is asked for from the one before.
        ...(from !== null && { start_modified_at: new Date(from - 1000).toISOString().slice(0, 19) }),
      },
    }),
  });
}

/** Each answer says how much is left of the minute and of the day, and in how many seconds they begin anew. */
function pause({ headers, now }: PausingAnswer): number | null {
  const until = (span: string): number => {
    const remaining = headers.get(`x-ratelimit-app-global-${span}-remaining`);
    const reset = Number(headers.get(`x-ratelimit-app-global-${span}-reset`) ?? Number.NaN);
    return remaining !== null && Number(remaining) <= 0 && Number.isFinite(reset) ? now + reset * 1000 : 0;
  };
  return Math.max(until("minute"), until("day")) || null;
}
