import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Json, JsonObject } from "../../util/json.ts";
import { type Flaw, quoted, rejected, type Step } from "./step.ts";

/** A check of each record by itself: pure. */
export interface RowCheck {
  readonly kind: "row";
  readonly name: string;
  check(record: JsonObject): readonly Flaw[];
}

/** The atom names a record of a collection. Where it is not there yet, the record waits for it (I6). */
export interface RefCheck {
  readonly kind: "ref";
  readonly name: string;
  readonly atom: string;
  readonly collection: string;
}

/** No two records of the stream have the same value; the first stays, the others go to quarantine. */
export interface UniqueCheck {
  readonly kind: "unique";
  readonly name: string;
  readonly atom: string;
}

export type RecordCheck = RowCheck | RefCheck | UniqueCheck;

/**
 * A check of one's own: `true`, or a sentence that says what is wrong.
 *
 * @example check("order", (r) => String(r.from) <= String(r.to) || "from lies after to", { path: "from" })
 */
export function check(
  name: string,
  test: (record: JsonObject) => true | string,
  { path = "", level = "reject" }: { path?: string; level?: "reject" | "warn" } = {},
): RowCheck {
  return {
    kind: "row",
    name,
    check(record) {
      const answer = test(record);
      return answer === true ? [] : [{ code: name, path, message: answer, level }];
    },
  };
}

/** The atoms are there, and neither null nor empty. */
export function required(...atoms: string[]): RowCheck {
  const lacks = (value: Json | undefined) => value === undefined || value === null || value === "";
  return {
    kind: "row",
    name: `required(${atoms.join()})`,
    check: (record) =>
      atoms
        .filter((atom) => lacks(record[atom]))
        .map((atom) => rejected("required", atom, `${atom} is missing, and every record has one`)),
  };
}

/** A number, or a text such as a date, lies between bounds, both included. Null passes. */
export function range(atom: string, { min, max }: { min?: number | string; max?: number | string }): RowCheck {
  return {
    kind: "row",
    name: `range(${atom};${min ?? ""};${max ?? ""})`,
    check(record) {
      const value = record[atom];
      if (value === undefined || value === null) return [];
      const bound = min ?? max;
      if (typeof value !== typeof bound) return [rejected("range", atom, `${quoted(value)} is no ${typeof bound}`)];
      if (min !== undefined && (value as typeof min) < min)
        return [rejected("range", atom, `${quoted(value)} lies below ${min}`)];
      if (max !== undefined && (value as typeof max) > max)
        return [rejected("range", atom, `${quoted(value)} lies above ${max}`)];
      return [];
    },
  };
}

/**
 * The record waits in quarantine until its parent is there: the record of that collection whose id the atom holds.
 *
 * @example ref("customer", "customers")
 */
export function ref(atom: string, collection: string): RefCheck {
  return { kind: "ref", name: `ref(${atom};${collection})`, atom, collection };
}

/**
 * Of the records of a stream that have the same value in this atom, the first one stands; the others go to quarantine.
 *
 * @example unique("email")
 */
export function unique(atom: string): UniqueCheck {
  return { kind: "unique", name: `unique(${atom})`, atom };
}

/** The step that asks a Standard Schema, and takes what it makes of the record. */
export function schemaStep(schema: StandardSchemaV1<unknown, unknown>): Step {
  return (record) => {
    const result = schema["~standard"].validate(record);
    if (result instanceof Promise) {
      const message = "the schema answers with a promise, and only one that answers at once can be asked here";
      return { record, notes: [], flaws: [rejected("schema", "", message)] };
    }
    if (result.issues !== undefined) {
      const flaws = result.issues.map(({ message, path = [] }) => {
        const names = path.map((part) => String(typeof part === "object" ? part.key : part));
        const value = names.length === 1 ? record[names[0] as string] : undefined;
        const shown = value === undefined ? "" : ` (it holds ${quoted(value)})`;
        return rejected("schema", names.join("."), `${message}${shown}`);
      });
      return { record, notes: [], flaws };
    }
    return { record: result.value as JsonObject, notes: [], flaws: [] };
  };
}

/** The step that makes the checks of single records. */
export function checking(checks: readonly RecordCheck[]): Step {
  const rows = checks.filter((each) => each.kind === "row");
  return (record) => ({ record, notes: [], flaws: rows.flatMap((each) => each.check(record)) });
}
