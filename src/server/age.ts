const UNITS: { readonly [unit: string]: number } = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** An age: a whole number with s, m, h, d or w; or "forever". */
export type Age = string;

/**
 * An age in milliseconds, `Infinity` for "forever"; null where the text is no age.
 *
 * @example ageOf("30d") // 2_592_000_000
 */
export function ageOf(text: string): number | null {
  if (text === "forever") return Number.POSITIVE_INFINITY;
  const parts = /^(\d{1,9})([smhdw])$/.exec(text);
  if (parts === null) return null;
  return Number(parts[1]) * (UNITS[parts[2] as string] as number);
}
