import type { Write } from "../../model/mutation.ts";
import { administratorWrites } from "../../users/accounts.ts";
import { ADMINISTRATOR, foldedName, SYSTEM } from "../../users/names.ts";
import { randomName, systemRandom } from "../../util/random.ts";
import { askServer, type Space } from "../api.ts";
import { command, type Environment, listOf, SPACE_ARGS } from "../command.ts";
import { Failure, misuse } from "../failure.ts";
import { table } from "../output.ts";
import { importUsers } from "../users/import.ts";
import { readNewPassword, readPassword } from "../users/password.ts";
import { confirm, type SourceJob, scimRevoke, scimToken, scimTokens, sync } from "../users/sources.ts";
import { change, readPeople, rolesOf, setCredentials, userOf } from "../users/system.ts";
import { openWhere } from "../where.ts";

interface Args {
  readonly name?: string | undefined;
  readonly "display-name"?: string | undefined;
  readonly email?: string | undefined;
  readonly admin?: boolean | undefined;
  readonly roles?: string | undefined;
  readonly code?: string | undefined;
  readonly "must-change"?: boolean | undefined;
  readonly "without-password"?: boolean | undefined;
}

interface Job extends SourceJob {
  readonly args: Args;
}

interface Action {
  /** What its second argument is; null: it takes none. */
  readonly takes: "NAME" | "FILE" | "SOURCE" | null;
  readonly writes: boolean;
  run(job: Job, name: string): Promise<number | void>;
}

const ACTIONS: { readonly [name: string]: Action } = {
  list: { takes: null, writes: false, run: list },
  add: { takes: "NAME", writes: true, run: add },
  deactivate: { takes: "NAME", writes: true, run: (job, name) => setActive(job, name, false) },
  reactivate: { takes: "NAME", writes: true, run: (job, name) => setActive(job, name, true) },
  passwd: { takes: "NAME", writes: true, run: passwd },
  import: { takes: "FILE", writes: true, run: imports },
  setup: { takes: "NAME", writes: true, run: setup },
  login: { takes: "NAME", writes: true, run: login },
  sync: { takes: "SOURCE", writes: true, run: sync },
  confirm: { takes: "SOURCE", writes: true, run: confirm },
  "scim-token": { takes: "NAME", writes: true, run: scimToken },
  "scim-tokens": { takes: null, writes: false, run: scimTokens },
  "scim-revoke": { takes: "NAME", writes: true, run: scimRevoke },
};

const names = Object.keys(ACTIONS).join(", ");

export default command({
  name: "users",
  description: "Lists and changes the users of a server with accounts",
  args: {
    action: { type: "positional", required: true, description: names },
    where: { type: "positional", required: true, description: "a server's address, a data folder or postgres://…" },
    name: { type: "positional", required: false, description: "of a user, a source or a token; or a CSV file" },
    "display-name": { type: "string", description: "add: the name for people", valueHint: "TEXT" },
    email: { type: "string", description: "add: an address", valueHint: "ADDRESS" },
    admin: { type: "boolean", description: "add: as an administrator" },
    roles: { type: "string", description: "add: roles by their ids, with commas between", valueHint: "ROLES" },
    "without-password": { type: "boolean", description: "add: for who comes in by another authentication" },
    "must-change": { type: "boolean", description: "add, passwd: the password is good only to set another" },
    code: { type: "string", description: "setup: the code that `serve` printed", valueHint: "CODE" },
    token: SPACE_ARGS.token,
    json: SPACE_ARGS.json,
  },
  async run({ args, env, out }) {
    const action = Object.hasOwn(ACTIONS, args.action) ? ACTIONS[args.action] : undefined;
    if (action === undefined) throw misuse(`There is no action ${JSON.stringify(args.action)}. There are: ${names}.`);
    if (action.takes === null && args.name !== undefined)
      throw misuse(`${JSON.stringify(args.name)} is one argument too many. See --help.`);
    if (action.takes !== null && args.name === undefined)
      throw misuse(`\`users ${args.action}\` takes WHERE and ${action.takes}. See --help.`);
    return inSystem(args.where, args.token, env, action.writes, (space) =>
      action.run({ space, args, out }, args.name ?? ""),
    );
  },
});

async function inSystem<T>(
  where: string,
  token: string | undefined,
  env: Environment,
  writes: boolean,
  work: (space: Space) => Promise<T>,
): Promise<T> {
  const opened = await openWhere(where, { space: SYSTEM, token }, env, writes ? async () => ({}) : null, writes);
  try {
    return await work(opened.space);
  } finally {
    await opened.close();
  }
}

async function list({ space, out }: Job): Promise<void> {
  const people = await readPeople(space);
  const users = [...people.users.values()].sort((a, b) => (String(a.userName) < String(b.userName) ? -1 : 1));
  for (const user of users) out.data({ ...user, roles: rolesOf(people, user.id) });
  const cells = users.map((user) => [
    String(user.userName),
    user.active === true ? "active" : "deactivated",
    rolesOf(people, user.id).join(", ") || "-",
    String(user.managedBy ?? "-"),
    user.id,
  ]);
  out.print(table([["NAME", "STATE", "ROLES", "MANAGED BY", "ID"], ...cells]));
}

async function add({ space, args, out }: Job, userName: string): Promise<void> {
  const people = await readPeople(space);
  const taken = [...people.users.values()].some((user) => foldedName(String(user.userName)) === foldedName(userName));
  if (taken) throw new Failure(`There is a user ${JSON.stringify(userName)} already.`);
  const roles = listOf(args.roles ?? "");
  const missing = roles.find((role) => !people.roles.has(role));
  if (missing !== undefined)
    throw new Failure(`There is no role ${missing}. There are: ${[...people.roles.keys()].join(", ") || "none"}.`);
  const id = randomName(systemRandom);
  const user = {
    id,
    userName,
    active: true,
    ...(args["display-name"] !== undefined && { displayName: args["display-name"] }),
    ...(args.email !== undefined && { emails: [{ value: args.email, primary: true }] }),
  };
  const writes: Write[] = [
    { op: "insert", collection: "users", record: user },
    ...(args.admin === true ? administratorWrites(id, people.roles.has(ADMINISTRATOR)) : []),
    ...roles.map(
      (role): Write => ({ op: "insert", collection: "bindings", record: { id: `${role} ${id}`, role, user: id } }),
    ),
  ];
  if (args["without-password"] !== true) {
    const password = await readNewPassword(`password of ${userName}`);
    await setCredentials(space, [{ user: id, password, mustChange: args["must-change"] === true }]);
  }
  await change(space, people.revision, writes);
  out.result(`${userName} is added`, { id, userName });
}

async function setActive({ space, out }: Job, name: string, active: boolean): Promise<void> {
  const people = await readPeople(space);
  const { id, userName } = userOf(people, name);
  await change(space, people.revision, [{ op: "update", collection: "users", record: { id, active } }]);
  const what = active
    ? "is active again: a new login is needed"
    : "is deactivated: no login of this user holds any more";
  out.result(`${userName} ${what}`, { id, userName, active });
}

async function passwd({ space, args, out }: Job, name: string): Promise<void> {
  const { id, userName } = userOf(await readPeople(space), name);
  const password = await readNewPassword(`new password of ${userName}`);
  await setCredentials(space, [{ user: id, password, mustChange: args["must-change"] === true }]);
  out.result(`The password of ${userName} is set; the logins of the old one have ended`, { id, userName });
}

async function imports({ space, out }: Job, file: string): Promise<number> {
  const { refused, ...counts } = await importUsers(space, file);
  for (const { line, reason } of refused) out.note(`${file}:${line}: ${reason}`);
  const { added, changed, unchanged } = counts;
  const text = `${added} added, ${changed} changed, ${unchanged} unchanged`;
  out.result(
    refused.length === 0
      ? text
      : `${refused.length} ${refused.length === 1 ? "row" : "rows"} will not do: nothing was written`,
    {
      ...counts,
      refused: refused.length,
    },
  );
  return refused.length === 0 ? 0 : 1;
}

async function setup({ space, args, out }: Job, userName: string): Promise<void> {
  if (args.code === undefined) throw misuse("setup needs --code CODE, which `tidemark serve --users` printed.");
  const password = await readNewPassword(`password of ${userName}`);
  const body = { code: args.code, userName, password };
  const { user } = (await (await askServer(space, "/v1/auth/setup", body)).json()) as { user: { id: string } };
  out.result(`${userName} is the administrator`, { id: user.id, userName });
}

/** Prints nothing but the access token, for TIDEMARK_TOKEN. */
async function login({ space, out }: Job, userName: string): Promise<void> {
  const password = await readPassword(`password of ${userName}`);
  const response = await askServer(space, "/v1/auth/login", { userName, password });
  const tokens = (await response.json()) as { accessToken: string };
  out.result(tokens.accessToken, tokens);
}
