import type { JournalEntry } from "../model/entry.ts";
import type { Origins } from "../model/origin.ts";
import { authorOf, type Revision } from "../model/record.ts";
import type { JsonObject } from "../util/json.ts";

export interface WireAuthor {
  readonly user: string;
  readonly client: string;
  readonly mutation: number;
}

/** Below the journal's horizon an entry is only `revision`, `at`, `hash` and `cut: true` (G1). */
export interface WireEntry {
  readonly revision: Revision;
  readonly at: string;
  readonly author?: WireAuthor;
  readonly changes?: readonly {
    readonly collection: string;
    readonly id: string;
    readonly before: JsonObject | null;
    readonly after: JsonObject | null;
    readonly operators?: JsonObject;
    /** Who wrote it, where that was on another server (S1); without `atoms` all that no other origin names. */
    readonly origin?: Origins;
    /** With it the chain can be checked by whoever reads the journal (K1). Empty where the change was erased. */
    readonly salt: string;
    /** The hash that stands for a change whose values were erased (K2); `before` and `after` are null. */
    readonly erased?: string;
  }[];
  /** How many changes there are, where fewer were asked for. */
  readonly changed?: number;
  readonly hash: string;
  readonly cut?: true;
}

export interface JournalResponse {
  readonly entries: readonly WireEntry[];
}

/** What happened to one record, the newest first, with its state after each change (K3). */
export interface HistoryResponse {
  readonly collection: string;
  readonly id: string;
  readonly versions: readonly {
    readonly revision: Revision;
    readonly at: string;
    readonly author: WireAuthor;
    readonly origin?: Origins;
    readonly before: JsonObject | null;
    readonly after: JsonObject | null;
    /** The whole record after this revision; null: deleted. */
    readonly record: JsonObject | null;
    /** Its values were erased (K2). */
    readonly erased?: true;
  }[];
}

/** An entry as the chain is proved by it (K1). */
export function entryOf({ revision, at, author, changes, hash, cut }: WireEntry): JournalEntry {
  const time = Date.parse(at);
  if (cut === true || author === undefined || changes === undefined) return { revision, time, hash, cut: true };
  return {
    revision,
    time,
    author: authorOf(author.user, author.client),
    mutation: author.mutation,
    changes: changes.map(({ salt, erased, ...change }) => ({ salt, change, ...(erased !== undefined && { erased }) })),
    hash,
    cut: false,
  };
}
