import { canonical, type Json, type JsonObject } from "../../util/json.ts";
import type { MemberKey, SourceRecord } from "./record.ts";

/** A value of one atom, and the source record that has it. */
export interface Candidate {
  readonly value: Json;
  readonly key: MemberKey;
  readonly source: string;
  /** When the source last changed the record, ISO 8601, where it says so. */
  readonly at: string | null;
}

/** Chooses of the values that sources have of one atom. They come newest first, none of them absent, and there is one. */
export type Survivor = {
  readonly name: string;
  choose(candidates: readonly Candidate[]): Json;
};

/** What stands of each atom, `default` for those that are not named. */
export interface SurviveRules {
  readonly [atom: string]: Survivor;
}

/** The value that was changed last. Those of which no time is known come after all others. */
export const newest: Survivor = { name: "newest", choose: ([first]) => (first as Candidate).value };

/** The value that was there first. */
export const oldest: Survivor = {
  name: "oldest",
  choose: (all) => (all.findLast(({ at }) => at !== null) ?? (all.at(-1) as Candidate)).value,
};

/** The value of the longest text. */
export const longest: Survivor = {
  name: "longest",
  choose: (all) => all.reduce((best, each) => (sizeOf(each.value) > sizeOf(best.value) ? each : best)).value,
};

/** The value that most sources have; the newest of several such. */
export const most: Survivor = {
  name: "most",
  choose(all) {
    const counts = new Map<string, number>();
    for (const { value } of all) counts.set(canonical(value), (counts.get(canonical(value)) ?? 0) + 1);
    const top = Math.max(...counts.values());
    return (all.find(({ value }) => counts.get(canonical(value)) === top) as Candidate).value;
  },
};

/** A list of all values, each once; lists are taken apart. */
export const union: Survivor = {
  name: "union",
  choose(all) {
    const values = all.flatMap(({ value }): readonly Json[] => (Array.isArray(value) ? value : [value]));
    const once = new Map(values.map((value) => [canonical(value), value]));
    return [...once].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
  },
};

/** The newest value of the first of these sources (`crm`, or one stream of it, `crm.contacts`) that has one. */
export function trust(...sources: readonly string[]): Survivor {
  return {
    name: `trust(${sources.join()})`,
    choose(all) {
      const of = (name: string) => all.find(({ source }) => source === name || source.startsWith(`${name}.`));
      return (sources.map(of).find((each) => each !== undefined) ?? (all[0] as Candidate)).value;
    },
  };
}

export interface Survived {
  readonly value: JsonObject;
  /** For each atom, the source records that have this value of it (a part of it, for a union). */
  readonly from: { readonly [atom: string]: readonly MemberKey[] };
}

/** The record that several source records are together, atom by atom. An atom that none has is absent. */
export function survive(members: readonly SourceRecord[], rules: SurviveRules): Survived {
  const ordered = [...members].sort(newestFirst);
  const atoms = [...new Set(ordered.flatMap(({ value }) => Object.keys(value)))].sort();
  const value: { [atom: string]: Json } = {};
  const from: { [atom: string]: readonly MemberKey[] } = {};
  for (const atom of atoms) {
    const all = ordered.flatMap((member): Candidate[] => {
      const own = Object.hasOwn(member.value, atom) ? (member.value[atom] ?? null) : null;
      return own === null || own === "" ? [] : [{ ...member, value: own }];
    });
    if (all.length === 0) continue;
    const rule = (Object.hasOwn(rules, atom) ? rules[atom] : rules.default) ?? newest;
    const chosen = rule.choose(all);
    value[atom] = chosen;
    from[atom] = all
      .filter(({ value: own }) => rule === union || canonical(own) === canonical(chosen))
      .map(({ key }) => key);
  }
  return { value, from };
}

function newestFirst(a: SourceRecord, b: SourceRecord): number {
  const [left, right] = [timeOf(a), timeOf(b)];
  return left === right ? (a.key < b.key ? -1 : 1) : right - left;
}

/** Times of different zones are of different texts. */
function timeOf({ at }: SourceRecord): number {
  const time = at === null ? Number.NaN : Date.parse(at);
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
}

function sizeOf(value: Json): number {
  return typeof value === "string" ? value.trim().length : JSON.stringify(value).length;
}
