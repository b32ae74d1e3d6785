import type { Key, RecordData } from "../model/record.ts";
import type { JsonObject } from "../util/json.ts";
import type { Flaw } from "./clean/step.ts";
import type { Position } from "./source.ts";

/** A record of a source as it was accepted last. It is kept beside the space's records, so that a merge can be undone (I8). */
export interface SourceRow {
  /** The source's key, whole. */
  readonly key: readonly string[];
  /** The record of the collection that it is part of; null: it is gone from the source. */
  readonly entity: string | null;
  /** Its atoms, clean, without `id`; null: it is gone from the source. */
  readonly data: JsonObject | null;
  /** When the source last changed it, ISO 8601, where it says so. */
  readonly at: string | null;
  /** The number of this change in its stream: which of two is newer. */
  readonly seq: number;
  readonly origin: Origin;
  /** Of the atoms that came otherwise than the rest (I9). */
  readonly origins?: { readonly [atom: string]: Origin };
  /** Digest of what it was made of, so that what is the same is not made again. */
  readonly digest: string;
  /** What normalisers changed: by atom, the value before. */
  readonly fixes?: readonly { readonly code: string; readonly path: string; readonly before: unknown }[];
}

/** Where a value came from, beside source and stream. */
export interface Origin {
  readonly run: number;
  readonly position: Position;
  /** Of the rules. */
  readonly version: string;
}

/** A change of a source record that has passed all checks of it alone. */
export interface Accepted {
  /** The name under which the source record is kept in its stream. */
  readonly name: string;
  /** What the declaration's `id` gave; for a deletion the entity of `before`. */
  readonly id: string;
  readonly before: SourceRow | null;
  /** Null: it is gone from the source. */
  readonly after: JsonObject | null;
  readonly at: string | null;
}

/** What becomes of a batch of source records. */
export interface Placement {
  /** For each of them, the entity that it is now part of; absent: it was refused. */
  readonly entities: ReadonlyMap<string, string>;
  /** Refused ones by name, and why: they go to quarantine. */
  readonly flaws: ReadonlyMap<string, Flaw>;
  /** Records of collections as they are to be. `before`: as they were last made by ingest, null: not at all. */
  readonly changes: readonly {
    readonly key: Key;
    readonly before: RecordData | null;
    readonly after: RecordData | null;
    /** The source records that they rest on: where the space refuses it, these go to quarantine. */
    readonly from: readonly string[];
  }[];
  /** Written with them. Names begin with `ingest/`. */
  readonly notes: ReadonlyMap<string, string | null>;
  /** Notes that must still hold this when it is committed (null: not be there); else it is placed anew. */
  readonly expects?: ReadonlyMap<string, string | null>;
}

/** Reads what the space holds, at the time. */
export interface EntityReader {
  notes(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Notes whose names begin so, in their order. */
  notesUnder(prefix: string, limit: number): Promise<readonly (readonly [name: string, text: string])[]>;
  records(keys: readonly Key[]): Promise<ReadonlyMap<Key, RecordData>>;
}

export interface EntityTask {
  readonly space: string;
  readonly collection: string;
  readonly source: string;
  readonly stream: string;
  /** The prefix of the notes of this stream: `ingest/SOURCE.STREAM/`. */
  readonly root: string;
}

/**
 * How source records become records of a collection: the step behind the checks. Without one each is a record by its own
 * id. Matching and survivorship are another. What it decides rests on what it reads and is given alone.
 */
export interface Entities {
  /** With its options: a change is another version of the rules. */
  readonly version: string;
  /** No name stands twice in `accepted`. */
  place(accepted: readonly Accepted[], reader: EntityReader, task: EntityTask): Promise<Placement>;
  /**
   * The entities that source records of a stream are part of now, by name. Absent: those that their rows name. Where a later
   * batch of another stream made two entities one, the rows still name what they were part of before.
   */
  entitiesOf?(
    names: readonly string[],
    reader: EntityReader,
    task: Pick<EntityTask, "collection" | "source" | "stream">,
  ): Promise<ReadonlyMap<string, string>>;
  /** The names of the source records of a stream, whose notes begin with `root`, that an entity rests on (I9). */
  sourcesOf(
    entity: string,
    reader: EntityReader,
    task: Pick<EntityTask, "collection" | "root">,
  ): Promise<readonly string[]>;
}
