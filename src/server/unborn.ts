import { GENESIS } from "../model/entry.ts";
import { EMPTY } from "../model/fingerprint.ts";
import type { Head, Query, ResultOf, Snapshot, Store } from "../store/store.ts";
import type { Reader } from "./questions.ts";

const HEAD: Head = { revision: 0, hash: GENESIS, time: 0, horizon: { journal: 0, tombstones: 0 }, restore: null };

/**
 * The store as a replica sees it: where a first push would create a space, one that is not there yet is empty (H9). So
 * a replica may come before the first push, and one whose server has lost everything learns that as any restore (R2).
 */
export function followedStore(store: Store, mayCreate: (space: string) => boolean): Reader {
  return {
    async read<const Q extends readonly Query[]>(space: string, queries: Q): Promise<Snapshot<Q> | null> {
      const snapshot = await store.read(space, queries);
      if (snapshot !== null || !mayCreate(space)) return snapshot;
      return { head: HEAD, results: queries.map(nothing) as unknown as Snapshot<Q>["results"] };
    },
  };
}

function nothing(query: Query): ResultOf<Query> {
  switch (query.kind) {
    case "scan":
      return { changes: [], more: false };
    case "page":
      return { runs: [], last: null, more: false };
    case "behind":
      return 0;
    case "fingerprint":
      return EMPTY;
    case "ranges":
      return query.ranges.map((range) => ({ ...range, fingerprint: EMPTY, records: [] }));
    case "notes":
    case "rows":
      return new Map();
    case "hashes":
      return new Map(query.revisions.includes(0) ? [[0, GENESIS]] : []);
    case "scopes":
    case "journal":
    case "history":
    case "notes-between":
      return [];
    case "client":
    case "row":
    case "at":
      return null;
  }
}
