import type { Write } from "../../model/mutation.ts";
import type { RecordData } from "../../model/record.ts";
import { userSchema } from "../../users/collections.ts";
import { foldedName } from "../../users/names.ts";
import { phcFlaw } from "../../users/phc.ts";
import { canonical, type Json } from "../../util/json.ts";
import { randomName, systemRandom } from "../../util/random.ts";
import type { Space } from "../api.ts";
import { misuse } from "../failure.ts";
import { openSource, unreadable } from "../import/read.ts";
import { type BadRow, isBad, type RawRow } from "../import/rows.ts";
import { type Credential, change, type People, readPeople, setCredentials } from "./system.ts";

/** Columns that become atoms of the user as they are. */
const TEXTS = ["displayName", "givenName", "familyName", "externalId", "locale", "timeZone", "managedBy"];
const COLUMNS = ["userName", "active", "email", "roles", "passwordHash", "mustChange", ...TEXTS];

/** Users of one transaction, each with its roles: far below the 1,000 writes that one may have. */
const BATCH = 200;

export interface Imported {
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly refused: readonly BadRow[];
}

interface Planned {
  readonly writes: readonly Write[];
  readonly credential: Credential | null;
  readonly kind: "added" | "changed" | "unchanged";
}

/** Users of a CSV file, by their names. One row that will not do, and nothing is written. */
export async function importUsers(space: Space, file: string): Promise<Imported> {
  const rows = await rowsOf(file);
  const people = await readPeople(space);
  const names = new Map([...people.users.values()].map((user) => [foldedName(String(user.userName)), user.id]));
  const seen = new Map<string, number>();
  const refused: BadRow[] = [];
  const plans: Planned[] = [];
  for (const row of rows) {
    const plan = isBad(row) ? row : plannedOf(row, people, names, seen);
    if (isBad(plan)) refused.push(plan);
    else plans.push(plan);
  }
  const count = (kind: Planned["kind"]) => plans.filter((plan) => plan.kind === kind).length;
  if (refused.length > 0) return { added: 0, changed: 0, unchanged: 0, refused };
  let { revision } = people;
  const due = plans.filter(({ writes }) => writes.length > 0);
  for (let i = 0; i < due.length; i += BATCH) {
    const batch = due.slice(i, i + BATCH);
    // A verifier of nobody is no harm where this is broken off; a user without a password would be half a user.
    await setCredentials(
      space,
      batch.flatMap(({ credential }) => credential ?? []),
    );
    const outcome = await change(
      space,
      revision,
      batch.flatMap(({ writes }) => writes),
    );
    revision = outcome.revision;
  }
  return { added: count("added"), changed: count("changed"), unchanged: count("unchanged"), refused };
}

async function rowsOf(file: string): Promise<(RawRow | BadRow)[]> {
  const header = (columns: readonly string[]) => {
    const unknown = columns.find((column) => !COLUMNS.includes(column));
    if (unknown !== undefined)
      throw misuse(`${file} has a column ${JSON.stringify(unknown)}. There are: ${COLUMNS.join(", ")}.`);
    if (!columns.includes("userName")) throw misuse(`${file} has no column userName.`);
    if (new Set(columns).size < columns.length) throw misuse(`${file} has a column twice.`);
  };
  const options = { format: "csv", delimiter: undefined, parsed: new Set<string>(), header } as const;
  const rows: (RawRow | BadRow)[] = [];
  try {
    for await (const row of (await openSource(file, options)).rows) rows.push(row);
  } catch (error) {
    throw unreadable(file, error);
  }
  return rows;
}

function plannedOf(
  { line, data }: RawRow,
  people: People,
  names: ReadonlyMap<string, string>,
  seen: Map<string, number>,
): Planned | BadRow {
  const bad = (reason: string) => ({ line, reason });
  const name = foldedName(String(data.userName ?? ""));
  const first = seen.get(name);
  if (first !== undefined) return bad(`userName is that of line ${first}`);
  seen.set(name, line);
  const active = flagOf(data.active ?? null);
  if (active === undefined) return bad("active is true or false");
  const mustChange = flagOf(data.mustChange ?? null);
  if (mustChange === undefined) return bad("mustChange is true or false");
  const known = people.users.get(names.get(name) ?? "");
  const user = {
    ...known,
    id: known?.id ?? randomName(systemRandom),
    active: active ?? known?.active ?? true,
    ...atomsOf(data),
  };
  const checked = userSchema.safeParse(user);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    return bad(`${issue?.path.join(".")}: ${issue?.message}`);
  }
  const phc = data.passwordHash ?? null;
  const flaw = phc === null ? null : phcFlaw(String(phc));
  if (flaw !== null) return bad(`passwordHash: ${flaw}`);
  const roles = String(data.roles ?? "")
    .split(/[\s,;]+/)
    .filter((role) => role !== "");
  const missing = roles.find((role) => !people.roles.has(role));
  if (missing !== undefined) return bad(`roles: there is no role ${missing}`);
  const bound = new Set([...people.bindings.values()].filter((one) => one.user === user.id).map(({ role }) => role));
  const bindings = roles
    .filter((role) => !bound.has(role))
    .map((role): Write => {
      return { op: "insert", collection: "bindings", record: { id: `${role} ${user.id}`, role, user: user.id } };
    });
  const same = known !== undefined && canonical(known) === canonical(user as RecordData);
  const write: Write = { op: known === undefined ? "insert" : "update", collection: "users", record: user };
  const writes = [...(same ? [] : [write]), ...bindings];
  const credential =
    phc === null || known !== undefined ? null : { user: user.id, phc: String(phc), mustChange: mustChange === true };
  const kind = known === undefined ? "added" : writes.length > 0 ? "changed" : "unchanged";
  return { writes, credential, kind };
}

function atomsOf(data: RawRow["data"]): { [atom: string]: Json } {
  const atoms: { [atom: string]: Json } = { userName: String(data.userName ?? "").trim() };
  for (const column of TEXTS) if (typeof data[column] === "string") atoms[column] = data[column];
  if (typeof data.email === "string") atoms.emails = [{ value: data.email, primary: true }];
  return atoms;
}

/** Null: not said. Undefined: neither yes nor no. */
function flagOf(value: Json): boolean | null | undefined {
  if (value === null) return null;
  return { true: true, yes: true, "1": true, false: false, no: false, "0": false }[String(value).toLowerCase()];
}
