import { canonical, type Json } from "../util/json.ts";

/** What a column holds. */
export type Type = "boolean" | "bigint" | "double" | "text" | "json";

/** A value as a database takes it: JSON as its canonical text. */
export type Stored = null | boolean | number | string;

/** The narrowest type of a value; null: it says nothing. */
export function typeOf(value: Json): Type | null {
  if (value === null) return null;
  switch (typeof value) {
    case "boolean":
      return "boolean";
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? "bigint" : "double";
    case "string":
      return "text";
    default:
      return "json";
  }
}

const NUMBERS: readonly Type[] = ["bigint", "double"];

/**
 * The narrowest type that holds the values of both without loss, along bigint → double → text and boolean → text; null:
 * there is none. A column of JSON takes every value. `whole`: the table is being built anew, so that any mixture becomes JSON.
 */
export function joined(a: Type, b: Type, whole: boolean): Type | null {
  if (a === b || a === "json") return a;
  if (b === "json") return whole ? "json" : null;
  return NUMBERS.includes(a) && NUMBERS.includes(b) ? "double" : "text";
}

/** A value in a column of a type that holds it. */
export function stored(value: Json, type: Type): Stored {
  if (value === null) return null;
  if (type === "json") return canonical(value);
  if (type === "text") return typeof value === "string" ? value : canonical(value);
  return value as boolean | number;
}
