import { KINDS, type Kind } from "./kinds.ts";

/** A field that is compared: its kind, and how much it counts beside others (1: as its kind does). */
export interface FieldRule {
  readonly kind: Kind;
  readonly weight?: number;
}

/** Records are compared where one of their blocks is the same: the values of these fields together, `surname:3` its beginning. */
export type BlockPass = readonly string[];

/** How duplicates of a stream are found, as a user writes it. */
export interface MatchDeclaration {
  /** Fields, or lists of fields, whose equal values make it the same thing, whatever else is said. */
  readonly exact?: readonly (string | readonly string[])[];
  readonly fields: { readonly [field: string]: Kind | FieldRule };
  /** Passes of blocking; by default they follow from the kinds of the fields. */
  readonly block?: readonly BlockPass[];
  /** From this score on, 0 to 1, two records are the same. Default 0.98. */
  readonly same?: number;
  /** From this score on a person is asked. Default 0.7. */
  readonly ask?: number;
  /** Records of one source are compared with each other, too: it is the source that is to be cleaned. Default false. */
  readonly within?: boolean;
  /** No more records than these become one by themselves. Default 20. */
  readonly maxCluster?: number;
  /** A block that holds more records than these is no sign of anything and is passed over. Default 100. */
  readonly maxBlock?: number;
}

export interface Field extends Required<FieldRule> {
  readonly name: string;
}

/** A declaration that has been checked, with nothing left out. */
export interface MatchRules {
  readonly exact: readonly (readonly string[])[];
  readonly fields: readonly Field[];
  readonly block: readonly BlockPass[];
  readonly same: number;
  readonly ask: number;
  readonly within: boolean;
  readonly maxCluster: number;
  readonly maxBlock: number;
}

/** @throws Error that says what in the declaration is wrong. */
export function matchRules(declaration: MatchDeclaration): MatchRules {
  const fields = Object.entries(declaration.fields).map(([name, rule]): Field => {
    const { kind, weight = 1 } = typeof rule === "string" ? { kind: rule } : rule;
    if (!Object.hasOwn(KINDS, kind))
      throw new Error(`match: the field ${name} is of the kind ${kind}; there are ${Object.keys(KINDS).join(", ")}`);
    if (!(weight >= 0)) throw new Error(`match: the weight of ${name} is ${weight}; expected 0 or more`);
    return { name, kind, weight };
  });
  const { same = 0.98, ask = 0.7, within = false, maxCluster = 20, maxBlock = 100 } = declaration;
  if (!(ask > 0 && ask <= same && same <= 1))
    throw new Error(`match: ask is ${ask} and same is ${same}; expected 0 < ask ≤ same ≤ 1`);
  if (!(maxCluster >= 2) || !(maxBlock >= 2))
    throw new Error("match: maxCluster and maxBlock count records; expected 2 or more");
  const exact = (declaration.exact ?? []).map((key) => (typeof key === "string" ? [key] : key));
  const block = declaration.block ?? passesFor(fields);
  for (const part of block.flat()) {
    const name = part.replace(/:\d+$/, "");
    if (!fields.some((field) => field.name === name))
      throw new Error(`match: block names ${name}, which is not among fields`);
  }
  return { exact, fields, block, same, ask, within, maxCluster, maxBlock };
}

/**
 * Every field alone, but those of few values; and beginnings of names together with another field, which hold where a value
 * is misspelt at its end, and where a name alone is too common.
 */
function passesFor(fields: readonly Field[]): BlockPass[] {
  const singles = fields.filter(({ kind }) => kind !== "code" && kind !== "degrees").map(({ name }) => [name]);
  const names = fields.filter(({ kind }) => kind === "name").map(({ name }) => `${name}:3`);
  const beside = fields.flatMap(({ name, kind }) => {
    if (kind === "date") return [`${name}:4`];
    if (kind === "postcode" || kind === "phone") return [name];
    return [];
  });
  const pairs = names.flatMap((name, i) => [...names.slice(i + 1), ...beside].map((other) => [name, other]));
  const degrees = fields.filter(({ kind }) => kind === "degrees").map(({ name }) => `${name}:4`);
  return [...singles, ...pairs, ...(degrees.length > 1 ? [degrees] : [])];
}
