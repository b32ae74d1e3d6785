import { type BlockKey, Blocks, blocksOf } from "./block.ts";
import { type Census, censusOf } from "./census.ts";
import { type Clustering, cluster, NOTHING_STANDS, type Pair, type Standing } from "./cluster.ts";
import type { MatchRules } from "./declaration.ts";
import { type MemberKey, type Prepared, prepare, type SourceRecord } from "./record.ts";
import { Scorer } from "./score.ts";

export interface Matched extends Clustering {
  /** How many pairs were compared, and which blocks were passed over since they held too many. */
  readonly compared: number;
  readonly full: readonly BlockKey[];
  /** What the scores were measured by. */
  readonly census: Census;
}

/** What is known already of those that a batch may be the same as. */
export interface Known {
  /** The records that share a block with the batch, and those that are one with them. */
  readonly records: readonly SourceRecord[];
  readonly standing: Standing;
  readonly census: Census;
}

/** The duplicates of a whole set. */
export function matchAll(records: readonly SourceRecord[], rules: MatchRules, standing = NOTHING_STANDS): Matched {
  const prepared = records.map((record) => prepare(record, rules));
  return matched(prepared, undefined, rules, standing, censusOf(prepared, rules));
}

/** The duplicates of a batch among itself and what is known. What is one already stays so. */
export function matchBatch(batch: readonly SourceRecord[], known: Known, rules: MatchRules): Matched {
  const fresh = new Set(batch.map(({ key }) => key));
  const all = [...known.records.filter(({ key }) => !fresh.has(key)), ...batch];
  const prepared = all.map((record) => prepare(record, rules));
  return matched(prepared, fresh, rules, known.standing, known.census);
}

function matched(
  prepared: readonly Prepared[],
  fresh: ReadonlySet<MemberKey> | undefined,
  rules: MatchRules,
  standing: Standing,
  census: Census,
): Matched {
  const records = new Map(prepared.map((record) => [record.key, record]));
  const blocks = new Blocks(rules.maxBlock);
  for (const [i, record] of prepared.entries()) for (const key of blocksOf(record, rules)) blocks.add(key, i);
  const scorer = new Scorer(rules, census);
  const pairs: Pair[] = [];
  let compared = 0;
  for (const [a, b] of blocks.pairs()) {
    const [left, right] = [prepared[a] as Prepared, prepared[b] as Prepared];
    if (fresh !== undefined && !fresh.has(left.key) && !fresh.has(right.key)) continue;
    const exact = left.exact.some((key) => right.exact.includes(key));
    compared++;
    const score = scorer.score(left, right);
    if (exact || score >= rules.ask) pairs.push({ a: left.key, b: right.key, score, exact });
  }
  const clustering = cluster(records, pairs, rules, standing, (a, b) => scorer.score(a, b));
  return { ...clustering, compared, full: [...blocks.full], census };
}
