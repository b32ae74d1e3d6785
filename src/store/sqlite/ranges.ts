import { addFingerprints, EMPTY, type Fingerprint } from "../../model/fingerprint.ts";
import { ALL } from "../../model/names.ts";
import { type Key, type KeyRange, keyOf } from "../../model/record.ts";
import { type LaneColumns, lanesOf } from "../codec.ts";
import type { One } from "../scopes.ts";
import type { FingerprintQuery, RangePart, RangesQuery } from "../store.ts";
import type { Connection } from "./connection.ts";
import { collectionsOf, type Segment, segmentsOf } from "./segments.ts";
import { type Source, sourceOf } from "./source.ts";

type Collections = ReturnType<typeof collectionsOf>;

export function readFingerprint(connection: Connection, space: number, query: One<FingerprintQuery>): Fingerprint {
  const scope = connection.names.find(space, "scope", query.scope);
  if (scope === undefined) return EMPTY;
  let total = EMPTY;
  for (const { id } of collectionsOf(connection, space, query.collections)) {
    const row = connection.one<LaneColumns & { count: number }>(
      "SELECT count, lane0, lane1, lane2, lane3 FROM fingerprint WHERE space = ? AND scope = ? AND collection = ?",
      space,
      scope,
      id,
    );
    if (row) total = addFingerprints(total, { count: row.count, lanes: lanesOf(row) });
  }
  return total;
}

/** The parts of every range, one range after the other (V1). */
export function readRanges(connection: Connection, space: number, query: RangesQuery): readonly RangePart[] {
  const source = sourceOf(connection, space, query.scope);
  if (source === null) return query.ranges.map((range) => ({ ...range, fingerprint: EMPTY, records: [] }));
  const collections = collectionsOf(connection, space, query.collections);
  const reader = new RangeReader(connection, space, source, collections);
  return query.ranges.flatMap((range) => reader.parts(range, query.fanout, query.leaf));
}

class RangeReader {
  readonly #connection: Connection;
  readonly #space: number;
  readonly #source: Source;
  readonly #collections: Collections;

  constructor(connection: Connection, space: number, source: Source, collections: Collections) {
    this.#connection = connection;
    this.#space = space;
    this.#source = source;
    this.#collections = collections;
  }

  /** As few parts as make leaves, at most `fanout`; the records are dealt out evenly. */
  parts(range: KeyRange, fanout: number, leaf: number): RangePart[] {
    const total = this.#count(range);
    const parts = Math.max(1, Math.min(fanout, Math.ceil(total / Math.max(1, leaf))));
    const found: RangePart[] = [];
    let from = range.from;
    for (let part = 1; part <= parts; part++) {
      const size = Math.floor((part * total) / parts) - Math.floor(((part - 1) * total) / parts);
      const { fingerprint, to } = this.#part({ from, to: range.to }, part === parts ? null : size);
      const bounds = { from, to };
      found.push(
        fingerprint.count <= leaf
          ? { ...bounds, fingerprint, records: this.#records(bounds) }
          : { ...bounds, fingerprint },
      );
      from = to;
    }
    return found;
  }

  #count(range: KeyRange): number {
    let total = 0;
    for (const segment of this.#segments(range)) total += this.#countOf(segment);
    return total;
  }

  /** Of a whole collection it is kept: to count a million rows takes as long as to add them up. */
  #countOf(segment: Segment): number {
    if (segment.from === "" && segment.to === null) {
      const { scope } = this.#source;
      const number = scope ?? this.#connection.names.find(this.#space, "scope", ALL);
      return number === undefined ? 0 : (this.#kept(number, segment.collection) ?? 0);
    }
    const row = this.#connection.one<{ count: number }>(
      `SELECT count(*) AS count FROM ${this.#source.keys} AND ${this.#within()}`,
      ...this.#bounds(segment),
    );
    return row?.count ?? 0;
  }

  #kept(scope: number, collection: number): number | undefined {
    return this.#connection.one<{ count: number }>(
      "SELECT count FROM fingerprint WHERE space = ? AND scope = ? AND collection = ?",
      this.#space,
      scope,
      collection,
    )?.count;
  }

  /** The first records of a range, and where the next one stands; all of it where no size is given. */
  #part(range: KeyRange, size: number | null): { fingerprint: Fingerprint; to: Key | null } {
    let total = EMPTY;
    for (const segment of this.#segments(range)) {
      const row = this.#connection.one<LaneColumns & { count: number; last: string | null }>(
        `SELECT count(*) AS count, max(id) AS last,
           coalesce(sum(lane0), 0) & 0xffffffff AS lane0, coalesce(sum(lane1), 0) & 0xffffffff AS lane1,
           coalesce(sum(lane2), 0) & 0xffffffff AS lane2, coalesce(sum(lane3), 0) & 0xffffffff AS lane3
         FROM (SELECT id, lane0, lane1, lane2, lane3 FROM ${this.#source.byKey} AND ${this.#within()}
           ORDER BY id LIMIT ?6)`,
        ...this.#bounds(segment),
        size === null ? -1 : size - total.count,
      );
      if (row) total = addFingerprints(total, { count: row.count, lanes: lanesOf(row) });
      if (row?.last != null && total.count === size)
        return { fingerprint: total, to: this.#keyAfter(keyOf(segment.name, row.last), range.to) };
    }
    return { fingerprint: total, to: range.to };
  }

  #keyAfter(key: Key, to: Key | null): Key | null {
    // The least key behind this one: no text sorts between a text and the same with U+0000 at its end.
    for (const segment of this.#segments({ from: `${key}\u0000`, to })) {
      const row = this.#connection.one<{ id: string }>(
        `SELECT id FROM ${this.#source.keys} AND ${this.#within()} ORDER BY id LIMIT 1`,
        ...this.#bounds(segment),
      );
      if (row) return keyOf(segment.name, row.id);
    }
    return to;
  }

  #records(range: KeyRange): [string, string][] {
    return this.#segments(range).flatMap((segment) =>
      this.#connection
        .all<{ text: string }>(
          `SELECT text FROM ${this.#source.byKey} AND ${this.#within()} ORDER BY id`,
          ...this.#bounds(segment),
        )
        .map(({ text }): [string, string] => [segment.name, text]),
    );
  }

  #segments(range: KeyRange): readonly Segment[] {
    return segmentsOf(this.#collections, range.from, range.to);
  }

  #bounds(segment: Segment): [number, number | null, number, string, string | null] {
    return [this.#space, this.#source.scope, segment.collection, segment.from, segment.to];
  }

  /** A blob is greater than every text: no end is an end beyond all ids. */
  #within(): string {
    return `collection = ?3 AND id >= ?4 AND id < coalesce(?5, x'') AND ${this.#source.present}`;
  }
}
