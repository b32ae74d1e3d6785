import type { Json, JsonObject } from "../util/json.ts";
import type { HistoryItem } from "./entry.ts";
import type { Origins } from "./origin.ts";
import type { RecordData } from "./record.ts";

/** A record as a revision left it. */
export interface Version extends Omit<HistoryItem, "change"> {
  /** The changed atoms, null inside for an absent one; null: the record was not there. */
  readonly before: JsonObject | null;
  readonly after: JsonObject | null;
  /** Who wrote it, where that was on another server (S1). */
  readonly origin?: Origins | undefined;
  /** The whole record; null: deleted. */
  readonly record: RecordData | null;
  /** Its values are gone, and with them what the record was (K2). */
  readonly erased?: true;
}

/**
 * What a record was after each of its revisions, the newest first (K3), reckoned backwards from what it is now.
 * - `text`: its present canonical text, null where it is deleted.
 * - `items`: its history, the newest first, without a gap.
 */
export function versionsOf(text: string | null, items: readonly HistoryItem[]): Version[] {
  let record = text === null ? null : (JSON.parse(text) as RecordData);
  return items.map(({ change, ...item }) => {
    const { id, before, after, origin } = change;
    const version: Version = { ...item, before, after, ...(origin && { origin }), record };
    record = undone(id, record, before);
    return version;
  });
}

function undone(id: string, record: RecordData | null, before: JsonObject | null): RecordData | null {
  if (before === null) return null;
  const earlier: { id: string; [atom: string]: Json } = { ...record, id };
  for (const [atom, value] of Object.entries(before)) {
    if (value === null) delete earlier[atom];
    else earlier[atom] = value;
  }
  return earlier;
}
