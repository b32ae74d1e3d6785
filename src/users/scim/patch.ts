import { isObject } from "../../util/json.ts";
import { asScim, SCHEMAS, ScimError, type Scimmy, short } from "./protocol.ts";
import { definitionsOf, GROUP, tidied, truth, WHOLE_USER, withoutUrn } from "./schemas.ts";
import type { UserAttributes } from "./user.ts";

/** Operations of one request. */
const MOST = 1_000;

interface Operation {
  readonly op: "add" | "remove" | "replace";
  readonly path: string | undefined;
  readonly value: unknown;
}

/** The operations of a patch, whatever case Entra writes them in. */
export function operationsOf(body: unknown): Operation[] {
  if (!isObject(body)) throw new ScimError(400, "invalidSyntax", "the body is a JSON object");
  const { schemas, Operations: operations = body.operations } = body;
  if (!Array.isArray(schemas) || !schemas.includes(SCHEMAS.patch))
    throw new ScimError(400, "invalidSyntax", `a patch has the schema ${SCHEMAS.patch}`);
  if (!Array.isArray(operations) || operations.length === 0 || operations.length > MOST)
    throw new ScimError(400, "invalidSyntax", `a patch has 1 to ${MOST} Operations`);
  return operations.map((each: unknown): Operation => {
    const { op, path, value } = isObject(each) ? each : {};
    const name = typeof op === "string" ? op.toLowerCase() : "";
    if (name !== "add" && name !== "remove" && name !== "replace")
      throw new ScimError(400, "invalidSyntax", "an operation is add, remove or replace");
    if (path !== undefined && path !== null && typeof path !== "string")
      throw new ScimError(400, "invalidPath", "a path is text");
    if (typeof path === "string" && path.length > 1_024)
      throw new ScimError(400, "invalidPath", "a path has at most 1024 characters");
    if (name !== "remove" && value === undefined)
      throw new ScimError(400, "invalidValue", `an operation ${name} has a value`);
    const at = typeof path === "string" && path !== "" ? withoutUrn(path) : undefined;
    if (name === "remove" && at === undefined) throw new ScimError(400, "noTarget", "an operation remove has a path");
    return { op: name, path: at, value };
  });
}

/** What a patch makes of a user's attributes. */
export async function patchedUser(
  scimmy: Scimmy,
  before: UserAttributes,
  operations: readonly Operation[],
): Promise<UserAttributes> {
  const { PatchedUser } = definitionsOf(scimmy);
  let user = await asScim(() => new PatchedUser({ schemas: [SCHEMAS.user], ...before }));
  for (const operation of operations)
    for (const each of plainOperations(operation)) {
      // One by one, since each has to see what the last one left.
      const due = completed(user as unknown as UserAttributes, each);
      const patch = new scimmy.Messages.PatchOp({ schemas: [SCHEMAS.patch], Operations: [due] } as never);
      const patched = await asScim(() => patch.apply(user));
      user = (patched as typeof user | undefined) ?? user;
    }
  const { schemas: _, meta: __, id: ___, ...after } = JSON.parse(JSON.stringify(user)) as UserAttributes;
  const password = (user as unknown as UserAttributes).password;
  return { ...after, ...(password === undefined ? {} : { password }) };
}

/** Without a path, an operation is one for each attribute of its value; Okta and Entra put paths in the place of names there. */
function plainOperations({ op, path, value }: Operation): Operation[] {
  if (path !== undefined) return [{ op, path, value: pathTruth(path, value) }];
  if (!isObject(value))
    throw new ScimError(400, "invalidValue", "an operation without a path has an object as its value");
  return Object.entries(value).flatMap(([key, part]): Operation[] => {
    const name = withoutUrn(key);
    if (["schemas", "id", "meta"].includes(name.toLowerCase())) return [];
    if (/[.[]/.test(name)) return [{ op, path: name, value: pathTruth(name, part) }];
    if (part === null) return [{ op: "remove", path: name, value: undefined }];
    return Object.entries(tidied({ [name]: part }, WHOLE_USER)).map(([path, plain]) => ({ op, path, value: plain }));
  });
}

function pathTruth(path: string, value: unknown): unknown {
  return /(^|\.)(active|primary)$/i.test(path) ? truth(value) : value;
}

/** `emails[type eq "work"].value` where there is none of that type makes one, as Entra expects. */
function completed(user: UserAttributes, operation: Operation): Operation {
  const [, attribute, type, part] = /^(\w+)\[type eq "([^"]*)"\]\.(\w+)$/i.exec(operation.path ?? "") ?? [];
  if (attribute === undefined || part === undefined || operation.op === "remove") return operation;
  const values = user[attribute];
  const has = Array.isArray(values) && values.some((one: { type?: string }) => one.type === type);
  return has ? operation : { op: "add", path: attribute, value: [{ type, [part]: operation.value }] };
}

/** What can be changed of a group. */
export interface GroupState {
  displayName: string;
  externalId: string | null;
  /** Ids of users. */
  members: Set<string>;
}

/** What a patch makes of a group. Only a `remove` of `members` without a value empties it. */
export function patchedGroup(before: GroupState, operations: readonly Operation[]): GroupState {
  const group = { ...before, members: new Set(before.members) };
  for (const { op, path, value } of operations) {
    if (path !== undefined) applyTo(group, op, path, value);
    else if (isObject(value))
      for (const [name, part] of Object.entries(value)) applyTo(group, op, withoutUrn(name), part);
    else throw new ScimError(400, "invalidValue", "an operation without a path has an object as its value");
  }
  return group;
}

const ONE_MEMBER = /^members\[\s*value\s+eq\s+"([^"]*)"\s*\]$/i;

function applyTo(group: GroupState, op: Operation["op"], path: string, value: unknown): void {
  const one = ONE_MEMBER.exec(path)?.[1];
  if (one !== undefined) {
    if (op === "remove") group.members.delete(one);
    else group.members.add(one);
    return;
  }
  switch (path.toLowerCase()) {
    case "schemas":
    case "id":
    case "meta":
      return;
    case "members":
      return changeMembers(group, op, value);
    case "displayname":
      if (op === "remove") throw new ScimError(400, "mutability", "displayName cannot be removed");
      group.displayName = textOf(value, "displayName");
      return;
    case "externalid":
      group.externalId = op === "remove" ? null : textOf(value, "externalId");
      return;
    default:
      throw new ScimError(400, "invalidPath", `a group has no ${short(path)} to change`);
  }
}

function changeMembers({ members }: GroupState, op: Operation["op"], value: unknown): void {
  if (op === "remove" && value === undefined) return members.clear();
  const ids = memberIds(value);
  if (op === "replace") members.clear();
  for (const id of ids) {
    if (op === "remove") members.delete(id);
    else members.add(id);
  }
}

/** Members come as `{value}`, alone or in a list; some send bare ids. */
export function memberIds(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).map((each: unknown) => {
    if (typeof each === "string") return each;
    const { value: id } =
      tidied({ members: [each] }, GROUP).members instanceof Array && isObject(each) ? lowered(each) : {};
    if (typeof id !== "string") throw new ScimError(400, "invalidValue", "a member is {value: the id of a user}");
    return id;
  });
}

function lowered(object: { readonly [key: string]: unknown }): { [key: string]: unknown } {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]));
}

function textOf(value: unknown, path: string): string {
  if (typeof value !== "string" || value === "") throw new ScimError(400, "invalidValue", `${path} is text`);
  return value;
}
