/** A number between two others, for something that is put between them; null where no double lies between. */
export function between(before: number | undefined, after: number | undefined): number | null {
  if (before === undefined) return after === undefined ? 1_000 : after - 1_000;
  if (after === undefined) return before + 1_000;
  const middle = before + (after - before) / 2;
  return middle > before && middle < after ? middle : null;
}
