import type { Batch, Loaded } from "./batch.ts";
import { type Held, heldOf } from "./draft.ts";
import type { SaltedChange } from "./entry.ts";
import { rescoped } from "./membership.ts";
import type { Rules } from "./push.ts";
import { type Key, SERVER } from "./record.ts";
import { collectionOf } from "./schema.ts";
import { Rejected, scopesOf } from "./validate.ts";
import { Working } from "./working.ts";

export interface Rescoping extends Batch {
  /** Records that stay where they are, since their collection's `scopes` failed on them. */
  readonly failed: readonly { readonly key: Key; readonly message: string }[];
}

/**
 * Moves the loaded records into the scopes that their collections name now (C8), as one transaction of the server
 * itself. The records do not change, only where they are: replicas that follow by cursor see them enter and leave.
 * Nothing is written where all are in place (M2). Records of collections that are not configured stay.
 */
export function rescope(loaded: Loaded, rules: Pick<Rules, "collections" | "limits" | "now" | "salt">): Rescoping {
  const working = new Working(loaded);
  const revision = loaded.head.revision + 1;
  const changes: SaltedChange[] = [];
  const failed: { key: Key; message: string }[] = [];
  for (const [key, row] of loaded.rows) {
    const collection = collectionOf(rules.collections, row.collection);
    const held: Held = heldOf(row);
    if (collection === null || held.data === null) continue;
    try {
      const scopes = scopesOf(row.collection, collection, held.data, rules.limits, "");
      const members = rescoped(row.scopes, scopes, revision);
      if (members === null) continue;
      working.putRow({ ...held, scopes: members });
      changes.push({ change: { collection: row.collection, id: row.id, before: {}, after: {} }, salt: rules.salt() });
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      failed.push({ key, message: error.message });
    }
  }
  if (changes.length > 0) working.append(SERVER, 0, rules.now, changes);
  return { ...working.batch(), failed };
}
