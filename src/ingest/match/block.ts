import type { MatchRules } from "./declaration.ts";
import { KINDS } from "./kinds.ts";
import type { MemberKey, Prepared } from "./record.ts";

/** Records of one block are compared with each other; a record is in several. */
export type BlockKey = string;

/** The blocks that a record is in: its exact keys, and those of each pass. */
export function blocksOf(record: Prepared, rules: MatchRules): BlockKey[] {
  const blocks = new Set(record.exact.map((key) => `=${key}`));
  for (const pass of rules.block) {
    const [first, ...others] = pass;
    if (first === undefined) continue;
    const alone = others.length === 0;
    let keys = partsOf(record, first, rules, alone);
    for (const other of others) {
      const more = partsOf(record, other, rules, false);
      keys = keys.flatMap((key) => more.map((part) => `${key} ${part}`));
    }
    for (const key of keys) blocks.add(`${pass.join("+")}=${key}`);
  }
  return [...blocks];
}

function partsOf(record: Prepared, part: string, { fields }: MatchRules, alone: boolean): string[] {
  const [name, length] = part.split(":");
  const at = fields.findIndex((field) => field.name === name);
  const value = record.compared[at] ?? null;
  const field = fields[at];
  if (value === null || field === undefined) return [];
  if (length !== undefined) return [value.replaceAll(" ", "").slice(0, Number(length))];
  const whole = value.replaceAll(" ", "");
  return alone ? [whole, ...KINDS[field.kind].parts(value)] : [whole];
}

/** Which records are in which block, of those that are compared; records by their place in a list. */
export class Blocks {
  readonly #members = new Map<BlockKey, number[]>();
  readonly #limit: number;
  /** Blocks that were passed over since they held too many. */
  readonly full = new Set<BlockKey>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Records come in their order. */
  add(key: BlockKey, record: number): void {
    const members = this.#members.get(key);
    if (members === undefined) this.#members.set(key, [record]);
    else members.push(record);
  }

  /** Each pair of records that share a block, once, the earlier first. */
  *pairs(): Generator<readonly [number, number]> {
    const seen = new Set<number>();
    for (const [key, members] of this.#members) {
      // An exact key is what it is, however many have it.
      if (members.length > this.#limit && !key.startsWith("=")) {
        this.full.add(key);
        continue;
      }
      for (let i = 0; i < members.length; i++) {
        for (let j = i + 1; j < members.length; j++) {
          const [a, b] = [members[i] as number, members[j] as number];
          const pair = a * 2 ** 26 + b;
          if (seen.has(pair)) continue;
          seen.add(pair);
          yield [a, b];
        }
      }
    }
  }
}

/** The name of a pair, whichever comes first. */
export function pairOf(a: MemberKey, b: MemberKey): string {
  return a < b ? `${a}\n${b}` : `${b}\n${a}`;
}
