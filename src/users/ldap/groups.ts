import type { Write } from "../../model/mutation.ts";
import { randomName } from "../../util/random.ts";
import type { Carrier } from "../carrier.ts";
import type { MembershipRecord } from "../collections.ts";
import type { Opened } from "../state.ts";
import type { Person, Team } from "./entry.ts";

type State = Pick<Opened, "directory" | "random">;

/** The groups that a complete pass found. */
export interface Teams {
  readonly teams: readonly Team[];
  /** Every entry could be read: a group that is not among them is gone. */
  readonly whole: boolean;
  readonly people: readonly Person[];
}

/** What one group, or one membership, comes to. */
export interface GroupStep {
  readonly kind: "group" | "joined" | "left";
  readonly who: string;
  writes(): Write[];
}

/**
 * The memberships that a pass ends. Only of who was found: whoever is absent is deactivated, and keeps them for the day of
 * coming back. A group that is gone has no members any more, and stays, so that roles that it was given are still its own.
 */
export function leaving(state: State, source: string, found: Teams): MembershipRecord[] {
  const byKey = new Map(found.teams.map((team) => [team.key, team]));
  const present = new Set(found.people.map(({ key }) => key));
  return managed(state, source).filter(({ group, user }) => {
    const key = state.directory.users.get(user)?.externalId;
    if (key === undefined || !present.has(key)) return false;
    const team = byKey.get(state.directory.groups.get(group)?.externalId ?? "");
    return team === undefined ? found.whole : !team.members.has(key);
  });
}

/** The memberships that a source has brought. */
export function managed({ directory }: State, source: string): MembershipRecord[] {
  return [...directory.groups.values()]
    .filter(({ managedBy }) => managedBy === source)
    .flatMap(({ id }) => directory.membersOf(id).filter(({ managedBy }) => managedBy === source));
}

/** What is to be done, once the users are there. */
export function groupSteps(state: State, { source }: Carrier, found: Teams): GroupStep[] {
  const { directory, random } = state;
  const own = [...directory.groups.values()].filter(({ managedBy }) => managedBy === source);
  const byKey = new Map(own.map((group) => [group.externalId, group]));
  const users = new Map(
    [...directory.users.values()].flatMap((user) =>
      user.managedBy === source && user.externalId !== undefined ? [[user.externalId, user] as const] : [],
    ),
  );
  const gone = leaving(state, source, found).map(({ id, group, user }): GroupStep => {
    const who = `${directory.users.get(user)?.userName} in ${directory.groups.get(group)?.displayName}`;
    return { kind: "left", who, writes: () => (isThere(id) ? [{ op: "delete", collection: "memberships", id }] : []) };
  });
  const steps = found.teams.flatMap(({ key, name, dn, members }): GroupStep[] => {
    const known = byKey.get(key);
    const id = known?.id ?? randomName(random);
    const inserted = { id, displayName: name, externalId: key, managedBy: source };
    const write: Write =
      known === undefined
        ? { op: "insert", collection: "groups", record: inserted }
        : { op: "update", collection: "groups", record: { id, displayName: name } };
    const group: GroupStep[] = known?.displayName === name ? [] : [{ kind: "group", who: dn, writes: () => [write] }];
    const joined = [...members].flatMap((member) => {
      const user = users.get(member);
      return user === undefined || isMember(id, user.id) ? [] : [joining(id, user.id, `${user.userName} in ${name}`)];
    });
    return [...group, ...joined];
  });
  return [...gone, ...steps];

  function isThere(membership: string): boolean {
    return directory.get("memberships", membership) !== null;
  }

  function isMember(group: string, user: string): boolean {
    return directory.membersOf(group).some((each) => each.user === user);
  }

  function joining(group: string, user: string, who: string): GroupStep {
    const record = { id: randomName(random), group, user, managedBy: source };
    const writes = (): Write[] => (isMember(group, user) ? [] : [{ op: "insert", collection: "memberships", record }]);
    return { kind: "joined", who, writes };
  }
}
