import type { Write } from "../../model/mutation.ts";
import type { RecordData } from "../../model/record.ts";
import { randomName } from "../../util/random.ts";
import { checkPassword } from "../accounts.ts";
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
import { operationsOf, patchedUser } from "./patch.ts";
import { answer, asScim, type Resource, SCHEMAS, ScimError } from "./protocol.ts";
import { definitionsOf, tidied, WHOLE_USER } from "./schemas.ts";
import { atomsOf, attributesOf, type UserAttributes } from "./user.ts";

function resource(call: ScimCall, user: RecordData): Resource {
  const { enterprise, ...attributes } = attributesOf(user);
  const { directory } = call.state;
  const groups = directory.groupsOf(user.id).map((group) => {
    return { value: group.id, $ref: `${call.base}/Groups/${encodeURIComponent(group.id)}`, display: group.displayName };
  });
  return resourceOf(
    call,
    "User",
    enterprise === undefined ? [SCHEMAS.user] : [SCHEMAS.user, SCHEMAS.enterprise],
    user.id,
    {
      ...attributes,
      ...(groups.length === 0 ? {} : { groups }),
      ...(enterprise === undefined ? {} : { [SCHEMAS.enterprise]: enterprise }),
    },
  );
}

export async function listUsers(call: ScimCall): Promise<Response> {
  const { directory } = call.state;
  const text = call.call.url.searchParams.get("filter");
  const filter = text === null ? null : await filterOf(call.scimmy, text, WHOLE_USER);
  const name = filter?.only("userName") ?? null;
  const get = (id: string) => directory.get("users", id) as RecordData;
  // What every provider asks before each change: answered without looking at all users.
  const ids = name === null ? [...directory.users.keys()].sort() : directory.idsNamed(name);
  const attributes = (user: RecordData) => ({ id: user.id, ...attributesOf(user) });
  const matching = filter === null || name !== null ? ids : ids.filter((id) => filter.matches(attributes(get(id))));
  return listAnswer(call, matching, (id) => resource(call, get(id)));
}

export async function showUser(call: ScimCall): Promise<Response> {
  return resourceAnswer(call, 200, resource(call, recordOf(call, "users")));
}

export async function createUser(call: ScimCall): Promise<Response> {
  const { state, carrier } = call;
  const attributes = await checkedBody(call, await bodyOf(call));
  const atoms = present(atomsOf(attributes));
  const id = randomName(state.random);
  if (state.directory.idsNamed(String(atoms.userName)).length > 0) throw taken();
  await setPassword(call, id, attributes);
  await written(call, () => {
    if (state.directory.idsNamed(String(atoms.userName)).length > 0) throw taken();
    const record = { active: true, ...atoms, id, managedBy: carrier.source };
    return [{ op: "insert", collection: "users", record }];
  });
  return resourceAnswer(call, 201, resource(call, state.directory.get("users", id) as RecordData));
}

export async function replaceUser(call: ScimCall): Promise<Response> {
  const attributes = await checkedBody(call, await bodyOf(call));
  return changed(call, async () => attributes);
}

export async function patchUser(call: ScimCall): Promise<Response> {
  const operations = operationsOf(await bodyOf(call));
  return changed(call, (before) => patchedUser(call.scimmy, before, operations));
}

export async function deleteUser(call: ScimCall): Promise<Response> {
  const { directory } = call.state;
  const admit = gate(call);
  await written(call, async () => {
    const user = ownRecordOf(call, "users", resource);
    await admit(user, false);
    const memberships = directory.membershipsOf(user.id).map(({ id }): Write => {
      return { op: "delete", collection: "memberships", id };
    });
    return [...memberships, { op: "delete", collection: "users", id: user.id }];
  });
  return answer(204, null);
}

async function changed(call: ScimCall, become: (before: UserAttributes) => Promise<UserAttributes>): Promise<Response> {
  const { state, carrier } = call;
  const admit = gate(call);
  const first = ownRecordOf(call, "users", resource);
  const next = await become(attributesOf(first));
  await setPassword(call, first.id, next);
  await written(call, async () => {
    const user = ownRecordOf(call, "users", resource);
    const atoms = atomsOf(await become(attributesOf(user)));
    const others = state.directory.idsNamed(String(atoms.userName ?? user.userName)).filter((id) => id !== user.id);
    if (others.length > 0) throw taken();
    const due = Object.entries(atoms).filter(
      ([atom, value]) => JSON.stringify(user[atom] ?? null) !== JSON.stringify(value),
    );
    if (due.length === 0) return [];
    await admit(user, atoms.active !== false);
    const record = { id: user.id, ...Object.fromEntries(due), managedBy: carrier.source };
    return [{ op: "update", collection: "users", record }];
  });
  return resourceAnswer(call, 200, resource(call, recordOf(call, "users")));
}

/** Counts a deactivation once, however often it has to be planned. */
function gate({ state, carrier }: ScimCall): (user: RecordData, stays: boolean) => Promise<void> {
  let admitted = false;
  return async (user, stays) => {
    if (admitted || stays || user.active !== true) return;
    await state.sources.admit(carrier.source, 1);
    admitted = true;
  };
}

async function checkedBody({ scimmy }: ScimCall, body: unknown): Promise<UserAttributes> {
  const { groups: _, ...attributes } = tidied(body, WHOLE_USER);
  const { PatchedUser } = definitionsOf(scimmy);
  await asScim(() => new PatchedUser({ schemas: [SCHEMAS.user], ...attributes }));
  return attributes;
}

/** Of nobody who administers: else who brings users would be administrator. */
async function setPassword({ state }: ScimCall, user: string, { password }: UserAttributes): Promise<void> {
  if (password === undefined) return;
  if (typeof password !== "string") throw new ScimError(400, "invalidValue", "password is text");
  if (state.directory.empowered().has(user))
    throw new ScimError(403, null, "the password of an administrator is not set over SCIM");
  checkPassword(password, "password");
  await state.accounts.setAll([{ user, password, mustChange: false }]);
}

function present(atoms: ReturnType<typeof atomsOf>): ReturnType<typeof atomsOf> {
  return Object.fromEntries(Object.entries(atoms).filter(([, value]) => value !== null));
}

function taken(): ScimError {
  return new ScimError(409, "uniqueness", "there is another user of this name");
}
