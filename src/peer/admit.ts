import type { Loaded } from "../model/batch.ts";
import type { MirrorChange } from "../model/link.ts";
import { type Key, keyParts } from "../model/record.ts";
import { Working } from "../model/working.ts";
import type { Held, Intake } from "../server/identity.ts";
import type { Aside } from "./conflicts.ts";

interface Parts {
  readonly intake: Intake;
  readonly loaded: Loaded;
  /** What the synchronisation as a whole may not do; "nothing": it has been confirmed. */
  readonly held: Held | "nothing" | null;
  /** How a record stands apart so far. */
  aside(key: Key): Aside | null;
}

/**
 * What of a link's changes comes into a space of accounts (U5): as it is kept here, and only to what the link manages. A
 * record that was held stays so, whatever comes for it, until somebody confirms it or upstream takes it back.
 */
export function admit(
  changes: readonly MirrorChange[],
  { intake, loaded, held, aside }: Parts,
): { readonly changes: readonly MirrorChange[]; readonly held: ReadonlySet<Key> } {
  const standing = new Working(loaded);
  const waiting = new Set<Key>();
  const admitted = changes.flatMap((change): MirrorChange[] => {
    const { collection } = keyParts(change.key);
    const before = change.before === null ? null : intake.kept(collection, change.before);
    const after = change.after === null ? null : intake.kept(collection, change.after);
    const here = standing.row(change.key)?.data ?? null;
    if (here === null && after === null) return [{ ...change, before, after }];
    const barred = here === null ? null : intake.barred(here);
    // What is of others is not touched; that upstream has nothing of the kind is no flaw.
    if (barred !== null && after === null) return [];
    const ends = intake.ends(collection, here, after);
    const reason = ends && held !== "nothing" ? holding(change.key, held, aside(change.key)) : null;
    if (reason !== null) waiting.add(change.key);
    return [{ ...change, before, after, barred: change.barred ?? barred ?? reason }];
  });
  return { changes: admitted, held: waiting };
}

function holding(key: Key, held: Held | null, aside: Aside | null): string | null {
  if (held?.keys.has(key)) return held.reason;
  return aside?.held === true ? aside.message : null;
}
