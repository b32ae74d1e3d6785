import type { Proposal, SpaceReview } from "../model/push.ts";
import type { RecordData } from "../model/record.ts";
import type { User } from "../model/schema.ts";
import type { SpaceRule } from "../server/identity.ts";
import type { UserRecord } from "./collections.ts";
import type { Directory } from "./directory.ts";
import { FOUNDER, KEEPER, rolesOfLink } from "./names.ts";
import type { Tail } from "./tail.ts";

interface Parts {
  readonly directory: Directory;
  readonly tail: Tail;
  isAdministrator(user: User): boolean;
}

/** How it was before a mutation. */
interface Powers {
  readonly administrators: number;
  readonly empowered: ReadonlySet<string>;
  /** Whether the writer may make administrators. */
  readonly mayGive: boolean;
}

interface Undo {
  readonly collection: string;
  readonly id: string;
  readonly record: RecordData | null;
}

/**
 * The rule over the space `system` (U5): names are of one user each, an administrator always remains, and only an administrator
 * makes another. It is decided on the directory itself, at the head and under the space's lock; what a decision does to the
 * directory is undone at its end, since the commit comes to it by the tail.
 */
export function systemRule({ directory, tail, isAdministrator }: Parts): SpaceRule {
  function begin(head: { readonly revision: number }) {
    if (tail.revision !== head.revision) return null;
    const done: Undo[] = [];

    const review: SpaceReview = (proposals, user) => {
      const mark = done.length;
      // What the writer may do is a matter of before.
      const before = proposals.some(decides) ? powersFor(user) : null;
      if (user === FOUNDER && before !== null && before.administrators > 0)
        return "this server has an administrator already";
      for (const { collection, id, after } of proposals) {
        done.push({ collection, id, record: directory.get(collection, id) });
        directory.put(collection, id, after);
      }
      const flaw = nameFlawOf(proposals) ?? (before === null ? null : powerFlaw(before));
      if (flaw !== null) undo(done.splice(mark));
      return flaw ?? true;
    };
    return { review, end: () => undo(done.splice(0)) };
  }

  function undo(steps: readonly Undo[]): void {
    for (const { collection, id, record } of steps.toReversed()) directory.put(collection, id, record);
  }

  function nameFlawOf(proposals: readonly Proposal[]): string | null {
    for (const { collection, before, after } of proposals) {
      if (collection !== "users" || after === null || before?.userName === after.userName) continue;
      if (directory.othersNamed(after as unknown as UserRecord)) return "there is another user of this name";
    }
    return null;
  }

  function powersFor(user: User): Powers {
    const given = rolesOfLink(user);
    const mayGive =
      given === null
        ? user === KEEPER || user === FOUNDER || isAdministrator(user)
        : given.some((role) => directory.administers(role));
    return { administrators: directory.administrators().size, empowered: directory.empowered(), mayGive };
  }

  function powerFlaw({ administrators, empowered, mayGive }: Powers): string | null {
    if (administrators > 0 && directory.administrators().size === 0)
      return "the last administrator stays: make another active user an administrator first";
    if (mayGive || [...directory.empowered()].every((id) => empowered.has(id))) return null;
    return "only an administrator makes an administrator";
  }

  return { begin, catchUp: () => tail.catchUp() };
}

/** Whether it may change who administers. */
function decides({ collection, before, after }: Proposal): boolean {
  if (collection !== "users") return true;
  if (before === null) return false;
  return after === null || ["active", "validFrom", "validUntil"].some((atom) => before[atom] !== after[atom]);
}
