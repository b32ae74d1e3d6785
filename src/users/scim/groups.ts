import type { Write } from "../../model/mutation.ts";
import type { RecordData } from "../../model/record.ts";
import { randomName } from "../../util/random.ts";
import {
  bodyOf,
  listAnswer,
  ownRecordOf,
  recordOf,
  resourceAnswer,
  resourceOf,
  type ScimCall,
  written,
} from "./call.ts";
import { filterOf } from "./filter.ts";
import { type GroupState, memberIds, operationsOf, patchedGroup } from "./patch.ts";
import { answer, type Resource, SCHEMAS, ScimError, short } from "./protocol.ts";
import { GROUP, tidied } from "./schemas.ts";

function attributesOf({ state, base }: ScimCall, group: RecordData) {
  const { directory } = state;
  const ids = [...new Set(directory.membersOf(group.id).map(({ user }) => user))].filter((id) =>
    directory.users.has(id),
  );
  const members = ids.sort().map((value) => {
    const { displayName, userName } = directory.users.get(value) ?? {};
    return {
      value,
      $ref: `${base}/Users/${encodeURIComponent(value)}`,
      display: displayName ?? userName,
      type: "User",
    };
  });
  return {
    displayName: group.displayName,
    ...(group.externalId === undefined ? {} : { externalId: group.externalId }),
    ...(members.length === 0 ? {} : { members }),
  };
}

function resource(call: ScimCall, group: RecordData): Resource {
  return resourceOf(call, "Group", [SCHEMAS.group], group.id, attributesOf(call, group));
}

export async function listGroups(call: ScimCall): Promise<Response> {
  const { directory } = call.state;
  const text = call.call.url.searchParams.get("filter");
  const filter = text === null ? null : await filterOf(call.scimmy, text, GROUP);
  const get = (id: string) => directory.get("groups", id) as RecordData;
  const attributes = (id: string) => ({ id, ...attributesOf(call, get(id)) });
  const ids = [...directory.groups.keys()].sort();
  const matching = filter === null ? ids : ids.filter((id) => filter.matches(attributes(id)));
  return listAnswer(call, matching, (id) => resource(call, get(id)));
}

export async function showGroup(call: ScimCall): Promise<Response> {
  return resourceAnswer(call, 200, resource(call, recordOf(call, "groups")));
}

export async function createGroup(call: ScimCall): Promise<Response> {
  const { state, carrier } = call;
  const wanted = stateOf(await bodyOf(call));
  const id = randomName(state.random);
  await written(call, () => {
    for (const group of state.directory.groups.values())
      if (group.managedBy === carrier.source && group.displayName === wanted.displayName)
        throw new ScimError(409, "uniqueness", "there is another group of this name");
    const record = { id, ...atomsOf(wanted), managedBy: carrier.source };
    return [{ op: "insert", collection: "groups", record }, ...memberWrites(call, id, wanted.members)];
  });
  return resourceAnswer(call, 201, resource(call, state.directory.get("groups", id) as RecordData));
}

export async function replaceGroup(call: ScimCall): Promise<Response> {
  const wanted = stateOf(await bodyOf(call));
  return changed(call, () => wanted);
}

export async function patchGroup(call: ScimCall): Promise<Response> {
  const operations = operationsOf(await bodyOf(call));
  return changed(call, (before) => patchedGroup(before, operations));
}

export async function deleteGroup(call: ScimCall): Promise<Response> {
  await written(call, () => {
    const group = ownRecordOf(call, "groups", resource);
    const memberships = call.state.directory.membersOf(group.id).map(({ id }): Write => {
      return { op: "delete", collection: "memberships", id };
    });
    return [...memberships, { op: "delete", collection: "groups", id: group.id }];
  });
  return answer(204, null);
}

async function changed(call: ScimCall, become: (before: GroupState) => GroupState): Promise<Response> {
  const { directory } = call.state;
  await written(call, () => {
    const group = ownRecordOf(call, "groups", resource);
    const members = new Set(directory.membersOf(group.id).map(({ user }) => user));
    const before = { displayName: String(group.displayName), externalId: textOrNull(group.externalId), members };
    const after = become(before);
    const { displayName, externalId } = after;
    const same = displayName === before.displayName && externalId === before.externalId;
    const record = { id: group.id, displayName, externalId, managedBy: call.carrier.source };
    const writes = memberWrites(call, group.id, after.members);
    return same ? writes : [{ op: "update", collection: "groups", record }, ...writes];
  });
  return resourceAnswer(call, 200, resource(call, recordOf(call, "groups")));
}

/** What makes the members of a group these. Memberships that another source manages stay. */
function memberWrites({ state, carrier }: ScimCall, group: string, wanted: ReadonlySet<string>): Write[] {
  const { directory, random } = state;
  const rows = directory.membersOf(group);
  const there = new Set(rows.map(({ user }) => user));
  const fresh = [...wanted].filter((user) => !there.has(user));
  const unknown = fresh.find((user) => !directory.users.has(user));
  if (unknown !== undefined)
    throw new ScimError(400, "invalidValue", `there is no user ${short(unknown)} to be a member`);
  const over = rows.filter(({ user, managedBy }) => !wanted.has(user) && carrier.mayChange(managedBy));
  return [
    ...over.map(({ id }): Write => ({ op: "delete", collection: "memberships", id })),
    ...fresh.map((user): Write => {
      const record = { id: randomName(random), group, user, managedBy: carrier.source };
      return { op: "insert", collection: "memberships", record };
    }),
  ];
}

function stateOf(body: unknown): GroupState {
  const { displayName, externalId, members } = tidied(body, GROUP);
  if (typeof displayName !== "string" || displayName === "")
    throw new ScimError(400, "invalidValue", "a group has a displayName");
  return { displayName, externalId: textOrNull(externalId), members: new Set(memberIds(members)) };
}

function atomsOf({ displayName, externalId }: GroupState) {
  return externalId === null ? { displayName } : { displayName, externalId };
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
