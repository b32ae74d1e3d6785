import type { Settled } from "../client/state.ts";
import type { RecordLine } from "../client/store/store.ts";
import { targetOf } from "../model/mutation.ts";
import { keyOf } from "../model/record.ts";
import type { RecordName, Traced, Traces } from "../server/erase.ts";
import type { NoteRange, Store } from "../store/store.ts";
import type { Conflict } from "./conflicts.ts";
import { asideName, clientName, conflictName, LINKS, rootOf, rowName, stagedRoot, under } from "./names.ts";

/** Notes that are read at a time. */
const SLICE = 1_000;

/**
 * What the links of a space keep of a record (K2): the mirror, what is set aside, the conflict log, what waits in pages of a
 * copy, and the mutations that are kept in case that upstream loses them. A record that a mirror holds is upstream's.
 */
export const linkTraces: Traces = {
  async find(store, record) {
    const notes = new Map<string, string | null>();
    let conflicts = 0;
    let owner: string | undefined;
    for (const link of await linksIn(store, record.space)) {
      const key = keyOf(record.collection, record.id);
      const own = [rowName(link, key), asideName(link, key)];
      const answer = await store.read(record.space, [{ kind: "notes", names: own }]);
      for (const name of answer?.results[0].keys() ?? []) notes.set(name, null);
      if (notes.has(rowName(link, key))) owner = `upstream, by the link ${link}`;
      for await (const [name, text] of notesIn(store, record.space, under(conflictName(link, 0).slice(0, -16)))) {
        const { collection, id } = JSON.parse(text) as Conflict;
        if (collection !== record.collection || id !== record.id) continue;
        notes.set(name, null);
        conflicts++;
      }
      for await (const [name, text] of notesIn(store, record.space, under(clientName(link, "settled/")))) {
        const left = settledWithout(text, key);
        if (left !== text) notes.set(name, left);
      }
      for await (const [name, text] of notesIn(store, record.space, under(stagedRoot(link, 0).slice(0, -2)))) {
        const left = lineWithout(text, record);
        if (left !== text) notes.set(name, left);
      }
    }
    const places = conflicts > 0 ? [{ place: "conflict logs of links", count: conflicts }] : [];
    return { notes, places, ...(owner !== undefined && { owner }) } satisfies Traced;
  },
};

/** The names of all that have anything here: each is found by the first note behind the one before. */
async function linksIn(store: Store, space: string): Promise<string[]> {
  const links: string[] = [];
  for (let { from, to } = under(LINKS); ; ) {
    const answer = await store.read(space, [{ kind: "notes-between", from, to, limit: 1 }]);
    const link = answer?.results[0][0]?.[0].split("/")[1];
    if (link === undefined) return links;
    links.push(link);
    from = under(rootOf(link)).to;
  }
}

async function* notesIn(store: Store, space: string, range: NoteRange): AsyncGenerator<readonly [string, string]> {
  for (let from = range.from; ; ) {
    const answer = await store.read(space, [{ kind: "notes-between", from, to: range.to, limit: SLICE }]);
    const found = answer?.results[0] ?? [];
    yield* found;
    const last = found.at(-1);
    if (last === undefined || found.length < SLICE) return;
    from = `${last[0]}\u0001`;
  }
}

function settledWithout(text: string, key: string): string | null {
  const settled = JSON.parse(text) as Settled;
  const { writes } = settled.mutation;
  const left = writes.filter((write) => {
    const { collection, id } = targetOf(write);
    return keyOf(collection, id) !== key;
  });
  if (left.length === writes.length) return text;
  return left.length === 0 ? null : JSON.stringify({ ...settled, mutation: { ...settled.mutation, writes: left } });
}

/** A line stays, so that those behind it keep their numbers. */
function lineWithout(text: string, { collection, id }: RecordName): string {
  const line = JSON.parse(text) as RecordLine;
  if (line.op === "remove" || line.collection !== collection) return text;
  const records = line.records.filter((record) => record.id !== id);
  return records.length === line.records.length ? text : JSON.stringify({ ...line, records });
}
