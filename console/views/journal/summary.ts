import type { Change, Entry } from "../../api.ts";
import { brief, counted } from "../../parts/words.ts";

/** An entry in one line. */
export function summaryOf({ changes, changed, cut }: Pick<Entry, "changes" | "changed" | "cut">): string {
  if (cut || changes === undefined) return "cut: only number, time and hash are kept";
  const all = changed ?? changes.length;
  const [first] = changes;
  if (first === undefined) return all === 0 ? "no records" : counted(all, "change");
  const one = changeText(first);
  return all === 1 ? one : `${counted(all, "record")}: ${one}, …`;
}

export function changeText({ collection, id, before, after, erased }: Change): string {
  const name = `${collection}/${id}`;
  if (erased !== undefined) return `${name}: erased`;
  if (after === null) return `${name} deleted`;
  if (before === null) return `${name} inserted`;
  const atoms = Object.entries(after).map(
    ([atom, value]) => `${atom} ${brief(before[atom] ?? null, 24)} → ${brief(value, 24)}`,
  );
  return `${name} ${brief(atoms.join(", "), 160)}`;
}
