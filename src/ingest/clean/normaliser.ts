import { type Json, type JsonObject, sameJson } from "../../util/json.ts";
import { type Fix, type Flaw, rejected, type Step } from "./step.ts";

/** A value as it should be, or why it cannot be made so. */
export type Normalised = { readonly value: Json } | { readonly flaw: string };

/** Brings the values of an atom into one form. It never sees null, and never makes null of what it cannot read. */
export interface Normaliser {
  /** With its options, since a change of them is another version of the rules: `date(dd.MM.yyyy;pivot=2025)`. */
  readonly name: string;
  apply(value: Json, record: JsonObject): Normalised;
}

/** By atom; `"*"` comes first, for every atom. */
export type Normalisers = { readonly [atom: string]: Normaliser | readonly Normaliser[] };

/**
 * A normaliser of one's own.
 *
 * @example normaliser("upper", (value) => ({ value: String(value).toUpperCase() }))
 */
export function normaliser(name: string, apply: Normaliser["apply"]): Normaliser {
  return { name, apply };
}

export function listOf(normalisers: Normaliser | readonly Normaliser[] | undefined): readonly Normaliser[] {
  if (normalisers === undefined) return [];
  return "apply" in normalisers ? [normalisers] : normalisers;
}

/** The step that applies normalisers, each to what the one before left. */
export function normalising(normalisers: Normalisers): Step {
  const named = (each: Normaliser) => ({ each, code: codeOf(each) });
  const general = listOf(normalisers["*"]).map(named);
  const byAtom = new Map(
    Object.entries(normalisers)
      .filter(([atom]) => atom !== "*")
      .map(([atom, own]) => [atom, [...general, ...listOf(own).map(named)]]),
  );
  return (record) => {
    const result: { [atom: string]: Json } = {};
    const notes: Fix[] = [];
    const flaws: Flaw[] = [];
    for (const [atom, before] of Object.entries(record)) {
      let value = before;
      for (const { each, code } of byAtom.get(atom) ?? general) {
        if (value === null) break;
        const done = each.apply(value, record);
        if ("flaw" in done) {
          flaws.push(rejected(code, atom, done.flaw));
          break;
        }
        if (!sameJson(value, done.value)) notes.push({ code, path: atom, before: value, after: done.value });
        value = done.value;
      }
      result[atom] = value;
    }
    return { record: result, notes, flaws };
  };
}

/** The name without its options. */
function codeOf({ name }: Normaliser): string {
  return name.replace(/\(.*$/s, "");
}
