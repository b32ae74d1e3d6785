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

/** Which records are in which block, of those that are compared. */
export class Blocks {
  readonly #members = new Map<BlockKey, MemberKey[]>();
  readonly #limit: number;
  /** Blocks that were passed over since they held too many. */
  readonly full = new Set<BlockKey>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(key: BlockKey, member: MemberKey): void {
    const members = this.#members.get(key);
    if (members === undefined) this.#members.set(key, [member]);
    else members.push(member);
  }

  /** Each pair of records that share a block, once; where `of` is given, only pairs with one of these. */
  *pairs(of?: ReadonlySet<MemberKey>): Generator<readonly [MemberKey, MemberKey]> {
    const seen = new Set<string>();
    for (const [key, members] of this.#members) {
      // An exact key is what it is, however many have it.
      if (members.length > this.#limit && !key.startsWith("=")) {
        this.full.add(key);
        continue;
      }
      for (const [i, a] of members.entries()) {
        for (const b of members.slice(i + 1)) {
          if (a === b || (of !== undefined && !of.has(a) && !of.has(b))) continue;
          const pair = pairOf(a, b);
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
