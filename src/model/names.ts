import { isObject, type Json } from "../util/json.ts";
import { utf8Length } from "../util/utf8.ts";

/** What a name or value does not obey, as a sentence; null where it does. Rule M7. */
export type Flaw = string | null;

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const SCOPE = /^[A-Za-z0-9_./:@-]{1,256}$/;
const SPACE = /^[a-z0-9][a-z0-9-]{0,62}$/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const PROTOTYPE = new Set(["__proto__", "constructor", "prototype"]);

/** The scope that is the whole space. */
export const ALL = "*";

export function idFlaw(id: unknown): Flaw {
  if (typeof id !== "string") return "an id is a string";
  if (id === "" || utf8Length(id) > 256) return "an id has 1 to 256 bytes of UTF-8";
  if (CONTROL.test(id)) return "an id holds no control characters";
  if (!id.isWellFormed()) return "an id holds no lone surrogates";
  return null;
}

/** For names of collections and of atoms. */
export function nameFlaw(name: string): Flaw {
  if (PROTOTYPE.has(name)) return `the name ${name} is reserved`;
  if (!NAME.test(name)) return "a name matches [A-Za-z_][A-Za-z0-9_]{0,63}";
  return null;
}

export function scopeFlaw(scope: unknown): Flaw {
  if (scope === ALL) return null;
  if (typeof scope !== "string" || !SCOPE.test(scope))
    return "a scope has 1 to 256 of [A-Za-z0-9_./:@-], or is the lone *";
  return PROTOTYPE.has(scope) ? `the name ${scope} is reserved` : null;
}

/** What a subscription may name: a scope, or a pattern, the beginning of some with a trailing `*` (P14). */
export function subscribedFlaw(scope: unknown): Flaw {
  const prefix = typeof scope === "string" ? prefixOf(scope) : null;
  if (prefix === null) return scopeFlaw(scope);
  return SCOPE.test(prefix) && prefix.length < 256 ? null : "a pattern is the beginning of a scope and a trailing *";
}

/** The beginning that a pattern asks for; null for a scope, and for the lone `*`, which is one. */
export function prefixOf(scope: string): string | null {
  return scope !== ALL && scope.endsWith("*") ? scope.slice(0, -1) : null;
}

export function spaceFlaw(space: string): Flaw {
  return SPACE.test(space) ? null : "a space matches [a-z0-9][a-z0-9-]{0,62}";
}

/** Client ids and principals share the rule of ids. */
export const clientFlaw = idFlaw;

export interface ValueLimits {
  /** Greatest nesting of arrays and objects; an atom's scalar has depth 0. */
  depth: number;
}

/** Whether a parsed value is I-JSON (RFC 7493) within the limits: the path and the reason of the first flaw. */
export function valueFlaw(
  value: unknown,
  limits: ValueLimits,
  path = "",
  depth = 0,
): { path: string; reason: string } | null {
  if (value === null || typeof value === "boolean") return null;
  if (typeof value === "number") return Number.isFinite(value) ? null : { path, reason: "a number is finite" };
  if (typeof value === "string")
    return value.isWellFormed() ? null : { path, reason: "a string holds no lone surrogates" };
  if (depth >= limits.depth) return { path, reason: `JSON nests at most ${limits.depth} deep` };
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const flaw = valueFlaw(value[i], limits, `${path}[${i}]`, depth + 1);
      if (flaw) return flaw;
    }
    return null;
  }
  if (!isObject(value)) return { path, reason: "a value is JSON" };
  for (const key of Object.keys(value)) {
    if (PROTOTYPE.has(key)) return { path: `${path}.${key}`, reason: `the key ${key} is reserved` };
    if (!key.isWellFormed()) return { path, reason: "a key holds no lone surrogates" };
    const flaw = valueFlaw(value[key] as Json, limits, `${path}.${key}`, depth + 1);
    if (flaw) return flaw;
  }
  return null;
}
