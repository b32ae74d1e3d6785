import type { MatchRules } from "./declaration.ts";
import { KINDS } from "./kinds.ts";
import type { Prepared } from "./record.ts";

/**
 * How telling the fields are in a set of records: a first name that three hundred others have says little. It is taken from
 * a whole set and kept, so that later batches are judged by the same measure until it is taken anew.
 */
export interface Census {
  /** How many records it was taken from. */
  readonly records: number;
  /** For each field of the rules, what equal values say, in bits. */
  readonly bits: readonly number[];
}

/** The weight of what is known of a kind beside what was counted, in pairs of records. */
const KNOWN_PAIRS = 2_000;

/** Counts how telling each field is in a set like the one to be matched, for `census` of `matching`. */
export function censusOf(records: Iterable<Prepared>, rules: MatchRules): Census {
  const counts = rules.fields.map(() => new Map<string, number>());
  let size = 0;
  for (const { compared } of records) {
    size++;
    for (const [i, value] of compared.entries()) {
      const count = counts[i] as Map<string, number>;
      if (value !== null) count.set(value, (count.get(value) ?? 0) + 1);
    }
  }
  const bits = rules.fields.map(({ kind, weight }, i) => {
    const known = KINDS[kind].bits;
    const { pairs, equal } = pairsOf((counts[i] as Map<string, number>).values());
    const chance = (equal + KNOWN_PAIRS * 2 ** -known) / (pairs + KNOWN_PAIRS);
    return weight * Math.min(known, -Math.log2(chance));
  });
  return { records: size, bits };
}

/** Before anything was counted: what the kinds say. */
export function noCensus(rules: MatchRules): Census {
  return censusOf([], rules);
}

function pairsOf(counts: Iterable<number>): { pairs: number; equal: number } {
  let filled = 0;
  let equal = 0;
  for (const count of counts) {
    filled += count;
    equal += (count * (count - 1)) / 2;
  }
  return { pairs: (filled * (filled - 1)) / 2, equal };
}
