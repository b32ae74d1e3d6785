import { canonical, type Json } from "../../util/json.ts";
import { fingerprint } from "./fingerprint.ts";
import type { MemberKey, SourceRecord } from "./record.ts";

/** What source records of one thing say otherwise of an atom. */
export interface Difference {
  readonly atom: string;
  /** `spelling`: the same in another spelling (`fingerprint`); `value`: something else. */
  readonly kind: "spelling" | "value";
  readonly values: readonly { readonly value: Json; readonly from: readonly MemberKey[] }[];
}

/** The differences between source records of one thing, by atom. What one of them leaves open is none. */
export function differencesOf(members: readonly Pick<SourceRecord, "key" | "value">[]): Difference[] {
  const atoms = [...new Set(members.flatMap(({ value }) => Object.keys(value)))].sort();
  return atoms.flatMap((atom): Difference[] => {
    const values = new Map<string, { value: Json; from: MemberKey[] }>();
    for (const { key, value } of members) {
      const own = Object.hasOwn(value, atom) ? (value[atom] ?? null) : null;
      if (own === null || own === "") continue;
      const entry = values.get(canonical(own)) ?? { value: own, from: [] };
      values.set(canonical(own), { ...entry, from: [...entry.from, key] });
    }
    if (values.size < 2) return [];
    const spellings = new Set([...values.values()].map(({ value }) => spellingOf(value)));
    return [{ atom, kind: spellings.size === 1 ? "spelling" : "value", values: [...values.values()] }];
  });
}

function spellingOf(value: Json): string {
  return typeof value === "string" ? fingerprint(value) : canonical(value);
}
