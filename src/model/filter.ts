import { canonical, isObject, type Json } from "../util/json.ts";
import { compareUtf8 } from "../util/utf8.ts";
import { type Flaw, nameFlaw } from "./names.ts";
import { atomOf, type RecordData } from "./record.ts";

/** A flat filter (P11): atom → value, or atom → operators that must all hold. */
export type Filter = { readonly [atom: string]: Json | Operators };

export interface Operators {
  readonly $in?: readonly Json[];
  readonly $ne?: Json;
  readonly $gt?: number | string;
  readonly $gte?: number | string;
  readonly $lt?: number | string;
  readonly $lte?: number | string;
}

type Test = (value: Json) => boolean;

const OPERATORS: { readonly [name: string]: (operand: Json) => Test } = {
  $in: (operand) => {
    const accepted = new Set((operand as readonly Json[]).map(canonical));
    return (value) => accepted.has(canonical(value));
  },
  $ne: (operand) => {
    const refused = canonical(operand);
    return (value) => canonical(value) !== refused;
  },
  $gt: (operand) => compared(operand, (order) => order > 0),
  $gte: (operand) => compared(operand, (order) => order >= 0),
  $lt: (operand) => compared(operand, (order) => order < 0),
  $lte: (operand) => compared(operand, (order) => order <= 0),
};

const ORDERS = new Set(["$gt", "$gte", "$lt", "$lte"]);

/** Holds only between two numbers or two strings, strings by UTF-8 bytes. */
function compared(operand: Json, accepts: (order: number) => boolean): Test {
  return (value) => {
    if (typeof value === "number" && typeof operand === "number") return accepts(value - operand);
    if (typeof value === "string" && typeof operand === "string") return accepts(compareUtf8(value, operand));
    return false;
  };
}

function isOperators(condition: Json): condition is { readonly [name: string]: Json } {
  return isObject(condition) && Object.keys(condition).some((name) => name.startsWith("$"));
}

/** What is wrong with a filter that came in, with its path; null where it is well formed. */
export function filterFlaw(filter: unknown): { path: string; reason: string } | null {
  if (!isObject(filter)) return { path: "", reason: "a filter is an object" };
  for (const [atom, condition] of Object.entries(filter)) {
    const name: Flaw = nameFlaw(atom);
    if (name !== null) return { path: atom, reason: name };
    if (!isOperators(condition as Json)) continue;
    for (const [operator, operand] of Object.entries(condition as object)) {
      if (!Object.hasOwn(OPERATORS, operator))
        return { path: `${atom}.${operator}`, reason: "operators are $in, $ne, $gt, $gte, $lt, $lte" };
      if (operator === "$in" && !Array.isArray(operand)) return { path: `${atom}.$in`, reason: "$in takes an array" };
      if (ORDERS.has(operator) && typeof operand !== "number" && typeof operand !== "string")
        return { path: `${atom}.${operator}`, reason: `${operator} takes a number or a string` };
    }
  }
  return null;
}

/** A filter made ready: whether a record matches, and which atoms it looks at. */
export interface Matcher {
  readonly atoms: readonly string[];
  matches(record: RecordData): boolean;
}

export function matcherOf(filter: Filter): Matcher {
  const tests = Object.entries(filter).map(([atom, condition]): [string, Test] => [atom, testOf(condition as Json)]);
  return {
    atoms: tests.map(([atom]) => atom),
    matches: (record) => tests.every(([atom, test]) => test(atomOf(record, atom))),
  };
}

function testOf(condition: Json): Test {
  if (!isOperators(condition)) {
    const wanted = canonical(condition);
    return (value) => canonical(value) === wanted;
  }
  const tests = Object.entries(condition).map(([name, operand]) =>
    (OPERATORS[name] as (operand: Json) => Test)(operand),
  );
  return (value) => tests.every((test) => test(value));
}
