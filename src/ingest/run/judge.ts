import { type Key, keyOf } from "../../model/record.ts";
import { canonical, type Json, type JsonObject } from "../../util/json.ts";
import { sha256Hex } from "../../util/sha256.ts";
import type { Clean, Pipeline } from "../clean/pipeline.ts";
import { type Flaw, quoted, rejected } from "../clean/step.ts";
import type { Cleaned } from "../declare.ts";
import type { SourceRow } from "../entities.ts";
import { nameOfKey } from "../names.ts";
import { type Item, isNewer, type Override, overridden, timeOf } from "../quarantine/item.ts";
import type { SourceChange, SourceKey } from "../source.ts";
import { suppressedOf, suppressionKey } from "../suppressed.ts";
import type { Place } from "./place.ts";

/** A change on its way in: from the source, or out of quarantine. */
export interface Incoming {
  readonly change: SourceChange;
  readonly item?: Item;
  /** What a person set right in the item. */
  readonly override?: Override;
  /** What the pipeline made of it already, without an override. */
  readonly clean?: Clean;
}

/** A change that has passed all checks of it alone. */
export interface Candidate {
  readonly name: string;
  readonly key: SourceKey;
  readonly id: string;
  readonly seq: number;
  readonly before: SourceRow | null;
  /** Null: it is gone. */
  readonly after: JsonObject | null;
  readonly fixes: Clean["fixes"];
  readonly at: string | null;
  readonly digest: string;
  /** All that was set right of this source record, where something was now. */
  readonly override: Override | null;
  readonly incoming: Incoming;
}

/** A change that goes to quarantine. */
export interface Refusal {
  readonly name: string;
  readonly key: SourceKey | null;
  readonly seq: number;
  readonly stage: Item["stage"];
  readonly flaws: readonly Flaw[];
  readonly digest: string;
  readonly incoming: Incoming;
  readonly parent?: Key;
}

export interface Judged {
  readonly candidates: Candidate[];
  readonly refusals: Refusal[];
  /** Deletions of what is not there, as the row that says so. */
  readonly graves: Candidate[];
  /** Found as they are; and older than what is known. */
  readonly unchanged: { readonly name: string; readonly incoming: Incoming }[];
  readonly stale: { readonly name: string; readonly incoming: Incoming }[];
  /** Erased here (K8); and the key by which that was looked up, null: nothing was ever erased. */
  readonly suppressed: { readonly name: string; readonly incoming: Incoming }[];
  readonly suppressionKey: string | null;
  readonly warned: number;
  /** By name, the item in quarantine that is not settled. */
  readonly bad: ReadonlyMap<string, Item>;
  /** Source records that there are, by name. */
  readonly rows: ReadonlyMap<string, SourceRow>;
  /** By note, whose value of a unique atom it is from now on. */
  readonly owners: ReadonlyMap<string, string | null>;
}

export interface JudgeParts {
  readonly place: Place;
  readonly cleaned: Cleaned;
  readonly source: string;
  readonly pipeline: Pipeline;
}

/** The name under which a change's source record is kept. What has no key goes by what it says. */
export function nameOf(change: SourceChange): string {
  return change.op === "broken" ? `#broken-${sha256Hex(change.raw).slice(0, 32)}` : nameOfKey(change.key);
}

/**
 * Judges changes of distinct names by what the stream knows. Only the holder of the lease writes that, so what is read here
 * holds until it is committed.
 *
 * - `whole`: they are of a complete pass, which shows what is: its times may also go back.
 */
export async function judge(
  { place, cleaned, source, pipeline }: JudgeParts,
  incoming: readonly Incoming[],
  firstSeq: number,
  whole: boolean,
): Promise<Judged> {
  const names = incoming.map(({ change }) => nameOf(change));
  const known = await place.notes(
    names.flatMap((name) => [place.rowName(name), place.overrideName(name), place.badName(name)]),
  );
  const key = await suppressionKey(place);
  const erased = await suppressedOf(place, place.root, names, key);
  const read = <T>(note: string) => (known.has(note) ? (JSON.parse(known.get(note) as string) as T) : null);
  const bad = await badItems(place, names, (name) => read<number>(place.badName(name)));
  const rows = new Map<string, SourceRow>();
  const context = { source, stream: cleaned.stream.name };
  const candidates: Candidate[] = [];
  const refusals: Refusal[] = [];
  const graves: Candidate[] = [];
  const unchanged: Judged["unchanged"] = [];
  const stale: Judged["stale"] = [];
  const suppressed: Judged["suppressed"] = [];
  let warned = 0;
  for (const [i, each] of incoming.entries()) {
    const { change, item } = each;
    const name = names[i] as string;
    const seq = item?.seq ?? firstSeq + i;
    if (erased.has(name)) {
      suppressed.push({ name, incoming: each });
      continue;
    }
    if (change.op === "broken") {
      const flaws = [rejected(change.code, "", change.message)];
      refusals.push({ name, key: null, seq, stage: "parse", flaws, digest: name, incoming: each });
      continue;
    }
    const before = read<SourceRow>(place.rowName(name));
    if (before !== null) rows.set(name, before);
    const at = change.at ?? null;
    const base = { name, key: change.key, seq, before, at, override: null, incoming: each };
    if (before !== null && isOld(before, { at, seq }, whole && item === undefined)) {
      stale.push({ name, incoming: each });
      continue;
    }
    if (change.op === "delete") {
      const gone = { ...base, id: before?.entity ?? "", after: null, fixes: [], digest: "" };
      (before === null || before.data === null ? graves : candidates).push(gone);
      continue;
    }
    const override = { ...read<Override>(place.overrideName(name)), ...each.override };
    const value = overridden(change.value, override);
    const digest = sha256Hex(`${cleaned.version}${canonical(value)}`).slice(0, 32);
    if (before?.data != null && before.digest === digest) {
      unchanged.push({ name, incoming: each });
      continue;
    }
    const known = value === change.value || Object.keys(override).length === 0 ? each.clean : undefined;
    const done = known ?? pipeline(change.key, value, { ...context, position: change.position });
    const flaws = done.flaws.filter(({ level }) => level === "reject");
    if (done.flaws.length > flaws.length) warned++;
    if (flaws.length > 0) refusals.push({ ...base, stage: "check", flaws, digest });
    else {
      const kept = each.override === undefined ? null : override;
      candidates.push({ ...base, id: done.id, after: done.record, fixes: done.fixes, digest, override: kept });
    }
  }
  const asked = await checkedTogether(place, cleaned, candidates);
  refusals.push(...asked.refusals);
  const passed = { graves, unchanged, stale, suppressed, suppressionKey: key };
  return { ...passed, candidates: asked.candidates, refusals, warned, bad, rows, owners: asked.owners };
}

/** Whether a change is older than what is known. What is out of quarantine is also where it is of the same run. */
function isOld(row: SourceRow, change: { at: string | null; seq: number }, whole: boolean): boolean {
  if (whole) return false;
  const [then, now] = [timeOf(row.at), timeOf(change.at)];
  if (then !== null && now !== null && then !== now) return now < then;
  return isNewer({ at: null, seq: row.seq }, { at: null, seq: change.seq });
}

async function badItems(
  place: Place,
  names: readonly string[],
  numberOf: (name: string) => number | null,
): Promise<ReadonlyMap<string, Item>> {
  const numbers = new Map<string, string>();
  for (const name of names) {
    const number = numberOf(name);
    if (number !== null) numbers.set(name, place.itemName(number));
  }
  const texts = await place.notes([...numbers.values()]);
  const items = new Map<string, Item>();
  for (const [name, note] of numbers) {
    const text = texts.get(note);
    if (text !== undefined) items.set(name, JSON.parse(text) as Item);
  }
  return items;
}

/** Checks that ask for other records: of parents that are not there, and of values that another has. */
async function checkedTogether(
  place: Place,
  { options: { check = [], collection } }: Cleaned,
  all: readonly Candidate[],
): Promise<{ candidates: Candidate[]; refusals: Refusal[]; owners: ReadonlyMap<string, string | null> }> {
  const refs = check.filter((each) => each.kind === "ref");
  const uniques = check.filter((each) => each.kind === "unique");
  const owners = new Map<string, string | null>();
  if (refs.length + uniques.length === 0) return { candidates: [...all], refusals: [], owners };
  const valueOf = (data: JsonObject | null | undefined, atom: string): Json => data?.[atom] ?? null;
  const parentOf = ({ after }: Candidate, { atom, collection: parents }: (typeof refs)[number]): Key | null => {
    const id = valueOf(after, atom);
    return id === null ? null : keyOf(parents, String(id));
  };
  const parents = all.flatMap((each) => refs.flatMap((ref) => parentOf(each, ref) ?? []));
  const there = new Set<Key>((await place.records([...new Set(parents)])).keys());
  const noteOf = (atom: string, value: Json) => place.uniqueName(atom, sha256Hex(canonical(value)).slice(0, 32));
  const held = await place.notes([
    ...new Set(
      all.flatMap(({ after, before }) =>
        uniques.flatMap(({ atom }) =>
          [valueOf(after, atom), valueOf(before?.data, atom)].flatMap((value) =>
            value === null ? [] : noteOf(atom, value),
          ),
        ),
      ),
    ),
  ]);
  const ownerOf = (note: string) => (owners.has(note) ? owners.get(note) : held.get(note)) ?? null;
  const candidates: Candidate[] = [];
  const refusals: Refusal[] = [];
  // A parent may come in the same transaction, in whatever order.
  const own = new Set(all.flatMap(({ id, after }) => (after === null ? [] : keyOf(collection, id))));
  for (const each of all) {
    const flaws: Flaw[] = [];
    let parent: Key | undefined;
    for (const reference of refs) {
      const key = parentOf(each, reference);
      if (key === null || there.has(key) || own.has(key)) continue;
      flaws.push(rejected("missing-ref", reference.atom, `there is no ${key} yet: it waits for it`));
      parent ??= key;
    }
    for (const { atom } of uniques) {
      const value = valueOf(each.after, atom);
      const owner = value === null ? null : ownerOf(noteOf(atom, value));
      if (owner === null || owner === each.name) continue;
      flaws.push(rejected("unique", atom, `${quoted(value)} is the ${atom} of ${owner} already`));
      parent = undefined;
    }
    if (flaws.length > 0) {
      refusals.push({ ...each, stage: "check", flaws, ...(parent !== undefined && { parent }) });
      continue;
    }
    candidates.push(each);
    for (const { atom } of uniques) {
      const [was, is] = [valueOf(each.before?.data, atom), valueOf(each.after, atom)];
      if (was !== null && ownerOf(noteOf(atom, was)) === each.name) owners.set(noteOf(atom, was), null);
      if (is !== null) owners.set(noteOf(atom, is), each.name);
    }
  }
  return { candidates, refusals, owners };
}
