import { authorParts, type RecordData } from "../model/record.ts";
import type { Store } from "../store/store.ts";
import { type Json, sameJson } from "../util/json.ts";
import { byId } from "./by-id.ts";
import type { Origin, SourceRow } from "./entities.ts";
import type { Task } from "./ingest.ts";
import { streamOfAuthor } from "./names.ts";
import type { Place } from "./run/place.ts";

/** Where the value of an atom came from (I9). */
export interface ValueOrigin {
  readonly atom: string;
  readonly value: Json;
  /** The revision that wrote it. */
  readonly revision: number;
  /** Who wrote it, where no stream did. */
  readonly author: { readonly user: string; readonly client: string } | null;
  /** The source record that holds it; null: a person wrote it, or it is not known any more. */
  readonly from:
    | (Origin & { readonly source: string; readonly stream: string; readonly key: readonly string[] })
    | null;
}

export async function lineageOf(
  store: Store,
  space: string,
  collection: string,
  id: string,
  tasks: readonly { readonly task: Task; readonly place: Place }[],
): Promise<ValueOrigin[]> {
  const answer = await store.read(space, [{ kind: "row", collection, id }]);
  const row = answer?.results[0] ?? null;
  if (row === null || row.text === null) return [];
  const data = JSON.parse(row.text) as RecordData;
  const known: { task: Task; row: SourceRow }[] = [];
  for (const { task, place } of tasks) {
    const match = task.cleaned.options.match ?? byId;
    const names = await match.sourcesOf(id, place, { collection, root: place.root });
    const rows = await place.notes(names.map((name) => place.rowName(name)));
    for (const text of rows.values()) known.push({ task, row: JSON.parse(text) as SourceRow });
  }
  return Object.entries(data).flatMap(([atom, value]) => {
    if (atom === "id") return [];
    const stamp = row.stamps.get(atom);
    if (stamp === undefined) return [];
    const stream = streamOfAuthor(stamp.author);
    if (stream === null)
      return { atom, value, revision: stamp.revision, author: authorParts(stamp.author), from: null };
    const holds = ({ row: { data: own } }: (typeof known)[number]) =>
      own !== null && Object.hasOwn(own, atom) && sameJson(own[atom] as Json, value);
    // What the writing stream's record holds; where survivorship took it from another one, that one.
    const wrote = ({ task: { pickup, cleaned } }: (typeof known)[number]) =>
      pickup.source.name === stream.source && cleaned.stream.name === stream.stream;
    const found = known.find((each) => wrote(each) && holds(each)) ?? known.find(holds);
    if (found === undefined) return { atom, value, revision: stamp.revision, author: null, from: null };
    const origin = found.row.origins?.[atom] ?? found.row.origin;
    const { pickup, cleaned } = found.task;
    const from = { ...origin, source: pickup.source.name, stream: cleaned.stream.name, key: found.row.key };
    return { atom, value, revision: stamp.revision, author: null, from };
  });
}
