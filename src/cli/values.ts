import { ageOf } from "../server/age.ts";
import type { Json } from "../util/json.ts";
import { misuse } from "./failure.ts";

/** Milliseconds of an age such as `90d`, `12h`, `30m`, `45s`, `2w` or `forever`; `0s` is everything. */
export function parseAge(text: string, option: string): number {
  const age = ageOf(text);
  if (age === null) throw misuse(`${option} takes an age such as 90d, 12h, 30m or 0s, not ${JSON.stringify(text)}.`);
  return age;
}

export function parseWhole(text: string, option: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw misuse(`${option} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}.`);
  return value;
}

/** A value that somebody typed: JSON where it is JSON, else the text itself; nothing at all is null. */
export function parseValue(text: string): Json {
  if (text === "") return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** `atom=value` as typed; the value may hold further equals signs. */
export function parseAtom(text: string): readonly [atom: string, value: Json] {
  const cut = text.indexOf("=");
  if (cut < 1) throw misuse(`${JSON.stringify(text)} is not of the form atom=value.`);
  return [text.slice(0, cut), parseValue(text.slice(cut + 1))];
}

export function parseJsonObject(text: string, option: string): { [key: string]: Json } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw misuse(`${option} takes a JSON object, such as '{"status":"open"}'.`);
  return value as { [key: string]: Json };
}
