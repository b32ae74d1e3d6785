import { Problem } from "../../wire/problem.ts";

/** A whole number of a query string, 0 or more. */
export function numberIn(search: URLSearchParams, name: string, bounds: { fallback: number; most: number }): number {
  const text = search.get(name);
  if (text === null) return bounds.fallback;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value <= bounds.most) return value;
  throw new Problem("invalid", `${name} is a whole number of at most ${bounds.most}`, { path: name });
}

/** A text of a query string of at most 1,024 characters; null where it is absent or empty. */
export function textIn(search: URLSearchParams, name: string): string | null {
  const text = search.get(name);
  if (text === null || text === "") return null;
  if (text.length <= 1_024) return text;
  throw new Problem("invalid", `${name} has at most 1,024 characters`, { path: name });
}
