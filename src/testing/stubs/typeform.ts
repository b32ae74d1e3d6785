import type { Json } from "../../util/json.ts";
import { json, Stub } from "./stub.ts";

export interface TypeformResponse {
  readonly id: string;
  /** Unix milliseconds; responses show whole seconds. */
  readonly submitted: number;
  readonly answers: readonly Json[];
}

export interface TypeformStub extends Stub {
  /** Responses by form. */
  readonly forms: Map<string, TypeformResponse[]>;
}

/** Typeform's responses: `since` and `until` inclusive, tokens before and after, at most 1,000 a page. */
export function typeformStub({ token }: { token: string }): TypeformStub {
  const forms = new Map<string, TypeformResponse[]>();
  const base = new Stub(({ path, query, headers }) => {
    if (headers.get("authorization")?.toLowerCase() !== `bearer ${token}`)
      return json(
        { code: "AUTHENTICATION_FAILED", description: "Authentication credentials not found on the Request Headers" },
        403,
      );
    if (path === "/me") return json({ alias: "Ann", email: "ann@example.org", language: "en" });
    const responses = forms.get(/^\/forms\/([^/]+)\/responses$/.exec(path)?.[1] ?? "");
    if (responses === undefined) return json({ code: "FORM_NOT_FOUND", description: "form not found" }, 404);
    const size = Number(query.get("page_size") ?? 25);
    if (size > 1000) return json({ code: "VALIDATION_ERROR", description: "page_size" }, 400);
    const since = Date.parse(query.get("since") ?? "1970-01-01T00:00:00Z");
    const until = Date.parse(query.get("until") ?? "9999-01-01T00:00:00Z");
    const sorted = [...responses].sort((a, b) => a.submitted - b.submitted || (a.id < b.id ? -1 : 1));
    const second = ({ submitted }: TypeformResponse) => submitted - (submitted % 1000);
    let found = sorted.filter((response) => second(response) >= since && second(response) <= until);
    const { after, before } = { after: query.get("after"), before: query.get("before") };
    if ((after !== null || before !== null) && query.has("sort"))
      return json({ code: "VALIDATION_ERROR", description: "sort cannot be used with before or after" }, 400);
    if (after !== null) found = found.slice(found.findIndex(({ id }) => id === after) + 1);
    else if (query.get("sort") !== "submitted_at,asc") found.reverse();
    if (before !== null) found = found.slice(found.findIndex(({ id }) => id === before) + 1);
    return json({
      total_items: found.length,
      page_count: Math.ceil(found.length / size),
      items: found.slice(0, size).map(shown),
    });
  });
  return Object.assign(base, { forms });
}

function shown({ id, submitted, answers }: TypeformResponse): Json {
  const at = `${new Date(submitted).toISOString().slice(0, 19)}Z`;
  return {
    landing_id: id,
    token: id,
    response_id: id,
    landed_at: at,
    submitted_at: at,
    metadata: { user_agent: "Mozilla/5.0", platform: "other", referer: "https://example.org/", network_id: "n1" },
    hidden: {},
    calculated: { score: 0 },
    answers,
  };
}
