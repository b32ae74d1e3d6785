import { type Key, keyOf } from "../model/record.ts";
import { type Json, type JsonObject, sameJson } from "../util/json.ts";
import { type Pipeline, pipelineOf } from "./clean/pipeline.ts";
import type { Cleaned } from "./declare.ts";
import type { SourceRow } from "./entities.ts";
import { type Item, type Override, overridden } from "./quarantine/item.ts";
import { Digests } from "./run/digests.ts";
import { nameOf } from "./run/judge.ts";
import { withoutSuppressed } from "./run/passed-over.ts";
import type { Place } from "./run/place.ts";
import type { Position, ReadContext, SourceChange, SourceKey } from "./source.ts";

/** Differences that are named of each kind; more are only counted. */
const NAMED = 1_000;
/** Records that are compared at once. */
const STEP = 500;

/**
 * `missing`: the source has it, and it is not here; `gone`: it is here, and the source does not have it; `different`: atoms
 * have other values here; `quarantine`: it was refused, or would be by the rules of today.
 */
export type DifferenceKind = "missing" | "gone" | "different" | "quarantine";

export interface AtomDifferences {
  readonly [atom: string]: { readonly source: Json; readonly here: Json };
}

export interface SourceDifference {
  readonly kind: DifferenceKind;
  /** Of the source record; null: it could not be read. */
  readonly key: SourceKey | null;
  /** The record of the collection; null: there is none. */
  readonly id: string | null;
  /** Where it stands in the source; null: nowhere. */
  readonly position: Position | null;
  /** Of `different`: as the source says after cleaning, and as it is here. */
  readonly atoms?: AtomDifferences;
  /** Of `quarantine`: why. */
  readonly code?: string;
  readonly message?: string;
  /** Of `quarantine`: the item's number, where there is one. */
  readonly item?: number;
}

/** What a comparison of a source with the space found (X4). */
export interface Verification {
  readonly stream: string;
  /** Source records that were read. */
  readonly read: number;
  readonly same: number;
  /** How many differ, by kind. */
  readonly counts: { readonly [Kind in DifferenceKind]: number };
  /** The source was read whole: only then is known what is gone from it. */
  readonly whole: boolean;
  /** The first 1,000 of each kind. */
  readonly differences: readonly SourceDifference[];
}

export interface VerifyParts {
  readonly place: Place;
  readonly cleaned: Cleaned;
  readonly source: string;
  readonly context: ReadContext;
  /** Told while it goes on: records that were read. */
  readonly progress?: ((read: number) => void) | undefined;
}

/**
 * Reads a source from its beginning and compares what comes, after cleaning, with what is here. It writes nothing. Where
 * records are made of several sources (`match`), what was taken of this source record is compared, not the record made of them.
 *
 * @throws SourceError where the source cannot be read.
 */
export async function verifySource(parts: VerifyParts): Promise<Verification> {
  const { place, cleaned, context } = parts;
  const comparison = new Comparison(parts);
  let whole = false;
  for await (const { changes, last } of cleaned.stream.read({ ...context, cursor: null })) {
    context.signal.throwIfAborted();
    for (let i = 0; i < changes.length; i += STEP) await comparison.compare(changes.slice(i, i + STEP));
    parts.progress?.(comparison.read);
    whole = last === "complete";
    if (last !== undefined) break;
  }
  if (whole) await comparison.findGone();
  const { read, same, counts, differences } = comparison;
  return { stream: place.parts.task, read, same, counts, whole, differences };
}

class Comparison {
  read = 0;
  same = 0;
  readonly counts = { missing: 0, gone: 0, different: 0, quarantine: 0 };
  readonly differences: SourceDifference[] = [];
  readonly #parts: VerifyParts;
  readonly #pipeline: Pipeline;
  readonly #seen = new Digests();

  constructor(parts: VerifyParts) {
    this.#parts = parts;
    this.#pipeline = pipelineOf(parts.cleaned);
  }

  async compare(all: readonly SourceChange[]): Promise<void> {
    const { place } = this.#parts;
    const { changes: kept } = await withoutSuppressed(place, { changes: all, cursor: null });
    const changes = kept.filter((change) => change.op !== "delete");
    const names = changes.map(nameOf);
    const notes = await place.notes(
      names.flatMap((name) => [place.rowName(name), place.overrideName(name), place.badName(name)]),
    );
    const read = <T>(note: string) => (notes.has(note) ? (JSON.parse(notes.get(note) as string) as T) : null);
    const rows = await this.#placed(
      names,
      names.map((name) => read<SourceRow>(place.rowName(name))),
    );
    const here = await this.#here(rows);
    for (const [i, change] of changes.entries()) {
      const name = names[i] as string;
      this.#seen.add(name);
      this.read++;
      const row = rows[i] ?? null;
      const difference = this.#differenceOf(change, row, here, read<Override>(place.overrideName(name)));
      if (difference === null) this.same++;
      else this.#found(await this.#explained(difference, read<number>(place.badName(name))));
    }
  }

  /** What is held of source records that were not seen. */
  async findGone(): Promise<void> {
    const { place } = this.#parts;
    const prefix = place.seenName("");
    for (let from = prefix; ; ) {
      const notes = await place.notesFrom(prefix, from, STEP);
      const names = notes.map(([name]) => name.slice(prefix.length)).filter((name) => !this.#seen.has(name));
      const rows = await place.notes(names.map((name) => place.rowName(name)));
      for (const text of rows.values()) {
        const { key, entity } = JSON.parse(text) as SourceRow;
        this.#found({ kind: "gone", key, id: entity, position: null });
      }
      const last = notes.at(-1);
      if (last === undefined || notes.length < STEP) return;
      from = `${last[0]}\u0001`;
    }
  }

  /** Rows with the entities that they are part of today. */
  async #placed(names: readonly string[], rows: readonly (SourceRow | null)[]): Promise<(SourceRow | null)[]> {
    const { place, cleaned, source } = this.#parts;
    const { collection, match } = cleaned.options;
    const now = await match?.entitiesOf?.(names, place, { collection, source, stream: cleaned.stream.name });
    return rows.map((row, i) => row && { ...row, entity: now?.get(names[i] as string) ?? row.entity });
  }

  /** The records that source records are here: as one each, or as what was taken of them. */
  async #here(rows: readonly (SourceRow | null)[]): Promise<(row: SourceRow) => JsonObject | null> {
    const { place, cleaned } = this.#parts;
    const { collection, match } = cleaned.options;
    const keyOfRow = ({ entity }: SourceRow): Key => keyOf(collection, entity ?? "");
    const there = await place.records([
      ...new Set(rows.flatMap((row) => (row?.data == null || row.entity === null ? [] : keyOfRow(row)))),
    ]);
    return (row) => {
      const record = there.get(keyOfRow(row));
      if (record === undefined) return null;
      return match === undefined ? record : row.data;
    };
  }

  #differenceOf(
    change: Exclude<SourceChange, { op: "delete" }>,
    row: SourceRow | null,
    here: (row: SourceRow) => JsonObject | null,
    override: Override | null,
  ): SourceDifference | null {
    const { position } = change;
    if (change.op === "broken") {
      const { code, message } = change;
      return { kind: "quarantine", key: null, id: null, position, code, message };
    }
    const { source, cleaned } = this.#parts;
    const value = overridden(change.value, override);
    const done = this.#pipeline(change.key, value, { source, stream: cleaned.stream.name, position });
    const flaw = done.flaws.find(({ level }) => level === "reject");
    const base = { key: change.key, id: row?.entity ?? null, position };
    if (flaw !== undefined) return { ...base, kind: "quarantine", code: flaw.code, message: flaw.message };
    const record = row?.data == null ? null : here(row);
    if (record === null || row?.data == null) return { ...base, kind: "missing" };
    const atoms = atomsThatDiffer(done.record, record, row.data);
    return atoms === null ? null : { ...base, kind: "different", atoms };
  }

  /** What is missing here may be in quarantine, and says why. */
  async #explained(difference: SourceDifference, number: number | null): Promise<SourceDifference> {
    if (number === null || difference.kind === "different") return difference;
    const { place } = this.#parts;
    const text = (await place.notes([place.itemName(number)])).get(place.itemName(number));
    if (text === undefined) return difference;
    const { code, message } = JSON.parse(text) as Item;
    return { code, message, ...difference, kind: "quarantine", item: number };
  }

  #found(difference: SourceDifference): void {
    if (++this.counts[difference.kind] <= NAMED) this.differences.push(difference);
  }
}

/** Of the atoms that the source has, or had when it was picked up; null: none does. An atom that is absent is null. */
function atomsThatDiffer(source: JsonObject, here: JsonObject, before: JsonObject): AtomDifferences | null {
  const atoms: { [atom: string]: { source: Json; here: Json } } = {};
  for (const atom of new Set([...Object.keys(source), ...Object.keys(before)])) {
    const [there, own] = [source[atom] ?? null, here[atom] ?? null];
    if (!sameJson(there, own)) atoms[atom] = { source: there, here: own };
  }
  return Object.keys(atoms).length === 0 ? null : atoms;
}
