/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The canonical text of a JSON value (RFC 8785): keys sorted by UTF-16 code units, no white space,
 * numbers and strings as ECMAScript writes them.
 *
 * @example canonical({ b: 1, a: "x" }) // '{"a":"x","b":1}'
 */
export function canonical(value: Json): string {
  return inOrder(value) ? JSON.stringify(value) : written(value);
}

/**
 * Whether the members stand sorted already, so that JSON.stringify, several times faster, writes the canonical text. What
 * was parsed from canonical text does, unless a nested key looks like an integer: JavaScript puts those first.
 */
function inOrder(value: Json): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(inOrder);
  const object = value as JsonObject;
  let before = "";
  for (const key in object) {
    if (key < before) return false;
    before = key;
    const member = object[key] as Json;
    if (typeof member === "object" && member !== null && !inOrder(member)) return false;
  }
  return true;
}

/** What JSON.stringify writes between quotes as it is: no quote, backslash, control character or surrogate. */
const PLAIN = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;

/** Quicker than a call of JSON.stringify for each short text. */
function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Members that are undefined are left out, as JSON.stringify does. */
function written(value: Json): string {
  if (typeof value === "string") return quoted(value);
  if (value === null || typeof value !== "object")
    return Number.isFinite(value) ? String(value) : JSON.stringify(value);
  let text = "";
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === "" ? "" : ","}${written(item)}`;
    return `[${text}]`;
  }
  for (const key of Object.keys(value).sort()) {
    const member = (value as JsonObject)[key];
    if (member !== undefined) text += `${text === "" ? "" : ","}${quoted(key)}:${written(member)}`;
  }
  return `{${text}}`;
}

/** Freezes a value with all that it holds, so that a function that is given it can only read. */
export function frozen<T extends Json>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}

export function sameJson(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  return canonical(a) === canonical(b);
}
