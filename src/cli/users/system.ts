import type { Outcome, Write } from "../../model/mutation.ts";
import type { PushResponse } from "../../model/push.ts";
import type { RecordData } from "../../model/record.ts";
import { foldedName } from "../../users/names.ts";
import { randomName, systemRandom } from "../../util/random.ts";
import type { Line } from "../../wire/lines.ts";
import { ask, askJson, askServer, failureInLine, linesOf, type Space } from "../api.ts";
import { Failure } from "../failure.ts";

/** The space `system` as it stood at a revision. */
export interface People {
  readonly revision: number;
  readonly users: ReadonlyMap<string, RecordData>;
  readonly groups: ReadonlyMap<string, RecordData>;
  readonly memberships: ReadonlyMap<string, RecordData>;
  readonly roles: ReadonlyMap<string, RecordData>;
  readonly bindings: ReadonlyMap<string, RecordData>;
}

export async function readPeople(space: Space): Promise<People> {
  const found: { [collection: string]: Map<string, RecordData> } = {};
  const of = (collection: string) => (found[collection] ??= new Map());
  let revision = 0;
  const subscriptions = [{ scope: "users" }, { scope: "roles" }];
  for await (const text of linesOf(space, await ask(space, "/pull", { subscriptions }))) {
    const line = JSON.parse(text) as Line;
    const failure = failureInLine(space, line);
    if (failure !== null) throw failure;
    if (line.op === "put") for (const record of line.records) of(line.collection).set(record.id, record as RecordData);
    if (line.op === "remove") for (const id of line.ids) of(line.collection).delete(id);
    if (line.op === "end") revision = line.revision;
  }
  return {
    revision,
    users: of("users"),
    groups: of("groups"),
    memberships: of("memberships"),
    roles: of("roles"),
    bindings: of("bindings"),
  };
}

/** The user of a name or an id. */
export function userOf({ users }: People, name: string): RecordData {
  const folded = foldedName(name);
  const found = [...users.values()].find(({ userName }) => foldedName(String(userName)) === folded) ?? users.get(name);
  if (found === undefined)
    throw new Failure(`There is no user ${JSON.stringify(name)}. \`tidemark users list\` shows all.`);
  return found;
}

/** Who is what by a binding, of their own or of a group of theirs. */
export function rolesOf({ bindings, memberships }: People, user: string): string[] {
  const groups = new Set([...memberships.values()].filter((one) => one.user === user).map(({ group }) => group));
  const own = [...bindings.values()].filter((one) => one.user === user || groups.has(one.group ?? ""));
  return [...new Set(own.map(({ role }) => String(role)))].sort();
}

/** Writes all of it as one transaction, or fails with the reason. */
export async function change(space: Space, revision: number, writes: readonly Write[]): Promise<Outcome> {
  const client = randomName(systemRandom);
  const mutations = [{ id: 1, base: revision, whole: true, writes }];
  const { outcomes } = await askJson<PushResponse>(space, "/push", { client, mutations });
  const [outcome] = outcomes;
  if (outcome?.status === "applied") return outcome;
  if (outcome?.status === "rejected") throw new Failure(`It was refused: ${outcome.message}.`);
  throw new Failure("Somebody else changed the same at the same moment: try again.");
}

export interface Credential {
  readonly user: string;
  readonly password?: string;
  readonly phc?: string;
  readonly mustChange?: boolean;
}

export async function setCredentials(space: Space, credentials: readonly Credential[]): Promise<void> {
  if (credentials.length > 0) await askServer(space, "/v1/auth/credentials", { credentials });
}
