import type { Query, ResultOf, Snapshot, Store } from "../store/store.ts";
import { Problem } from "../wire/problem.ts";

/** Whatever answers queries together. */
export type Reader = Pick<Store, "read">;

/** The place of one query in a read; it carries the type of its result. */
export interface Place<Q extends Query> {
  readonly index: number;
  readonly _query?: Q;
}

export interface Answers {
  readonly head: Snapshot<readonly []>["head"];
  of<Q extends Query>(place: Place<Q>): ResultOf<Q>;
}

/** Gathers queries that one read of the store answers together, at one revision. */
export class Questions {
  private readonly queries: Query[] = [];

  ask<const Q extends Query>(query: Q): Place<Q> {
    return { index: this.queries.push(query) - 1 };
  }

  async read(store: Reader, space: string): Promise<Answers> {
    const snapshot = await store.read(space, this.queries);
    if (snapshot === null) throw unknownSpace();
    const { head, results } = snapshot;
    return { head, of: <Q extends Query>(place: Place<Q>) => results[place.index] as ResultOf<Q> };
  }
}

export function unknownSpace(): Problem {
  return new Problem(
    "unknown-space",
    'there is no such space: a first push creates it where the configuration says `spaces: "open"`',
  );
}
