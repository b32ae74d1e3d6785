import type { Entry, HistoryItem, RecordChange } from "../model/entry.ts";
import { type Origins, originIn, originsOf, ownOrigin } from "../model/origin.ts";
import { type Key, keyOf, type Origin, type RecordData, type Revision, type Row } from "../model/record.ts";
import { authoredOf } from "../wire/authors.ts";
import type { Line } from "../wire/lines.ts";
import type { PullRequest } from "../wire/pull.ts";
import { answerLines } from "./answer.ts";
import type { Ask } from "./ask.ts";
import type { Asker, Core } from "./core.ts";
import { Questions } from "./questions.ts";

/** Rows that are read at a time. */
const SLICE = 1_000;
/** How far back a record's history is followed, where it changed while its line was made. */
const BACK = 100;

/** Whether who wrote what is told: where it is asked for, and allowed (S24). */
export function tellsAuthors(
  { access }: Pick<Core, "access">,
  { space, user }: Asker,
  { authors }: Pick<PullRequest, "authors">,
): boolean {
  return authors === true && access.authorize(user, { do: "authors", space });
}

/** The lines of an answer, each with who wrote what it tells. A piece of the answer stays one piece. */
export async function* authoredLines(ask: Ask): AsyncGenerator<string> {
  const authors = new Authors(ask);
  for await (const piece of answerLines(ask)) {
    let text = "";
    for (const line of piece.split("\n")) if (line !== "") text += `${await authors.told(line)}\n`;
    yield text;
  }
}

interface Wanted {
  readonly key: Key;
  /** What is told of it; null: that it is gone. */
  readonly data: RecordData | null;
}

/** Finds out who wrote what the lines of one answer tell, by the records as they stand when a line is made. */
class Authors {
  readonly #ask: Ask;
  readonly #scopes: ReadonlyMap<string, string>;
  #scope = "";

  constructor(ask: Ask) {
    this.#ask = ask;
    this.#scopes = new Map(ask.progress.map(({ subscription: { key, coverage } }) => [key, coverage.scope]));
  }

  async told(text: string): Promise<string> {
    if (!TELLING.test(text)) return text;
    const line = JSON.parse(text) as Line;
    switch (line.op) {
      case "begin":
        return withMembers(text, { authors: true });
      case "subscription":
        this.#scope = this.#scopes.get(line.key) ?? "";
        return text;
      case "put":
      case "patch":
        return await this.#with(text, wantedOf(line.collection, line.records), line.at, line.op === "put");
      case "remove":
        return await this.#with(text, goneOf(line.collection, line.ids), line.at, false);
      case "range":
        return await this.#with(
          text,
          (line.records ?? []).flatMap(([collection, data]) => wantedOf(collection, [data])),
          Number.POSITIVE_INFINITY,
          true,
        );
      default:
        return text;
    }
  }

  /** - `at`: the revision as of which the line tells; `whole`: its records are told with all their atoms. */
  async #with(text: string, wanted: readonly Wanted[], at: Revision, whole: boolean): Promise<string> {
    if (wanted.length === 0) return text;
    const found: (Origins | undefined)[] = [];
    for (let i = 0; i < wanted.length; i += SLICE) {
      const slice = wanted.slice(i, i + SLICE);
      const rows = await this.#rows(slice.map(({ key }) => key));
      const gone = slice.filter(({ data }) => data === null).map(({ key }) => this.#endOf(rows.get(key), at));
      const ends = await this.#entries(gone);
      for (const { key, data } of slice) {
        const row = rows.get(key);
        const end = data === null ? this.#endOf(row, at) : undefined;
        if (end !== undefined) found.push(goneBy(key, ends.get(end)));
        else if (data === null) found.push(row === undefined ? undefined : await this.#deletedBy(row, at));
        else
          found.push(row === undefined ? undefined : await this.#writtenBy(row, this.#atomsOf(row, data, whole), at));
      }
    }
    return withMembers(text, authoredOf(found));
  }

  async #rows(keys: readonly Key[]): Promise<ReadonlyMap<Key, Row>> {
    const questions = new Questions();
    const place = questions.ask({ kind: "rows", keys });
    this.#ask.rows(keys.length);
    return (await questions.read(this.#ask.store, this.#ask.space)).of(place);
  }

  /** Of a record that is told as a whole also those that are gone, as the reader may hold them. */
  #atomsOf(row: Row, data: RecordData, whole: boolean): string[] {
    const names = new Set([...Object.keys(data), ...(whole ? row.stamps.keys() : [])]);
    return [...names].filter((atom) => atom !== "id");
  }

  async #writtenBy(row: Row, atoms: readonly string[], at: Revision) {
    const later = atoms.some((atom) => (row.stamps.get(atom)?.revision ?? Number.POSITIVE_INFINITY) > at);
    const items = later ? await this.#history(row) : [];
    return originsOf(
      atoms.map((atom) => {
        const stamp = row.stamps.get(atom);
        if (stamp === undefined || stamp.revision > at) return [atom, lastOf(items, atom, at)];
        return [atom, stamp.origin ?? ownOrigin(stamp.author, stamp.revision)];
      }),
    );
  }

  async #history({ collection, id }: Row): Promise<readonly HistoryItem[]> {
    const questions = new Questions();
    const place = questions.ask({ kind: "history", collection, id, limit: BACK });
    return (await questions.read(this.#ask.store, this.#ask.space)).of(place);
  }

  /** The revision in which a record went from the scope; undefined: that is not known any more. */
  #endOf(row: Row | undefined, at: Revision): Revision | undefined {
    if (row === undefined) return undefined;
    const left = row.scopes.get(this.#scope);
    const revision = row.text === null ? row.revision : left?.present === false ? left.revision : undefined;
    return revision !== undefined && revision <= at ? revision : undefined;
  }

  /** These revisions of the journal, each once, as far as it goes. */
  async #entries(revisions: readonly (Revision | undefined)[]): Promise<ReadonlyMap<Revision, Done>> {
    const wanted = [...new Set(revisions)].filter((revision) => revision !== undefined);
    if (wanted.length === 0) return new Map();
    const questions = new Questions();
    const places = wanted.map((revision) => questions.ask({ kind: "journal", after: revision - 1, limit: 1 }));
    const answers = await questions.read(this.#ask.store, this.#ask.space);
    const entries = places.flatMap((place) => answers.of(place)).flatMap((entry) => (entry.cut ? [] : [entry]));
    const byKey = (changes: Entry["changes"]) =>
      new Map(changes.map(({ change }) => [keyOf(change.collection, change.id), change]));
    return new Map(entries.map((entry) => [entry.revision, { entry, changes: byKey(entry.changes) }]));
  }

  /** Of a record that is there again, or was and has gone again, since the line was read. */
  async #deletedBy(row: Row, at: Revision): Promise<Origins | undefined> {
    if (row.revision <= at) return undefined;
    const last = (await this.#history(row)).find(({ revision }) => revision <= at);
    return last?.change.after === null ? endedBy(last, last.change) : undefined;
  }
}

function goneBy(key: Key, done: Done | undefined): Origins | undefined {
  const change = done?.changes.get(key);
  return done && change && endedBy(done.entry, change);
}

function endedBy(item: Authored, change: RecordChange): Origins | undefined {
  const origin = itemOrigin(item, change, null);
  return origin && [origin];
}

/** An entry of the journal, with its changes by record. */
interface Done {
  readonly entry: Entry;
  readonly changes: ReadonlyMap<Key, RecordChange>;
}

function wantedOf(collection: string, records: readonly RecordData[]): Wanted[] {
  return records.map((data) => ({ key: keyOf(collection, data.id), data }));
}

function goneOf(collection: string, ids: readonly string[]): Wanted[] {
  return ids.map((id) => ({ key: keyOf(collection, id), data: null }));
}

/** Lines of these kinds are looked at. */
const TELLING = /^\{"op":"(begin|subscription|put|patch|remove|range)"/;

function withMembers(line: string, members: object): string {
  return `${line.slice(0, -1)},${JSON.stringify(members).slice(1)}`;
}

type Authored = Pick<HistoryItem, "author" | "revision" | "mutation">;

/** Who wrote an atom last, up to a revision. */
function lastOf(items: readonly HistoryItem[], atom: string, at: Revision): Origin | undefined {
  const item = items.find(
    ({ revision, change: { after } }) => revision <= at && after !== null && Object.hasOwn(after, atom),
  );
  return item && itemOrigin(item, item.change, atom);
}

function itemOrigin(
  { author, revision, mutation }: Authored,
  { origin }: RecordChange,
  atom: string | null,
): Origin | undefined {
  return origin === undefined ? ownOrigin(author, revision, mutation) : originIn(origin, atom);
}
