import { type Batch, type Loaded, NOTHING_WANTED, NOTHING_WRITTEN } from "../../model/batch.ts";
import { wantedOf } from "../../model/decide.ts";
import { type Followed, followMirror, LackingFamilies, type MirrorChange, mutationOf } from "../../model/link.ts";
import type { Key } from "../../model/record.ts";
import { must } from "../../util/assert.ts";
import { type Json, sameJson } from "../../util/json.ts";
import { byId } from "../by-id.ts";
import { type Flaw, rejected } from "../clean/step.ts";
import type { Origin, Placement, SourceRow } from "../entities.ts";
import { ingestAuthor, streamOfAuthor } from "../names.ts";
import { refusedNotes, settledNotes } from "../quarantine/notes.ts";
import { SUPPRESSION_KEY, suppressionNote } from "../suppressed.ts";
import { type Candidate, type Incoming, type Judged, type JudgeParts, judge, nameOf, type Refusal } from "./judge.ts";
import type { RunCounts, RunRow, TaskState } from "./state.ts";

/** Changes that one transaction takes. */
export const SLICE = 1_000;
/** Attempts to commit a slice, each with what the one before lacked or found refused. */
const ATTEMPTS = 40;

/** What is known of a run while it goes on; only the holder of the lease moves it. */
export interface Standing {
  readonly state: TaskState;
  readonly row: RunRow;
}

/** The space refuses records of these source records. */
class RefusedHere extends Error {
  readonly flaws: ReadonlyMap<string, Flaw>;
  constructor(flaws: ReadonlyMap<string, Flaw>) {
    super("the space refuses records");
    this.flaws = flaws;
  }
}

/** What a placement rests on has changed meanwhile. */
class Moved extends Error {}

/** Something was erased since the slice was judged. */
class Erased extends Error {}

/**
 * Commits a slice of changes of distinct names in one transaction: records, source rows, quarantine, and with them where
 * the stream stands (I1).
 *
 * - `move`: what else becomes of state and run row, with the counts of this slice added already.
 * - `anew`: how often the slice was judged before, as something was erased meanwhile.
 */
export async function commit(
  parts: JudgeParts,
  incoming: readonly Incoming[],
  standing: Standing,
  move: (next: Standing) => Standing,
  anew = 0,
): Promise<Standing> {
  const { state, row } = standing;
  const { place } = parts;
  if (incoming.length === 0) {
    const next = move(standing);
    await place.write(NOTHING_WANTED, () => ({ ...NOTHING_WRITTEN, notes: standingNotes(parts, next) }));
    return next;
  }
  const whole = state.pass !== null && row.kind !== "backfill" && row.kind !== "replay";
  const judged = await judge(parts, incoming, state.seq + 1, whole);
  let candidates = judged.candidates;
  const refusals = [...judged.refusals];
  let lacking: ReadonlySet<Key> | null = null;
  const refuse = (flaws: ReadonlyMap<string, Flaw>, stage: Refusal["stage"]) => {
    for (const each of candidates) {
      const flaw = flaws.get(each.name);
      if (flaw !== undefined) refusals.push({ ...each, stage, flaws: [flaw] });
    }
    candidates = candidates.filter(({ name }) => !flaws.has(name));
  };
  for (let attempt = 1; ; attempt++) {
    const placement = await placed(parts, candidates);
    if (placement.flaws.size > 0 && attempt < ATTEMPTS) {
      refuse(placement.flaws, "match");
      continue;
    }
    try {
      return await written(parts, { judged, candidates, refusals, placement, lacking }, standing, move);
    } catch (error) {
      if (attempt === ATTEMPTS || anew === ATTEMPTS) throw error;
      if (error instanceof Erased) return await commit(parts, incoming, standing, move, anew + 1);
      if (error instanceof RefusedHere) refuse(error.flaws, "commit");
      else if (error instanceof LackingFamilies) lacking = error.families;
      else if (!(error instanceof Moved)) throw error;
    }
  }
}

async function placed({ place, cleaned, source }: JudgeParts, candidates: readonly Candidate[]): Promise<Placement> {
  const { match = byId, collection } = cleaned.options;
  const accepted = candidates.map(({ name, id, before, after, at }) => ({ name, id, before, after, at }));
  const { space } = place.parts;
  const task = { space, collection, source, stream: cleaned.stream.name, root: place.root };
  return await match.place(accepted, place, task);
}

interface Work {
  readonly judged: Judged;
  readonly candidates: readonly Candidate[];
  readonly refusals: readonly Refusal[];
  readonly placement: Placement;
  readonly lacking: ReadonlySet<Key> | null;
}

async function written(
  parts: JudgeParts,
  work: Work,
  standing: Standing,
  move: (next: Standing) => Standing,
): Promise<Standing> {
  const { place } = parts;
  const { rules } = place.parts;
  const { changes, expects = new Map() } = work.placement;
  const mirrored = changes.map(
    (change): MirrorChange => ({ ...change, waiting: [], settled: [], whole: false, scopes: [], barred: null }),
  );
  const pushes = [{ user: { id: "" }, request: { client: "", mutations: [mutationOf(mirrored)] } }];
  const { keys, families } = wantedOf(pushes, rules(), false, work.lacking);
  const suppressions = suppressionsOf(place.root, work);
  const notes = [...expects.keys(), SUPPRESSION_KEY, ...suppressions];
  const wanted = { ...NOTHING_WANTED, keys, families, notes };
  const done = await place.write(wanted, (loaded): Batch & { standing: Standing } => {
    if ((loaded.notes?.get(SUPPRESSION_KEY) ?? null) !== work.judged.suppressionKey) throw new Erased();
    if (suppressions.some((name) => loaded.notes?.has(name))) throw new Erased();
    for (const [name, text] of expects) if ((loaded.notes?.get(name) ?? null) !== text) throw new Moved();
    const followed = follow(parts, loaded, mirrored);
    if (followed.refused.size > 0) throw new RefusedHere(blamed(changes, followed));
    const { notes, next } = outcome(parts, work, followed, standing);
    const moved = move(next);
    return { ...followed.batch, notes: new Map([...notes, ...standingNotes(parts, moved)]), standing: moved };
  });
  return done.standing;
}

/** Notes that are there where a record of the slice was erased since it was judged. */
function suppressionsOf(root: string, { judged, candidates, refusals }: Work): string[] {
  const { suppressionKey: key, graves, unchanged } = judged;
  if (key === null) return [];
  return [...candidates, ...refusals, ...graves, ...unchanged].map(({ name }) => suppressionNote(key, root, name));
}

function follow({ place, source, cleaned }: JudgeParts, loaded: Loaded, changes: readonly MirrorChange[]): Followed {
  const author = ingestAuthor(source, cleaned.stream.name);
  return followMirror(loaded, changes, { author, origin: 0, taken: null }, place.parts.rules());
}

function blamed(changes: Placement["changes"], { refused }: Followed): ReadonlyMap<string, Flaw> {
  const flaws = new Map<string, Flaw>();
  for (const { key, from } of changes) {
    const reason = refused.get(key);
    if (reason === undefined) continue;
    const path = reason.path.replace(/^writes\[\d+\]\.?(record\.?)?/, "");
    for (const name of from) flaws.set(name, rejected(reason.code, path, reason.message));
  }
  return flaws;
}

/** All that is noted of a slice, and the counts with it. */
function outcome(
  { place, cleaned }: JudgeParts,
  { judged, candidates, refusals, placement }: Work,
  { overwritten }: Followed,
  { state, row }: Standing,
): { notes: Map<string, string | null>; next: Standing } {
  const { now } = place.parts.rules();
  const { version } = cleaned;
  const notes = new Map<string, string | null>(placement.notes);
  const put = (all: readonly (readonly [string, string | null])[]) => {
    for (const [name, text] of all) notes.set(name, text);
  };
  const settle = (name: string, item: Incoming["item"], status: "replayed" | "superseded", override?: object) => {
    const bad = judged.bad.get(name);
    if (item !== undefined)
      put(settledNotes(place, item, status === "replayed" && override !== undefined ? "fixed" : status, now));
    if (bad !== undefined && bad.number !== item?.number) put(settledNotes(place, bad, "superseded", now));
  };
  let { rows, item } = state;
  const count: { -readonly [K in keyof RunCounts]: number } = { ...row };
  const stamp = state.pass === null || row.kind === "replay" ? null : String(state.pass);
  for (const each of [...candidates, ...judged.graves]) {
    const { name, before, after, incoming } = each;
    const wasThere = before?.data != null;
    put([
      [
        place.rowName(name),
        JSON.stringify(rowOf(each, placement, { run: row.run, position: incoming.change.position, version })),
      ],
    ]);
    if (after === null) notes.set(place.seenName(name), null);
    else if (!wasThere || stamp !== null) notes.set(place.seenName(name), stamp ?? String(state.pass ?? 0));
    if (each.override !== null) put([[place.overrideName(name), JSON.stringify(each.override)]]);
    settle(name, incoming.item, after === null ? "superseded" : "replayed", incoming.override);
    if (each.fixes.length > 0) count.fixed++;
    if (after === null) count.deleted += wasThere ? 1 : 0;
    else if (wasThere) count.changed++;
    else count.added++;
    rows += (after === null ? 0 : 1) - (wasThere ? 1 : 0);
  }
  put([...judged.owners].filter(([, owner]) => owner === null || candidates.some(({ name }) => name === owner)));
  for (const { name, incoming } of judged.unchanged) {
    if (stamp !== null) notes.set(place.seenName(name), stamp);
    settle(name, incoming.item, "replayed", incoming.override);
  }
  for (const { name, incoming } of judged.stale) {
    if (incoming.item !== undefined) settle(name, incoming.item, "superseded");
  }
  for (const { incoming } of judged.suppressed) {
    const { number, name } = incoming.item ?? {};
    if (number === undefined || name === undefined) continue;
    put([place.itemName(number), place.waitsName(number), place.badName(name)].map((note) => [note, null]));
  }
  for (const refusal of refusals) {
    const bad = judged.bad.get(refusal.name) ?? null;
    const done = refusedNotes(place, refusal, bad, item + 1, { run: row.run, version, now });
    put(done.notes);
    if (done.isNew) item++;
    // What is refused is there all the same: a finished pass does not delete what it holds of it.
    if (stamp !== null && judged.rows.get(refusal.name)?.data != null) notes.set(place.seenName(refusal.name), stamp);
    count.rejected++;
    if (refusal.parent !== undefined) count.waiting++;
  }
  count.unchanged += judged.unchanged.length;
  count.stale += judged.stale.length;
  count.suppressed += judged.suppressed.length;
  count.warned += judged.warned;
  count.overwrote += overwritten.filter(({ author }) => streamOfAuthor(author) === null).length;
  const all =
    candidates.length + judged.graves.length + judged.unchanged.length + judged.stale.length + refusals.length;
  const next = { state: { ...state, seq: state.seq + all, rows, item }, row: { ...row, ...count } };
  return { notes, next };
}

function rowOf(each: Candidate, { entities }: Placement, origin: Origin): SourceRow {
  const { key, name, before, after, at, seq, digest, fixes } = each;
  const entity = after === null ? (before?.entity ?? null) : must(entities.get(name) ?? null, `${name} has an entity`);
  const kept = originsOf(before, after);
  return {
    key,
    entity,
    data: after,
    at,
    seq,
    origin,
    digest,
    ...(kept && { origins: kept }),
    ...(fixes.length > 0 && { fixes: fixes.map(({ code, path, before: was }) => ({ code, path, before: was })) }),
  };
}

/** The origins of the atoms that have not changed; null: all have. */
function originsOf(before: SourceRow | null, after: SourceRow["data"]): SourceRow["origins"] | null {
  if (before?.data == null || after === null) return null;
  const kept: { [atom: string]: Origin } = {};
  for (const [atom, value] of Object.entries(after)) {
    if (!Object.hasOwn(before.data, atom) || !sameJson(value, before.data[atom] as Json)) continue;
    kept[atom] = before.origins?.[atom] ?? before.origin;
  }
  return Object.keys(kept).length === 0 ? null : kept;
}

function standingNotes({ place }: JudgeParts, { state, row }: Standing): Map<string, string> {
  return new Map([
    [place.stateName, JSON.stringify(state)],
    [place.runName(row.run), JSON.stringify(row)],
  ]);
}

/** In parts that one transaction takes, in which no source record stands twice; at least one part. */
export function slices(all: readonly Incoming[]): Incoming[][] {
  const parts: Incoming[][] = [];
  let part: Incoming[] = [];
  let names = new Set<string>();
  for (const each of all) {
    const name = nameOf(each.change);
    if (names.has(name) || part.length === SLICE) {
      parts.push(part);
      part = [];
      names = new Set();
    }
    names.add(name);
    part.push(each);
  }
  parts.push(part);
  return parts;
}
