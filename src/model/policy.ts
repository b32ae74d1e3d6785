import { canonical, frozen, isObject, type Json } from "../util/json.ts";
import type { Add, Amend, RejectedCode } from "./mutation.ts";
import { valueFlaw } from "./names.ts";
import type { Policy } from "./schema.ts";

/** Why a value cannot come about; the text names no record content. */
export interface Refused {
  readonly code: RejectedCode;
  readonly reason: string;
}

/** `over`: it needs no agreement with what others wrote, so it is never superseded for that. */
export type Merged =
  | { readonly value: Json; readonly over: boolean; readonly operator?: Add | Amend }
  | { readonly refused: Refused };

/** An atom's value that is exactly `{"$add": number}`. */
export function isAdd(value: Json): value is { readonly $add: number } {
  return isObject(value) && typeof value.$add === "number" && Object.keys(value).length === 1;
}

/** An atom's value that holds `$insert` and `$remove`, both arrays, at least one of them, and nothing else. */
export function isAmend(
  value: Json,
): value is { readonly $insert?: readonly Json[]; readonly $remove?: readonly Json[] } {
  if (!isObject(value)) return false;
  const names = Object.keys(value);
  return (
    names.length > 0 && names.every((name) => (name === "$insert" || name === "$remove") && Array.isArray(value[name]))
  );
}

/**
 * What an atom becomes where `sent` meets `current` under a policy (W5). A plain value on an atom of "sum" or "set"
 * follows the rule of "server".
 * - `from`: what the writer saw, for a function.
 */
export function merged(policy: Policy, current: Json, sent: Json, from: Json, depth: number): Merged {
  if (isAdd(sent)) return policy === "sum" ? added(current, sent) : { refused: misfit("$add", "sum") };
  if (isAmend(sent))
    return policy === "set" ? amended(current, sent) : { refused: misfit("$insert and $remove", "set") };
  if (typeof policy === "function") return called(policy, current, sent, from, depth);
  return { value: sent, over: policy === "client" };
}

function misfit(operator: string, policy: string): Refused {
  return { code: "operator", reason: `${operator} needs an atom whose policy is "${policy}"` };
}

function added(current: Json, operator: Add): Merged {
  if (current !== null && typeof current !== "number")
    return { refused: { code: "operator", reason: "$add needs a number to add to" } };
  const value = (current ?? 0) + operator.$add;
  if (!Number.isFinite(value)) return { refused: { code: "not-finite", reason: "the sum is not finite" } };
  return { value, over: true, operator };
}

/** Removes first, then inserts what is not there yet, at the end. */
function amended(current: Json, operator: Amend): Merged {
  if (current !== null && !Array.isArray(current))
    return { refused: { code: "operator", reason: "$insert and $remove need a list" } };
  const removed = new Set((operator.$remove ?? []).map(canonical));
  const value = ((current ?? []) as readonly Json[]).filter((item) => !removed.has(canonical(item)));
  const held = new Set(value.map(canonical));
  for (const item of operator.$insert ?? []) {
    const text = canonical(item);
    if (!held.has(text)) value.push(item);
    held.add(text);
  }
  return { value, over: true, operator };
}

function called(policy: Exclude<Policy, string>, current: Json, sent: Json, from: Json, depth: number): Merged {
  let value: Json;
  try {
    value = policy(frozen(from), frozen(current), frozen(sent)) ?? null;
  } catch {
    return { refused: { code: "threw", reason: "the policy of this atom threw" } };
  }
  const flaw = valueFlaw(value, { depth });
  if (flaw === null) return { value, over: true };
  const finite = typeof value !== "number";
  return {
    refused: {
      code: finite ? "invalid-record" : "not-finite",
      reason: `the policy of this atom gave no JSON value: ${flaw.reason}`,
    },
  };
}

/** One operator that does what two do after each other; null where no finite number does. */
export function composed(first: Add | Amend, then: Add | Amend): Add | Amend | null {
  if ("$add" in first && "$add" in then) {
    const sum = first.$add + then.$add;
    return Number.isFinite(sum) ? { $add: sum } : null;
  }
  const one = first as Amend;
  const two = then as Amend;
  const gone = new Set((two.$remove ?? []).map(canonical));
  const insert = [...(one.$insert ?? []).filter((item) => !gone.has(canonical(item))), ...(two.$insert ?? [])];
  return { $insert: unique(insert), $remove: unique([...(one.$remove ?? []), ...(two.$remove ?? [])]) };
}

function unique(items: readonly Json[]): Json[] {
  return [...new Map(items.map((item) => [canonical(item), item])).values()];
}
