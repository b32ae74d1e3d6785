/** What a synchronisation found, before it is carried out. */
export interface Sweep {
  /** Active users that this source manages. */
  readonly active: number;
  /** Those of them that it would deactivate or delete. */
  readonly ending: number;
}

/** A sweep beyond both is held: of ten users two may go, of ten thousand a thousand. */
const SHARE = 0.1;
const COUNT = 10;

/**
 * Why a synchronisation is held until somebody confirms it: it would end more than 10 % and more than 10 of the users (U5),
 * which a broken source does far more often than an organisation. Null: it may go on.
 *
 * @example
 * heldSweep({ active: 200, ending: 21 }) // "21 of 200 active users would be deactivated: …"
 */
export function heldSweep({ active, ending }: Sweep): string | null {
  if (ending <= COUNT || ending <= active * SHARE) return null;
  return `${ending} of ${active} active users would be deactivated: look at the source, and confirm if that is meant`;
}

/**
 * The same of memberships of groups, by which users have their roles: a directory that shows a reader no members any more
 * looks as though all had left.
 */
export function heldLeaving({ memberships, leaving }: { memberships: number; leaving: number }): string | null {
  if (leaving <= COUNT || leaving <= memberships * SHARE) return null;
  return `${leaving} of ${memberships} memberships of groups would end: look at the source, and confirm if that is meant`;
}
