import type { RecordData, Revision } from "../model/record.ts";
import type { BindingRecord, GroupRecord, MembershipRecord, RoleRecord, UserRecord } from "./collections.ts";
import { foldedName } from "./names.ts";

/** What a user may do by one grant of a role, narrowed by the binding that gave it. */
export interface Granted {
  readonly space: string;
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly admin: boolean;
  /** A scope must be covered by this pattern, too. */
  readonly within: string | null;
}

/** The records of the space `system` in memory, with the ways through them. Knows nothing of time but what it is asked. */
export class Directory {
  readonly users = new Map<string, UserRecord>();
  readonly roles = new Map<string, RoleRecord>();
  readonly #bindings = new Map<string, BindingRecord>();
  readonly #memberships = new Map<string, MembershipRecord>();
  readonly groups = new Map<string, GroupRecord>();
  readonly #names = new Index();
  readonly #membersOf = new Index();
  readonly #groupsOf = new Index();
  readonly #bindingsOf = new Index();
  readonly #bindingsBy = new Index();
  readonly #active = new Map<string, Revision>();
  readonly #granted = new Map<string, readonly Granted[]>();

  clear(): void {
    for (const map of [this.users, this.roles, this.#bindings, this.#memberships, this.groups]) map.clear();
    for (const index of [this.#names, this.#membersOf, this.#groupsOf, this.#bindingsOf, this.#bindingsBy])
      index.clear();
    this.#active.clear();
    this.#granted.clear();
  }

  get(collection: string, id: string): RecordData | null {
    return (this.#mapOf(collection)?.get(id) as RecordData | undefined) ?? null;
  }

  /** Puts a record, or takes it away. Says whether that may change who may come in, or what somebody may do. */
  put(collection: string, id: string, record: RecordData | null): boolean {
    const map = this.#mapOf(collection) as Map<string, unknown> | null;
    if (map === null) return false;
    const before = this.get(collection, id);
    if (before !== null) this.#link(collection, before, false);
    if (record === null) map.delete(id);
    else map.set(id, record);
    if (record !== null) this.#link(collection, record, true);
    const decides = collection !== "users" || !sameStanding(before, record);
    if (collection !== "users") this.#granted.clear();
    return decides;
  }

  /** The revision at which the user's `active` was last written; every other one ends the sessions before. */
  activeSince(user: string): Revision | null {
    return this.#active.get(user) ?? null;
  }

  setActiveSince(user: string, revision: Revision | null): void {
    if (revision === null) this.#active.delete(user);
    else this.#active.set(user, revision);
  }

  /** The one user of a name; null where there is none, or where a link brought a second one. */
  named(userName: string): UserRecord | null {
    const ids = this.#names.of(foldedName(userName));
    const [id] = ids;
    return ids.size === 1 && id !== undefined ? (this.users.get(id) ?? null) : null;
  }

  /** All users of a name. */
  idsNamed(userName: string): string[] {
    return [...this.#names.of(foldedName(userName))];
  }

  /** The memberships of a group, and of a user. */
  membersOf(group: string): MembershipRecord[] {
    return [...this.#membersOf.of(group)].flatMap((id) => this.#memberships.get(id) ?? []);
  }

  membershipsOf(user: string): MembershipRecord[] {
    return [...this.#groupsOf.of(user)].flatMap((id) => this.#memberships.get(id) ?? []);
  }

  groupsOf(user: string): GroupRecord[] {
    const ids = new Set(this.membershipsOf(user).map(({ group }) => group));
    return [...ids].flatMap((id) => this.groups.get(id) ?? []);
  }

  othersNamed({ userName, id }: UserRecord): boolean {
    return [...this.#names.of(foldedName(userName))].some((other) => other !== id);
  }

  rolesOf(user: string): string[] {
    return [...new Set(this.#bindingsFor(user).map(({ role }) => role))];
  }

  grantsOf(user: string): readonly Granted[] {
    const known = this.#granted.get(user);
    if (known !== undefined) return known;
    const granted = this.#bindingsFor(user).flatMap((binding) => this.#grantedBy(binding));
    this.#granted.set(user, granted);
    return granted;
  }

  /** The administrators who go on being so: active, and without an end. */
  administrators(): Set<string> {
    return new Set([...this.empowered()].filter((user) => lasts(this.users.get(user))));
  }

  /** Whom a binding makes an administrator of the server, whether they may come in at the moment, or are there at all. */
  empowered(): Set<string> {
    const found = new Set<string>();
    for (const role of this.roles.values()) {
      if (!this.administers(role.id)) continue;
      for (const id of this.#bindingsOf.of(role.id)) {
        const binding = this.#bindings.get(id);
        if (binding === undefined || binding.space !== undefined || binding.scope !== undefined) continue;
        for (const user of this.#bound(binding)) found.add(user);
      }
    }
    return found;
  }

  /** Whether a role administers the server. */
  administers(role: string): boolean {
    return this.roles.get(role)?.grants.some(({ space, admin }) => space === "*" && admin === true) === true;
  }

  #mapOf(collection: string): ReadonlyMap<string, unknown> | null {
    switch (collection) {
      case "users":
        return this.users;
      case "groups":
        return this.groups;
      case "memberships":
        return this.#memberships;
      case "roles":
        return this.roles;
      case "bindings":
        return this.#bindings;
      default:
        return null;
    }
  }

  #link(collection: string, record: RecordData, there: boolean): void {
    const { id } = record;
    if (collection === "users") this.#names.set(foldedName((record as unknown as UserRecord).userName), id, there);
    if (collection === "memberships") {
      const { group, user } = record as unknown as MembershipRecord;
      this.#membersOf.set(group, id, there);
      this.#groupsOf.set(user, id, there);
    }
    if (collection !== "bindings") return;
    const { role, user, group } = record as unknown as BindingRecord;
    this.#bindingsOf.set(role, id, there);
    this.#bindingsBy.set(user === undefined ? `group ${group}` : `user ${user}`, id, there);
  }

  #bindingsFor(user: string): BindingRecord[] {
    const groups = [...this.#groupsOf.of(user)].map((id) => `group ${this.#memberships.get(id)?.group}`);
    const ids = [`user ${user}`, ...new Set(groups)].flatMap((subject) => [...this.#bindingsBy.of(subject)]);
    return ids.flatMap((id) => this.#bindings.get(id) ?? []);
  }

  #grantedBy(binding: BindingRecord): Granted[] {
    const grants = this.roles.get(binding.role)?.grants ?? [];
    return grants.flatMap(({ space, read = [], write = [], admin = false }) => {
      const narrowed = binding.space ?? space;
      if (space !== "*" && narrowed !== space) return [];
      const within = binding.scope ?? null;
      return [{ space: narrowed, read, write, admin: admin && within === null, within }];
    });
  }

  #bound({ user, group }: BindingRecord): string[] {
    if (user !== undefined) return [user];
    return [...this.#membersOf.of(group ?? "")].flatMap((id) => this.#memberships.get(id)?.user ?? []);
  }
}

/** Ids by what they have in common. */
class Index {
  readonly #sets = new Map<string, Set<string>>();

  of(key: string): ReadonlySet<string> {
    return this.#sets.get(key) ?? NOBODY;
  }

  set(key: string, id: string, there: boolean): void {
    const set = this.#sets.get(key) ?? new Set();
    if (there) set.add(id);
    else set.delete(id);
    if (set.size > 0) this.#sets.set(key, set);
    else this.#sets.delete(key);
  }

  clear(): void {
    this.#sets.clear();
  }
}

const NOBODY: ReadonlySet<string> = new Set();

function lasts(user: UserRecord | undefined): boolean {
  return user?.active === true && user.validUntil === undefined && user.validFrom === undefined;
}

/** Whether a user may come in at a time. */
export function isIn(user: UserRecord | undefined, now: number): user is UserRecord {
  if (user?.active !== true) return false;
  const { validFrom, validUntil } = user;
  if (validFrom !== undefined && now < Date.parse(validFrom)) return false;
  return validUntil === undefined || now < Date.parse(validUntil);
}

function sameStanding(before: RecordData | null, after: RecordData | null): boolean {
  if (before === null || after === null) return false;
  return (["active", "validFrom", "validUntil"] as const).every((atom) => before[atom] === after[atom]);
}
