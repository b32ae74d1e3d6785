/** The same writes for every system: two servers that were equal, written at both while the line between them is cut. */
export const RECORDS = 1_000;
/** Records of which the two change different fields, and the same field. */
export const APART = 200;
export const SAME = 50;
const OWN = 50;

export interface Row {
  readonly id: string;
  readonly a: string;
  readonly b: string;
}

export type Change =
  | { readonly op: "insert"; readonly row: Row }
  | { readonly op: "set"; readonly id: string; readonly field: "a" | "b"; readonly value: string };

const idOf = (n: number) => `r${String(n).padStart(6, "0")}`;

export function seeds(): Row[] {
  return Array.from({ length: RECORDS }, (_, n) => ({ id: idOf(n), a: "", b: "" }));
}

/** What is written at one side, each change a transaction of its own. */
export function changesOf(side: "a" | "b"): Change[] {
  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
  return [
    ...numbers(0, APART).map((n): Change => ({ op: "set", id: idOf(n), field: side, value: `${side}${n}` })),
    ...numbers(APART, SAME).map((n): Change => ({ op: "set", id: idOf(n), field: "a", value: `${side}${n}` })),
    ...numbers(0, OWN).map((n): Change => ({ op: "insert", row: { id: `${side}${n}`, a: side, b: side } })),
  ];
}

/** How many of the changes to different fields of the same records both stand, at both sides. */
export function bothStand(sides: readonly (readonly Row[])[]): number {
  const maps = sides.map((rows) => new Map(rows.map((row) => [row.id, row])));
  const stands = (n: number) =>
    maps.every((rows) => rows.get(idOf(n))?.a === `a${n}` && rows.get(idOf(n))?.b === `b${n}`);
  return Array.from({ length: APART }, (_, n) => n).filter(stands).length;
}

/** In how many records the two sides differ. */
export function differing([one = [], two = []]: readonly (readonly Row[])[]): number {
  const text = ({ a, b }: Row) => JSON.stringify([a, b]);
  const other = new Map(two.map((row) => [row.id, text(row)]));
  const wrong = one.filter((row) => other.get(row.id) !== text(row)).length;
  const ids = new Set(one.map(({ id }) => id));
  return wrong + two.filter(({ id }) => !ids.has(id)).length;
}
