import { authorParts, keyParts } from "../model/record.ts";
import type { NoteRange, Store } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import type { LinkDetails, LinkStatus, WireConflict } from "../wire/links.ts";
import type { Aside, Conflict } from "./conflicts.ts";
import type { Link } from "./link.ts";
import { asideName, conflictName, rootOf, under } from "./names.ts";

/** How much of a log is shown: the newest of the conflicts. */
const SHOWN = 1_000;

interface Place {
  readonly store: Store;
  readonly clock: Clock;
}

/** How a link stands (S8). */
export async function statusOf({ store, clock }: Place, space: string, link: Link): Promise<LinkStatus> {
  const { plan, states, status, path, mirror } = link;
  const { name, url, scopes, direction, schedule } = plan;
  const head = await store.head(space);
  const time = (at: number) => new Date(at).toISOString();
  const asides = await notesOf<Aside>(store, space, asideName(name, ""));
  return {
    name,
    configured: !link.stored,
    url,
    space: plan.space,
    scopes,
    direction,
    schedule: schedule === null ? null : `${schedule.cron} (${schedule.timeZone})`,
    state: states.now?.state ?? "waiting",
    cause: states.now?.cause ?? null,
    since: time(states.now?.at ?? clock.now()),
    history: states.before.map(({ state, cause, at }) => ({ state, cause, at: time(at) })),
    revision: mirror.revision,
    asOf: status?.asOf == null ? null : time(status.asOf),
    queued: mirror.pending.size,
    unsent: direction === "both" ? Math.max(0, (head?.revision ?? 0) - mirror.space.place.taken) : 0,
    aside: asides.length,
    conflicts: mirror.space.conflicts,
    held: asides.filter(({ held }) => held === true).length,
    authors: link.authors,
    path,
  };
}

export async function detailsOf(place: Place, space: string, link: Link): Promise<LinkDetails> {
  const { name } = link.plan;
  const newest = Math.max(0, link.mirror.space.conflicts - SHOWN);
  const log = { from: conflictName(name, newest + 1), to: under(`${rootOf(name)}conflict/`).to };
  const conflicts = await notesIn<Conflict>(place.store, space, log);
  const asides = await notesOf<Aside>(place.store, space, asideName(name, ""));
  const asideLog = asides.map(({ key, code, message, time }) => {
    return { ...keyParts(key), code, message, at: new Date(time).toISOString() };
  });
  return { ...(await statusOf(place, space, link)), conflictLog: conflicts.map(wireConflict), asideLog };
}

function wireConflict({ time, author, ...rest }: Conflict): WireConflict {
  return { ...rest, at: new Date(time).toISOString(), author: author === null ? null : authorParts(author) };
}

function notesOf<T>(store: Store, space: string, prefix: string): Promise<T[]> {
  return notesIn(store, space, under(prefix));
}

async function notesIn<T>(store: Store, space: string, range: NoteRange): Promise<T[]> {
  const answer = await store.read(space, [{ kind: "notes-between", ...range, limit: SHOWN }]);
  return (answer?.results[0] ?? []).map(([, text]) => JSON.parse(text) as T);
}
