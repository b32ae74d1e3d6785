import { canonical, type Json, type JsonObject } from "../util/json.ts";
import { sha256Hex } from "../util/sha256.ts";
import type { Origins } from "./origin.ts";
import { type Author, authorParts, type Revision } from "./record.ts";

/** What a transaction did to one record: its changed atoms before and after; null for a record that was not there. */
export interface RecordChange {
  readonly collection: string;
  readonly id: string;
  readonly before: JsonObject | null;
  readonly after: JsonObject | null;
  /** Operators as the client sent them, by atom (W5). */
  readonly operators?: JsonObject | undefined;
  /** Who wrote it, where it was written on another server first (S1). */
  readonly origin?: Origins | undefined;
}

/** A record's change with the salt that hides it in the chain (M6): without the salt its hash tells nothing. */
export interface SaltedChange {
  readonly change: RecordChange;
  /** 32 hex digits; random. Empty where the change was erased. */
  readonly salt: string;
  /** The hash that stood for the change before it was erased (K2), 64 hex digits; `before` and `after` are null then. */
  readonly erased?: string | undefined;
}

/** One transaction in the journal. */
export interface Entry {
  readonly revision: Revision;
  /** Milliseconds since 1970 by the server's clock; never before the entry's predecessor. */
  readonly time: number;
  readonly author: Author;
  /** The client's number of it; 0 where the server itself wrote. */
  readonly mutation: number;
  readonly changes: readonly SaltedChange[];
  /** The canonical text of each change, where whoever made the entry had it. */
  readonly texts?: readonly string[];
  /** 64 hex digits. */
  readonly hash: string;
}

/** An entry as it stands on disk: for one below the journal's horizon (`cut`) only number, time and hash are left. */
export type JournalEntry =
  | (Entry & { readonly cut: false })
  | { readonly revision: Revision; readonly time: number; readonly hash: string; readonly cut: true };

export interface HistoryItem {
  readonly revision: Revision;
  readonly time: number;
  readonly author: Author;
  readonly mutation: number;
  readonly change: RecordChange;
  /** Its values are gone (K2). */
  readonly erased?: true;
}

/** The hash before revision 1. */
export const GENESIS = "0".repeat(64);

/** What a change is hashed as, and may be stored as. */
export function changeText({ collection, id, before, after, operators, origin }: RecordChange): string {
  const parts = [collection, id, before, after, (operators ?? null) as Json];
  return canonical(origin === undefined ? parts : [...parts, origin as unknown as Json]);
}

/** The hash that stands for a change in the chain; it remains when the change and its salt are erased. */
export function changeHash({ change, salt, erased }: SaltedChange): string {
  return erased ?? saltedHash(salt, changeText(change));
}

/** The same, where the text is at hand. */
export function saltedHash(salt: string, text: string): string {
  return sha256Hex(salt + text);
}

/** The chain hash of an entry (M6): it covers number, time, author, the hash before, and each change's hash. */
export function chainHash(
  entry: Omit<Entry, "hash" | "changes" | "texts">,
  changeHashes: readonly string[],
  before: string,
): string {
  const { user, client } = authorParts(entry.author);
  return sha256Hex(canonical([entry.revision, entry.time, user, client, entry.mutation, before, changeHashes]));
}
