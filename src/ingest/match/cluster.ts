import { pairOf } from "./block.ts";
import type { MatchRules } from "./declaration.ts";
import type { MemberKey, Prepared } from "./record.ts";

/** Two records that may be the same. `exact`: they share an exact key. */
export interface Pair {
  readonly a: MemberKey;
  readonly b: MemberKey;
  readonly score: number;
  readonly exact: boolean;
}

/** Why two records that are alike were not made one without a person. */
export type Doubt = "score" | "one-source" | "cluster-size" | "chain" | "kept-apart";

export interface Question extends Pair {
  readonly doubt: Doubt;
}

export interface Clustering {
  /** Every record, in exactly one cluster; clusters and their members in the order of the keys. */
  readonly clusters: readonly (readonly MemberKey[])[];
  /** Pairs to ask a person about, the likeliest first. */
  readonly ask: readonly Question[];
}

export interface Standing {
  /** Records that are one already: as the crosswalk has them, and as a person said. */
  readonly together: readonly (readonly MemberKey[])[];
  /** Pairs (`pairOf`) that a person said are not the same. */
  readonly apart: ReadonlySet<string>;
}

export const NOTHING_STANDS: Standing = { together: [], apart: new Set() };

/**
 * Makes clusters of pairs, the likeliest first. What a person said comes before everything; then exact keys; then scores of
 * `same`, where each two of the cluster to be are at least `ask`, and none are of one source.
 */
export function cluster(
  records: ReadonlyMap<MemberKey, Prepared>,
  pairs: Iterable<Pair>,
  rules: MatchRules,
  standing: Standing,
  scoreOf: (a: Prepared, b: Prepared) => number,
): Clustering {
  const groups = new Groups(records.keys());
  for (const [first, ...others] of standing.together) {
    for (const other of others) if (first !== undefined) groups.join(first, other);
  }
  const ask: Question[] = [];
  const ordered = [...pairs].sort(
    (x, y) => Number(y.exact) - Number(x.exact) || y.score - x.score || (pairOf(x.a, x.b) < pairOf(y.a, y.b) ? -1 : 1),
  );
  for (const pair of ordered) {
    const [left, right] = [groups.of(pair.a), groups.of(pair.b)];
    if (left === right) continue;
    const doubt = pair.exact || pair.score >= rules.same ? doubtOf(pair, left, right) : "score";
    if (doubt === null) groups.join(pair.a, pair.b);
    else if (pair.exact || pair.score >= rules.ask) ask.push({ ...pair, doubt });
  }
  const open = ask.filter(({ a, b, doubt }) => groups.of(a) !== groups.of(b) && doubt !== "kept-apart");
  return { clusters: groups.all(), ask: open.sort((x, y) => y.score - x.score) };

  function doubtOf(pair: Pair, left: ReadonlySet<MemberKey>, right: ReadonlySet<MemberKey>): Doubt | null {
    if (left.size + right.size > rules.maxCluster && !pair.exact) return "cluster-size";
    for (const x of left) {
      for (const y of right) {
        if (standing.apart.has(pairOf(x, y))) return "kept-apart";
        if (pair.exact) continue;
        const [one, other] = [records.get(x), records.get(y)];
        if (one === undefined || other === undefined) continue;
        if (!rules.within && one.source === other.source) return "one-source";
        if (scoreOf(one, other) < rules.ask) return "chain";
      }
    }
    return null;
  }
}

class Groups {
  readonly #of = new Map<MemberKey, Set<MemberKey>>();

  constructor(keys: Iterable<MemberKey>) {
    for (const key of keys) this.#of.set(key, new Set([key]));
  }

  of(key: MemberKey): ReadonlySet<MemberKey> {
    return this.#set(key);
  }

  join(a: MemberKey, b: MemberKey): void {
    const [left, right] = [this.#set(a), this.#set(b)];
    if (left === right) return;
    const [large, small] = left.size >= right.size ? [left, right] : [right, left];
    for (const key of small) {
      large.add(key);
      this.#of.set(key, large);
    }
  }

  all(): MemberKey[][] {
    const all = [...new Set(this.#of.values())].map((members) => [...members].sort());
    return all.sort((x, y) => ((x[0] as string) < (y[0] as string) ? -1 : 1));
  }

  #set(key: MemberKey): Set<MemberKey> {
    let found = this.#of.get(key);
    if (found === undefined) {
      found = new Set([key]);
      this.#of.set(key, found);
    }
    return found;
  }
}
