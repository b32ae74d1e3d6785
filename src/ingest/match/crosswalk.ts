import type { RecordData } from "../../model/record.ts";
import type { JsonObject } from "../../util/json.ts";
import { sha256Hex } from "../../util/sha256.ts";
import type { EntityReader } from "../entities.ts";
import { INGEST } from "../names.ts";
import type { BlockKey } from "./block.ts";
import type { Question } from "./cluster.ts";
import type { MemberKey, SourceRecord } from "./record.ts";

/** A source record, and what it is part of. */
export interface Member extends SourceRecord {
  /** The record of the collection that it is part of. */
  readonly entity: string;
  /** The id that it has as a record of its own. */
  readonly own: string;
  /** What it was part of before the last merge; null: it was in none. */
  readonly was: string | null;
  /** Source records that a person said are something else. */
  readonly apart: readonly MemberKey[];
  /** The blocks under which it is found. */
  readonly blocks: readonly string[];
}

/** A record of the collection, and the source records that it was made of. */
export interface Entity {
  readonly id: string;
  readonly members: readonly MemberKey[];
  /** As it was last made. */
  readonly record: RecordData;
  /** For each atom, whose value it is (I9). */
  readonly from: { readonly [atom: string]: readonly MemberKey[] };
  /** The step of the crosswalk at which it was made: of several that become one, the oldest stays. */
  readonly since: number;
}

/** The name of a stream has a dot, so that none is called so. */
const ROOT = `${INGEST}entities/`;

/** Names of notes are of bounded length, keys of sources are not. */
const digest = (text: string) => sha256Hex(text).slice(0, 32);

interface Place {
  readonly step: number;
  readonly members: number;
}

/** The names of what is kept of a collection's crosswalk. */
export class Names {
  readonly #root: string;

  constructor(collection: string) {
    this.#root = `${ROOT}${collection}/`;
  }

  /** Counts the changes of the crosswalk: whoever decides by it, writes it, so that two never decide by the same. */
  get step(): string {
    return `${this.#root}step`;
  }
  get questions(): string {
    return `${this.#root}ask/`;
  }
  get entities(): string {
    return `${this.#root}entity/`;
  }
  member = (key: MemberKey) => `${this.#root}member/${digest(key)}`;
  entity = (id: string) => `${this.entities}${digest(id)}`;
  block = (key: BlockKey) => `${this.#root}block/${digest(key)}`;
  question = (pair: string) => `${this.questions}${digest(pair)}`;
}

/** What is read of a crosswalk, and what is to be written: later reads see what was written. */
export class Crosswalk {
  readonly names: Names;
  readonly #reader: EntityReader;
  readonly #read = new Map<string, string>();
  readonly #asked = new Set<string>();
  readonly written = new Map<string, string | null>();
  /** As it was when it was opened. */
  #step: string | null = null;
  #at: Place = { step: 0, members: 0 };

  constructor(collection: string, reader: EntityReader) {
    this.names = new Names(collection);
    this.#reader = reader;
  }

  /** First of all: what is read later is as new as this, or the commit is refused. Gives the number of this step. */
  async open(): Promise<number> {
    await this.#load([this.names.step]);
    this.#step = this.#text(this.names.step);
    if (this.#step !== null) this.#at = JSON.parse(this.#step) as Place;
    this.grow(0);
    return this.#at.step + 1;
  }

  /** How many source records there are. */
  get size(): number {
    return this.#at.members;
  }

  /** So many source records come with this step, or go. */
  grow(members: number): void {
    const next: Place = { step: this.#at.step + 1, members: this.#at.members + members };
    this.written.set(this.names.step, JSON.stringify(next));
  }

  get expects(): ReadonlyMap<string, string | null> {
    return new Map([[this.names.step, this.#step]]);
  }

  async members(keys: Iterable<MemberKey>): Promise<Member[]> {
    return this.#values<Member>([...new Set(keys)].map(this.names.member));
  }

  async entities(ids: Iterable<string>): Promise<Entity[]> {
    return this.#values<Entity>([...new Set(ids)].map(this.names.entity));
  }

  /** The members of blocks, one more than may be compared where there are more. */
  async blocks(keys: Iterable<BlockKey>): Promise<Map<BlockKey, readonly MemberKey[]>> {
    const list = [...new Set(keys)];
    await this.#load(list.map(this.names.block));
    return new Map(list.map((key) => [key, this.#value<MemberKey[]>(this.names.block(key)) ?? []]));
  }

  put(name: string, value: Member | Entity | Question | readonly MemberKey[] | null): void {
    this.written.set(name, value === null ? null : JSON.stringify(value));
  }

  async #values<T>(names: string[]): Promise<T[]> {
    await this.#load(names);
    return names.flatMap((name) => this.#value<T>(name) ?? []);
  }

  async #load(names: readonly string[]): Promise<void> {
    const lacking = names.filter((name) => !this.#asked.has(name));
    if (lacking.length === 0) return;
    for (const [name, text] of await this.#reader.notes(lacking)) this.#read.set(name, text);
    for (const name of lacking) this.#asked.add(name);
  }

  #text(name: string): string | null {
    return this.written.get(name) ?? (this.written.has(name) ? null : (this.#read.get(name) ?? null));
  }

  #value<T>(name: string): T | null {
    const text = this.#text(name);
    return text === null ? null : (JSON.parse(text) as T);
  }
}

export function recordOf(id: string, value: JsonObject): RecordData {
  return { ...value, id } as RecordData;
}
