import type { Write } from "../../model/mutation.ts";
import { canonical, type Json } from "../../util/json.ts";
import { randomName } from "../../util/random.ts";
import { type Carrier, Rejected } from "../carrier.ts";
import type { UserRecord } from "../collections.ts";
import { heldLeaving, heldSweep } from "../guard.ts";
import type { Opened } from "../state.ts";
import type { Person, Team } from "./entry.ts";
import { type GroupStep, groupSteps, leaving, managed, type Teams } from "./groups.ts";

/** Users of one transaction. */
const BATCH = 200;

/** What a pass did. */
export interface Passed {
  readonly found: number;
  readonly added: number;
  readonly changed: number;
  readonly deactivated: number;
  readonly unchanged: number;
  /** Of the groups, where they are asked for. */
  readonly groups?: { readonly found: number; readonly joined: number; readonly left: number };
  /** Who could not be taken, and why. */
  readonly refused: readonly string[];
}

/** What a complete pass found. */
export interface Found {
  readonly people: readonly Person[];
  /** Entries that could not be read, and why. */
  readonly broken: readonly string[];
  /** Null where they are not asked for. */
  readonly groups: { readonly teams: readonly Team[]; readonly broken: readonly string[] } | null;
}

type State = Pick<Opened, "directory" | "sources" | "random" | "system">;

/** What one person, or one absence, comes to. */
interface Step {
  readonly kind: "added" | "changed" | "deactivated";
  readonly who: string;
  /** By the directory as it stands then. */
  writes(): Write[];
}

/**
 * Brings the users of a source to what a complete pass found (U18): by their keys, so that who was renamed or moved stays
 * who they are. Who is absent is deactivated. Throws `forbidden` where that is held (U5): then nothing was changed.
 */
export async function carryPass(state: State, carrier: Carrier, { people, broken, groups }: Found): Promise<Passed> {
  await state.system.catchUp();
  const managed = [...state.directory.users.values()].filter(({ managedBy }) => managedBy === carrier.source);
  const byKey = new Map(managed.flatMap((user) => (user.externalId === undefined ? [] : [[user.externalId, user]])));
  const steps = people.flatMap((person) => stepFor(state, carrier, person, byKey.get(person.key)) ?? []);
  // An entry that could not be read is not absent, and whose it is is not known: then nobody is.
  const seen = new Set(people.map(({ key }) => key));
  const absent = broken.length > 0 ? [] : managed.filter(({ externalId = "" }) => !seen.has(externalId));
  const absences = absent.flatMap((user) => absenceOf(state, user) ?? []);
  steps.push(...absences);
  const active = managed.filter((user) => user.active).length;
  const ending = steps.filter(({ kind }) => kind === "deactivated").length;
  const nobody =
    people.length === 0 && active > 0 ? "the pass found nobody at all: look at the source, and confirm" : null;
  const teams = groups === null ? null : { ...groups, whole: groups.broken.length === 0, people };
  const held = nobody ?? heldSweep({ active, ending }) ?? (teams === null ? null : heldTeams(state, carrier, teams));
  await state.sources.admitPass(carrier.source, held);
  const { done, refused } = await carryOut(carrier, steps);
  const carried = teams === null ? null : await carryOut(carrier, groupSteps(state, carrier, teams));
  const count = (kind: Step["kind"]) => done.filter((step) => step.kind === kind).length;
  const moved = (kind: GroupStep["kind"]) => carried?.done.filter((step) => step.kind === kind).length ?? 0;
  return {
    found: people.length,
    added: count("added"),
    changed: count("changed"),
    deactivated: count("deactivated"),
    unchanged: people.length + absences.length - steps.length,
    ...(groups !== null && { groups: { found: groups.teams.length, joined: moved("joined"), left: moved("left") } }),
    refused: [...broken, ...(groups?.broken ?? []), ...refused, ...(carried?.refused ?? [])],
  };
}

/** Why what became of the groups waits for a confirmation; null: it does not. */
function heldTeams(state: State, { source }: Carrier, teams: Teams): string | null {
  const memberships = managed(state, source).length;
  if (teams.teams.length === 0 && teams.whole && memberships > 0)
    return "the pass found no group at all: look at the source, and confirm";
  return heldLeaving({ memberships, leaving: leaving(state, source, teams).length });
}

/** Null: it is as the source says. */
function stepFor(
  { directory, random }: State,
  carrier: Carrier,
  person: Person,
  known: UserRecord | undefined,
): Step | null {
  const { key, atoms, active, dn } = person;
  if (known === undefined) {
    const there = Object.fromEntries(Object.entries(atoms).filter(([, value]) => value !== null));
    const id = randomName(random);
    const record = { ...there, id, externalId: key, active, sourceActive: active, managedBy: carrier.source };
    return { kind: "added", who: dn, writes: () => [{ op: "insert", collection: "users", record }] };
  }
  const due = (): { [atom: string]: Json } => {
    const now = (directory.get("users", known.id) ?? {}) as { readonly [atom: string]: Json };
    const wanted = { ...atoms, ...standing(now, active) };
    return Object.fromEntries(
      Object.entries(wanted).filter(([atom, value]) => canonical(now[atom] ?? null) !== canonical(value)),
    );
  };
  const first = due();
  if (Object.keys(first).length === 0) return null;
  const kind = known.active && first.active === false ? "deactivated" : "changed";
  return { kind, who: dn, writes: () => updateOf(known.id, due()) };
}

function absenceOf({ directory }: State, { id, userName }: UserRecord): Step | null {
  const due = () => {
    const now = (directory.get("users", id) ?? {}) as { readonly [atom: string]: Json };
    return now.sourceActive === false ? {} : { active: false, sourceActive: false };
  };
  if (Object.keys(due()).length === 0) return null;
  const kind = directory.users.get(id)?.active === true ? "deactivated" : "changed";
  return { kind, who: userName, writes: () => updateOf(id, due()) };
}

/** Only what the source says anew is taken: whom an administrator deactivated here is not brought back by the next pass. */
function standing(now: { readonly [atom: string]: Json }, active: boolean): { [atom: string]: Json } {
  return now.sourceActive === active ? {} : { active, sourceActive: active };
}

function updateOf(id: string, atoms: { readonly [atom: string]: Json }): Write[] {
  return Object.keys(atoms).length === 0 ? [] : [{ op: "update", collection: "users", record: { id, ...atoms } }];
}

/** In batches; of one that will not do, one by one. */
async function carryOut<S extends Pick<Step, "who" | "writes">>(
  carrier: Carrier,
  steps: readonly S[],
): Promise<{ done: S[]; refused: string[] }> {
  const done: S[] = [];
  const refused: string[] = [];
  for (let i = 0; i < steps.length; i += BATCH) {
    const batch = steps.slice(i, i + BATCH);
    try {
      await carrier.write(() => batch.flatMap((step) => step.writes()));
      done.push(...batch);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      for (const step of batch) {
        try {
          await carrier.write(() => step.writes());
          done.push(step);
        } catch (fault) {
          if (!(fault instanceof Rejected)) throw fault;
          refused.push(`${step.who}: ${fault.message}`);
        }
      }
    }
  }
  return { done, refused };
}
