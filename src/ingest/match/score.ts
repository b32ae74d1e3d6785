import type { Census } from "./census.ts";
import type { Field, MatchRules } from "./declaration.ts";
import { ADDRESS_BITS, KINDS } from "./kinds.ts";
import type { Prepared } from "./record.ts";

/** What two records' values of one field say, in bits; for people who are asked. */
export interface Evidence {
  readonly field: string;
  readonly similarity: number;
  readonly bits: number;
}

export interface Comparison {
  /** 0 to 1: 0.5 where it may as well be the same thing as not. */
  readonly score: number;
  /** Fields that both records fill. */
  readonly evidence: readonly Evidence[];
}

/** Fields are not independent of each other as the sum of bits has it; this takes their certainty back. */
const CERTAINTY = 0.5;
/** The smallest set that is thought of: a few records in a test are not the world they are from. */
const SMALLEST = 200;

/**
 * Whether two records are the same thing, after Fellegi and Sunter: each field says so many bits for it or against it, and
 * they have to outweigh how unlikely it is that two records of a set of this size are the same.
 */
export class Scorer {
  readonly #rules: MatchRules;
  readonly #census: Census;
  readonly #prior: number;
  /** For each field, the field of its kind that may have been filled instead of it. */
  readonly #swaps: readonly (readonly [number, number])[];

  constructor(rules: MatchRules, census: Census) {
    this.#rules = rules;
    this.#census = census;
    this.#prior = Math.log2(Math.max(census.records, SMALLEST));
    this.#swaps = rules.fields.flatMap(({ kind }, i) =>
      rules.fields.flatMap((other, j) =>
        j > i && other.kind === kind && KINDS[kind].swaps ? [[i, j] as [number, number]] : [],
      ),
    );
  }

  /** The score with what each field that both fill says, for people. */
  compare(a: Prepared, b: Prepared): Comparison {
    const similarities = this.#similarities(a, b);
    const evidence = this.#rules.fields.flatMap(({ name }, i): Evidence[] => {
      const similarity = similarities[i] ?? null;
      return similarity === null ? [] : [{ field: name, similarity, bits: this.#bits(i, similarity) }];
    });
    return { score: this.#scoreOf(similarities), evidence };
  }

  score(a: Prepared, b: Prepared): number {
    return this.#scoreOf(this.#similarities(a, b));
  }

  #scoreOf(similarities: readonly (number | null)[]): number {
    let sum = -this.#prior;
    let address = 0;
    for (const [i, { kind }] of this.#rules.fields.entries()) {
      const similarity = similarities[i] ?? null;
      if (similarity === null) continue;
      if (KINDS[kind].group === "address") address += this.#bits(i, similarity);
      else sum += this.#bits(i, similarity);
    }
    return 1 / (1 + 2 ** (-(sum + Math.min(address, ADDRESS_BITS)) * CERTAINTY));
  }

  #bits(field: number, similarity: number): number {
    const { kind, weight } = this.#rules.fields[field] as Field;
    return bitsOf(similarity, this.#census.bits[field] as number, KINDS[kind].against * weight);
  }

  #similarities(a: Prepared, b: Prepared): (number | null)[] {
    const found = this.#rules.fields.map((_, i) => this.#between(i, a.compared[i] ?? null, b.compared[i] ?? null));
    for (const [i, j] of this.#swaps) {
      const straight = (found[i] ?? 0) + (found[j] ?? 0);
      if (straight > SWAPPED) continue;
      const there = this.#between(i, a.compared[i] ?? null, b.compared[j] ?? null);
      const back = this.#between(i, a.compared[j] ?? null, b.compared[i] ?? null);
      if (there !== null && back !== null && there + back > SWAPPED) {
        found[i] = Math.min(there, 0.95);
        found[j] = Math.min(back, 0.95);
      }
    }
    return found;
  }

  #between(field: number, a: string | null, b: string | null): number | null {
    if (a === null || b === null) return null;
    if (a === b) return 1;
    const { kind } = this.#rules.fields[field] as Field;
    return KINDS[kind].similarity(a, b);
  }
}

/** Two values the other way round are taken for that only where both fit well. */
const SWAPPED = 1.6;

/** The bits at each similarity, as parts of those for equal values and of those against; between them in a line. */
const SCALE: readonly (readonly [similarity: number, full: number, against: number])[] = [
  [0, 0, 1],
  [0.5, 0, 1],
  [0.7, 0, 0],
  [0.8, 0.25, 0],
  [0.9, 0.7, 0],
  [1, 1, 0],
];

function bitsOf(similarity: number, full: number, against: number): number {
  const above = SCALE.findIndex(([at]) => at >= similarity);
  if (above <= 0) return above === 0 ? -against : full;
  const [low, high] = [SCALE[above - 1] as (typeof SCALE)[number], SCALE[above] as (typeof SCALE)[number]];
  const share = (similarity - low[0]) / (high[0] - low[0]);
  const part = (i: 1 | 2) => low[i] + share * (high[i] - low[i]);
  return part(1) * full - part(2) * against;
}
