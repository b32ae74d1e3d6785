// The accounts of a server, out of the records of its space `system`.
import * as z from "zod/mini";
import { records } from "../../api.ts";
import { AskError, ask, inSpace } from "../../ask.ts";

const optional = z.optional(z.string());
const user = z.looseObject({
  id: z.string(),
  userName: z.string(),
  active: z.boolean(),
  displayName: optional,
  managedBy: optional,
  validUntil: optional,
});
const group = z.looseObject({ id: z.string(), displayName: z.string() });
const membership = z.looseObject({ id: z.string(), group: z.string(), user: z.string() });
const role = z.looseObject({ id: z.string(), name: z.string() });
const binding = z.looseObject({
  id: z.string(),
  role: z.string(),
  user: optional,
  group: optional,
  space: optional,
  scope: optional,
});

export type User = z.infer<typeof user>;

export interface Bound {
  readonly role: string;
  /** Whom it was given to: the user, or a group by name. */
  readonly through: string | null;
  readonly within: string;
}

export interface Person {
  readonly user: User;
  readonly groups: readonly string[];
  readonly roles: readonly Bound[];
}

export interface People {
  readonly list: readonly Person[];
  /** Fewer than there are. */
  readonly more: boolean;
}

/** Records of one collection that are read: a console is no directory. */
const MOST = 10_000;

export async function people(signal: AbortSignal): Promise<People> {
  const users = await all("users", user, signal);
  const groups = new Map((await all("groups", group, signal)).list.map((each) => [each.id, each.displayName]));
  const roles = new Map((await all("roles", role, signal)).list.map((each) => [each.id, each.name]));
  const memberships = await all("memberships", membership, signal);
  const bindings = (await all("bindings", binding, signal)).list;
  const groupsOf = new Map<string, string[]>();
  for (const each of memberships.list) {
    const list = groupsOf.get(each.user) ?? [];
    list.push(each.group);
    groupsOf.set(each.user, list);
  }
  const list = users.list.map((each) => {
    const own = groupsOf.get(each.id) ?? [];
    const bound = bindings
      .filter((one) => one.user === each.id || (one.group !== undefined && own.includes(one.group)))
      .map((one) => ({
        role: roles.get(one.role) ?? one.role,
        through: one.group === undefined ? null : (groups.get(one.group) ?? one.group),
        within: [one.space, one.scope].filter((part) => part !== undefined).join(" "),
      }));
    return { user: each, groups: own.map((id) => groups.get(id) ?? id), roles: bound };
  });
  list.sort((a, b) => a.user.userName.localeCompare(b.user.userName));
  return { list, more: users.more };
}

/** Names by ids; none where the server keeps no accounts. */
export async function userNames(signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  try {
    const { list } = await all("users", user, signal);
    return new Map(list.map(({ id, userName }) => [id, userName]));
  } catch (error) {
    if (error instanceof AskError && error.code === "unknown-space") return new Map();
    throw error;
  }
}

async function all<T>(
  collection: string,
  schema: z.ZodMiniType<T>,
  signal: AbortSignal,
): Promise<{ list: T[]; more: boolean }> {
  const list: T[] = [];
  let after: string | null = "";
  while (after !== null && list.length < MOST) {
    const page: z.infer<typeof records> = await ask(
      inSpace("system", "/records", { collection, after, limit: 1_000 }),
      records,
      { signal },
    );
    for (const { records: found } of page.runs) {
      for (const record of found) {
        const read = schema.safeParse(record);
        if (!read.success) throw new AskError("foreign", `A record of ${collection} is not what this console expects.`);
        list.push(read.data);
      }
    }
    after = page.next;
  }
  return { list, more: after !== null };
}
