import { isObject, type Json, type JsonObject } from "../../../util/json.ts";
import type { Source } from "../../source.ts";
import { anchored } from "../http/anchored.ts";
import { bearer } from "../http/auth.ts";
import { each } from "../http/each.ts";
import { httpSource, type Reader } from "../http/source.ts";

export interface Typeform {
  /** A personal access token. */
  readonly token: string;
  readonly forms: readonly string[];
  /** Accounts in the EU have `https://api.eu.typeform.com`. */
  readonly address?: string;
}

const SIZE = 1000;
/** The newest responses may be missing for half an hour. */
const LAG = 1_800_000;

/** Typeform: the responses of forms. `since` is inclusive; an id is of one response of one form only. */
export function typeform({ token, forms, address = "https://api.typeform.com" }: Typeform): Source {
  return httpSource({
    name: "typeform",
    api: { address, auth: bearer(token), limits: [{ requests: 2, per: 1000 }] },
    check: { path: "me" },
    streams: [
      { name: "responses", key: ["form", "response_id"], deletes: "by-complete-pass", read: each(forms, responses) },
    ],
  });
}

function responses(form: string): Reader {
  return anchored({
    shape: {
      items: "items",
      key: (item) => [form, item["response_id"] ?? item["token"]],
      at: (item) => item["submitted_at"],
      value: (item) => ({
        form,
        ...item,
        response_id: item["response_id"] ?? item["token"] ?? null,
        answers: answersOf(item),
      }),
    },
    more: SIZE,
    lag: LAG,
    question: ({ from, after }) => ({
      path: `forms/${encodeURIComponent(form)}/responses`,
      // A token cannot be combined with an order: what follows it comes in the order of submission.
      query:
        after === null
          ? { page_size: SIZE, sort: "submitted_at,asc", ...(from !== null && { since: secondOf(from) }) }
          : { page_size: SIZE, after: String(after[1]) },
    }),
  });
}

/** `2024-01-01T00:00:00Z`: whole seconds, rounded down. */
function secondOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** Answers by the reference of their field; what was answered stands under the name of its type. */
export function answersOf(item: JsonObject): JsonObject {
  const answers = Array.isArray(item["answers"]) ? (item["answers"] as Json[]) : [];
  const named: Record<string, Json> = Object.create(null);
  for (const answer of answers) {
    if (!isObject(answer) || !isObject(answer["field"])) continue;
    const { ref, id } = answer["field"] as { ref?: Json; id?: Json };
    named[String(ref ?? id)] = valueOf(answer as JsonObject);
  }
  return { ...named };
}

function valueOf(answer: JsonObject): Json {
  const value = answer[String(answer["type"])] ?? null;
  if (!isObject(value)) return value;
  const { label, labels, other } = value as { label?: Json; labels?: Json; other?: Json };
  if (answer["type"] === "choice") return label ?? other ?? value;
  if (answer["type"] === "choices")
    return [...(Array.isArray(labels) ? (labels as Json[]) : []), ...(other === undefined ? [] : [other])];
  return value;
}
