import type { Json } from "../../util/json.ts";
import { json, Stub } from "./stub.ts";

export interface SurveyResponse {
  readonly id: string;
  /** Unix milliseconds; responses show whole seconds. */
  readonly modified: number;
  readonly pages: Json;
}

export interface SurveyMonkeyStub extends Stub {
  readonly surveys: Map<string, SurveyResponse[]>;
  /** What is left of the day, and in how many seconds it begins anew. */
  readonly state: { remaining: number; reset: number };
}

/** SurveyMonkey's responses in bulk, with pages by number and a budget for the day. */
export function surveymonkeyStub({ token, address }: { token: string; address: string }): SurveyMonkeyStub {
  const surveys = new Map<string, SurveyResponse[]>();
  const state = { remaining: 500, reset: 3600 };
  const base = new Stub(({ path, query, headers }) => {
    if (headers.get("authorization") !== `Bearer ${token}`)
      return json({ error: { id: "1011", name: "Authorization Error", http_status_code: 401 } }, 401);
    if (state.remaining <= 0) return json({ error: { id: "1040", name: "Rate limit reached" } }, 429, quota());
    state.remaining--;
    if (path === "/v3/users/me") return json({ id: "1", username: "ann" }, 200, quota());
    const id = /^\/v3\/surveys\/([^/]+)\/responses\/bulk$/.exec(path)?.[1] ?? "";
    const responses = surveys.get(id);
    if (responses === undefined) return json({ error: { id: "1020", name: "Resource Not Found" } }, 404, quota());
    const [size, page] = [Number(query.get("per_page") ?? 50), Number(query.get("page") ?? 1)];
    const since = Date.parse(`${query.get("start_modified_at") ?? "1970-01-01T00:00:00"}Z`);
    // Later than that second, not from it: the stricter of the two ways that it may be read.
    const found = responses
      .filter(({ modified }) => Math.floor(modified / 1000) * 1000 > since)
      .sort((a, b) => a.modified - b.modified);
    const link = (number: number) => {
      const next = new URLSearchParams(query);
      next.set("page", String(number));
      return `${address}/v3/surveys/${id}/responses/bulk?${next}`;
    };
    const body = {
      data: found.slice((page - 1) * size, page * size).map((response) => shown(id, response)),
      per_page: size,
      page,
      total: found.length,
      links: { self: link(page), ...(page * size < found.length && { next: link(page + 1) }) },
    };
    return json(body, 200, quota());
  });

  function quota(): Record<string, string> {
    return {
      "X-Ratelimit-App-Global-Minute-Limit": "120",
      "X-Ratelimit-App-Global-Minute-Remaining": "100",
      "X-Ratelimit-App-Global-Minute-Reset": "30",
      "X-Ratelimit-App-Global-Day-Limit": "500",
      "X-Ratelimit-App-Global-Day-Remaining": String(state.remaining),
      "X-Ratelimit-App-Global-Day-Reset": String(state.reset),
    };
  }
  return Object.assign(base, { surveys, state });
}

function shown(survey: string, { id, modified, pages }: SurveyResponse): Json {
  const at = `${new Date(modified).toISOString().slice(0, 19)}+00:00`;
  return { id, survey_id: survey, response_status: "completed", date_created: at, date_modified: at, pages };
}
