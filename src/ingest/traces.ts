import type { Config } from "../server/config.ts";
import type { RecordName, Traced, Traces } from "../server/erase.ts";
import type { Store } from "../store/store.ts";
import { systemRandom } from "../util/random.ts";
import { byId } from "./by-id.ts";
import type { IngestConfig } from "./declare.ts";
import type { SourceRow } from "./entities.ts";
import { type Task, tasksOf } from "./ingest.ts";
import type { Question } from "./match/cluster.ts";
import { type Entity, type Member, Names } from "./match/crosswalk.ts";
import { nameOfKey } from "./names.ts";
import { itemsOf } from "./quarantine/quarantine.ts";
import { withoutSources } from "./run/landing.ts";
import { Place } from "./run/place.ts";
import type { TaskState } from "./run/state.ts";
import { madeSuppressionKey, suppressing } from "./suppressed.ts";

/** Notes of one kind that are read at a time. */
const MANY = 100_000;

/**
 * What the streams of a configuration keep of a record (K2): the source records that it was made of, with their lineage and what
 * a person set right in them, what of them is in quarantine, their places in the crosswalk, and the raw pages beside the database.
 * With what goes come the notes by which none of it comes in again (K8).
 *
 * @example createServer({ store, config, traces: [ingestTraces("data", config)] })
 */
export function ingestTraces(folder: string | null, { ingest = {} }: Pick<Config, "ingest">): Traces {
  const tasks = tasksOf(ingest as IngestConfig);
  return {
    async find(store, record) {
      const notes = new Map<string, string | null>();
      const counts = { rows: 0, items: 0 };
      const cleaning: { readonly task: string; readonly names: ReadonlySet<string> }[] = [];
      for (const task of tasks) {
        if (task.space !== record.space || task.cleaned.options.collection !== record.collection) continue;
        const found = await ofTask(store, record, task);
        for (const [name, text] of found.notes) notes.set(name, text);
        counts.rows += found.rows;
        counts.items += found.items;
        cleaning.push({ task: task.name, names: found.names });
      }
      for (const [name, text] of await ofCrosswalk(store, record)) notes.set(name, text);
      const places = [
        { place: "source records", count: counts.rows },
        { place: "quarantine", count: counts.items },
      ].filter(({ count }) => count > 0);
      return {
        notes,
        places,
        async clean() {
          for (const { task, names } of cleaning) if (folder !== null) await withoutSources(folder, task, names);
        },
      } satisfies Traced;
    },
  };
}

async function ofTask(store: Store, { space, collection, id }: RecordName, { name: task, cleaned }: Task) {
  const place = new Place({ store, space, task, holder: "", rules: noRules });
  const sources = await (cleaned.options.match ?? byId).sourcesOf(id, place, { collection, root: place.root });
  const names = new Set(sources);
  const alike = nameOfKey([id]);
  if (!(await isOthers(place, alike, id, cleaned))) names.add(alike);
  const notes = new Map<string, string | null>();
  const own = [...names].flatMap((name) => [place.rowName(name), place.seenName(name), place.overrideName(name)]);
  const there = await place.notes([...own, `${place.root}id/${id}`]);
  for (const name of there.keys()) notes.set(name, null);
  const rows = [...names].filter((name) => there.has(place.rowName(name))).length;
  for (const [name, text] of await place.notesUnder(`${place.root}unique/`, MANY)) {
    if (names.has(text)) notes.set(name, null);
  }
  // By default the source's key is the id: then it is known also of whom nothing is here, as in a backup from before.
  const suppressed = new Set(sources);
  if (there.has(place.rowName(alike)) || (cleaned.options.match ?? cleaned.options.id) === undefined)
    suppressed.add(alike);
  let items = 0;
  for await (const { number, name, key } of itemsOf(place, { status: "all" })) {
    if (!names.has(name) && !(key !== null && names.has(nameOfKey(key)))) continue;
    items++;
    if (key !== null) suppressed.add(name);
    for (const each of [place.itemName(number), place.waitsName(number), place.badName(name)]) notes.set(each, null);
  }
  if (rows > 0) {
    const state = await place.state();
    notes.set(place.stateName, JSON.stringify({ ...state, rows: Math.max(0, state.rows - rows) } satisfies TaskState));
  }
  const key = await madeSuppressionKey(store, space, systemRandom);
  for (const [name, text] of await suppressing(place, place.root, [...suppressed], { key, collection, id }))
    notes.set(name, text);
  return { notes, names, rows, items };
}

/** Whether the source record of that key is of another record: it was matched, or has an id of its own. */
async function isOthers(
  place: Place,
  name: string,
  id: string,
  { stream, options }: Task["cleaned"],
): Promise<boolean> {
  const text = (await place.notes([place.rowName(name)])).get(place.rowName(name));
  if (text === undefined) return false;
  const [source = ""] = place.parts.task.split(".");
  const task = { collection: options.collection, source, stream: stream.name };
  const now = (await options.match?.entitiesOf?.([name], place, task))?.get(name);
  const entity = now ?? (JSON.parse(text) as SourceRow).entity;
  return entity !== null && entity !== id;
}

/** The record as survivorship made it, its members, and where these are found. */
async function ofCrosswalk(store: Store, { space, collection, id }: RecordName): Promise<Map<string, string | null>> {
  const names = new Names(collection);
  const read = async <T>(wanted: readonly string[]) => {
    const answer = await store.read(space, [{ kind: "notes", names: wanted }]);
    return new Map([...(answer?.results[0] ?? [])].map(([name, text]) => [name, JSON.parse(text) as T]));
  };
  const notes = new Map<string, string | null>();
  const entity = (await read<Entity>([names.entity(id)])).get(names.entity(id));
  if (entity === undefined) return notes;
  notes.set(names.entity(id), null);
  const gone = new Set(entity.members);
  const members = await read<Member>(entity.members.map(names.member));
  for (const name of members.keys()) notes.set(name, null);
  const blocks = new Set([...members.values()].flatMap(({ blocks: each }) => each.map(names.block)));
  for (const [name, keys] of await read<string[]>([...blocks])) {
    const left = keys.filter((key) => !gone.has(key));
    notes.set(name, left.length === 0 ? null : JSON.stringify(left));
  }
  const place = new Place({ store, space, task: "", holder: "", rules: noRules });
  for (const [name, text] of await place.notesUnder(names.questions, MANY)) {
    const { a, b } = JSON.parse(text) as Question;
    if (gone.has(a) || gone.has(b)) notes.set(name, null);
  }
  // Whoever decides by the crosswalk at the time decides anew.
  for (const [name, { step, members: all }] of await read<{ step: number; members: number }>([names.step])) {
    notes.set(name, JSON.stringify({ step: step + 1, members: Math.max(0, all - members.size) }));
  }
  return notes;
}

function noRules(): never {
  throw new Error("nothing is decided where only notes are read");
}
