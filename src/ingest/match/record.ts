import type { Json, JsonObject } from "../../util/json.ts";
import type { MatchRules } from "./declaration.ts";
import { fingerprint } from "./fingerprint.ts";
import { KINDS, type Kind } from "./kinds.ts";

/** What makes a source record one of its kind in all the world: source, stream and key, as the crosswalk names it. */
export type MemberKey = string;

/** A record as one source tells it. It is kept, whatever it is merged into. */
export interface SourceRecord {
  readonly key: MemberKey;
  readonly source: string;
  /** When the source last changed it, ISO 8601; null: it does not say. */
  readonly at: string | null;
  readonly value: JsonObject;
}

/** A source record as it is compared: the values of `rules.fields` in their order, null where there is none. */
export interface Prepared extends SourceRecord {
  readonly compared: readonly (string | null)[];
  /** Records that have one of these in common are the same thing. */
  readonly exact: readonly string[];
}

/** A source record with what is compared of it, made comparable once. */
export function prepare(record: SourceRecord, rules: MatchRules): Prepared {
  const compared = rules.fields.map(({ name, kind }) => {
    const value = valueOf(record.value, name);
    return value === null ? null : KINDS[kind].prepare(value);
  });
  const exact = rules.exact.flatMap((key) => {
    const values = key.map((name) => exactValue(record.value, name, rules));
    return values.includes(null) ? [] : [`${key.join("+")}=${values.join(" ")}`];
  });
  return { ...record, compared, exact };
}

/** Kinds whose words may stand in any order. */
const WORDS: ReadonlySet<Kind> = new Set(["name", "text", "street", "place"]);

/** Keys are equal as their kind says, where the field is compared, too: `LX-123 ` and `lx123` are one. */
function exactValue(value: JsonObject, name: string, { fields }: MatchRules): string | null {
  const found = valueOf(value, name);
  if (found === null) return null;
  const field = fields.find((each) => each.name === name);
  if (field !== undefined) {
    const prepared = KINDS[field.kind].prepare(found);
    return prepared === null || !WORDS.has(field.kind) ? prepared : fingerprint(prepared);
  }
  const text = typeof found === "string" ? found.trim() : JSON.stringify(found);
  return text === "" ? null : text;
}

function valueOf(value: JsonObject, name: string): Json {
  return Object.hasOwn(value, name) ? (value[name] ?? null) : null;
}
