import { EMPTY, type Fingerprint, type Lanes } from "../../model/fingerprint.ts";
import { type Key, type KeyRange, keyOf } from "../../model/record.ts";
import { type LaneColumns, lanesOf } from "../codec.ts";
import type { FingerprintQuery, RangePart, RangesQuery } from "../store.ts";
import { wantedOf } from "./scan.ts";
import type { Session } from "./session.ts";
import { inKeyOrder, sourceOf } from "./source.ts";
import { columnsOf, comparable, FIRST, LAST, pairOf } from "./values.ts";

const SUMS = [0, 1, 2, 3].map((lane) => `coalesce(sum(lane${lane}), 0)::bigint & 4294967295 AS lane${lane}`).join(", ");

type Sum = LaneColumns & { readonly count: string };

export async function readFingerprint(session: Session, space: string, query: FingerprintQuery): Promise<Fingerprint> {
  const [row] = await session.query<Sum>(
    `SELECT coalesce(sum(count), 0) AS count, ${SUMS} FROM fingerprint
     WHERE space = $1 AND scope = $2 AND ($3::text IS NULL OR collection = ANY ($3::text::text[]))`,
    [space, comparable(query.scope), wantedOf(query.collections)],
  );
  return row === undefined ? EMPTY : fingerprintOf(row);
}

function fingerprintOf(row: Sum): Fingerprint {
  // Sums of bigint come as text.
  const lanes = lanesOf({
    lane0: Number(row.lane0),
    lane1: Number(row.lane1),
    lane2: Number(row.lane2),
    lane3: Number(row.lane3),
  });
  return { count: Number(row.count), lanes: lanes satisfies Lanes };
}

/** The parts of every range, one range after the other (V1): three statements, however many ranges there are. */
export async function readRanges(session: Session, space: string, query: RangesQuery): Promise<readonly RangePart[]> {
  const reader = new RangeReader(session, space, query);
  const totals = await reader.totals();
  const parts = await reader.parts(totals);
  return reader.withRecords(parts);
}

interface PartRow extends Sum {
  /** The range's place, from 1, and the part's, from 1. */
  readonly range: string;
  readonly part: string;
  /** Its first record. */
  readonly collection: string;
  readonly id: string;
}

class RangeReader {
  readonly #session: Session;
  readonly #space: string;
  readonly #query: RangesQuery;

  constructor(session: Session, space: string, query: RangesQuery) {
    this.#session = session;
    this.#space = space;
    this.#query = query;
  }

  /** How many records each range holds. Of a whole scope it is kept: to count a million takes as long as to add them up. */
  async totals(): Promise<number[]> {
    const { scope, collections, ranges } = this.#query;
    const totals = ranges.map(() => 0);
    const whole = ranges.some(isWhole)
      ? await readFingerprint(this.#session, this.#space, { kind: "fingerprint", scope, collections })
      : EMPTY;
    const divided = ranges.filter((range) => !isWhole(range));
    const counted = divided.length === 0 ? [] : await this.#counts(divided);
    let next = 0;
    return totals.map((_, i) => (isWhole(ranges[i] as KeyRange) ? whole.count : Number(counted[next++]?.count ?? 0)));
  }

  #counts(ranges: readonly KeyRange[]): Promise<{ count: string }[]> {
    return this.#session.query<{ count: string }>(
      `SELECT (SELECT count(*) FROM ${this.#held("")}) AS count FROM ${BOUNDS} ORDER BY range`,
      this.#values(ranges),
    );
  }

  /** As few parts as make leaves, at most `fanout`; the records are dealt out evenly. */
  async parts(totals: readonly number[]): Promise<RangePart[]> {
    const { ranges, fanout, leaf } = this.#query;
    const sizes = totals.map((total) => Math.max(1, Math.min(fanout, Math.ceil(total / Math.max(1, leaf)))));
    const rows = ranges.length === 0 ? [] : await this.#sums(sizes, totals);
    return ranges.flatMap((range, i) => {
      const mine = rows.filter((row) => Number(row.range) === i + 1);
      if (mine.length === 0) return [{ ...range, fingerprint: EMPTY }];
      const starts = mine.map(({ collection, id }): Key => keyOf(collection, id));
      return mine.map((row, part) => ({
        from: part === 0 ? range.from : (starts[part] as Key),
        to: starts[part + 1] ?? range.to,
        fingerprint: fingerprintOf(row),
      }));
    });
  }

  /** The record at place k of n is in the first of p parts that ends at or behind it, at floor(part × n / p). */
  #sums(sizes: readonly number[], totals: readonly number[]): Promise<PartRow[]> {
    return this.#session.query<PartRow>(
      `SELECT range, part, count(*) AS count, ${SUMS},
         max(collection) FILTER (WHERE starts) AS collection, max(id) FILTER (WHERE starts) AS id
       FROM (
         SELECT *, part IS DISTINCT FROM lag(part) OVER (PARTITION BY range ORDER BY place) AS starts FROM (
           SELECT range, held.*, least((place * parts + total - 1) / greatest(total, 1), parts) AS part
           FROM ${BOUNDS} JOIN unnest($8::text::bigint[], $9::text::bigint[]) WITH ORDINALITY s(parts, total, range)
             USING (range),
           LATERAL (SELECT *, row_number() OVER (ORDER BY collection, id) AS place
             FROM ${this.#held("r.lane0, r.lane1, r.lane2, r.lane3,")}) held) placed) started
       GROUP BY range, part ORDER BY range, part`,
      [
        ...this.#values(this.#query.ranges),
        ...columnsOf(
          sizes.map((size, i) => [size, totals[i] as number]),
          2,
        ),
      ],
    );
  }

  /** Parts of at most `leaf` records with those records. */
  async withRecords(parts: readonly RangePart[]): Promise<RangePart[]> {
    const leaves = parts.filter(({ fingerprint }) => fingerprint.count <= this.#query.leaf);
    const filled = leaves.filter(({ fingerprint }) => fingerprint.count > 0);
    const rows =
      filled.length === 0
        ? []
        : await this.#session.query<{ range: string; collection: string; text: string }>(
            `SELECT range, collection, text FROM ${BOUNDS}, LATERAL (SELECT * FROM ${this.#held("r.text,")}) found
             ORDER BY range, collection, id`,
            this.#values(filled),
          );
    const records = new Map<RangePart, [string, string][]>(leaves.map((part) => [part, []]));
    for (const { range, collection, text } of rows) {
      records.get(filled[Number(range) - 1] as RangePart)?.push([collection, text]);
    }
    return parts.map((part) => (records.has(part) ? { ...part, records: records.get(part) } : part));
  }

  /** The records of one range of BOUNDS. */
  #held(columns: string): string {
    const { scope, collections } = this.#query;
    const held = inKeyOrder(sourceOf(scope), collections !== undefined, {
      columns,
      condition: `(m.collection, m.id) >= (from_collection, from_id)
        AND (m.collection, m.id) < (to_collection, to_id)`,
      wanted: "$3",
      limit: "",
    });
    return `(${held}) within`;
  }

  #values(ranges: readonly KeyRange[]): (string | null)[] {
    const { scope, collections } = this.#query;
    const bounds = ranges.map(({ from, to }) => [
      ...(from === null ? FIRST : pairOf(from)),
      ...(to === null ? LAST : pairOf(to)),
    ]);
    return [this.#space, comparable(scope), wantedOf(collections), ...columnsOf(bounds, 4)];
  }
}

const BOUNDS = `unnest($4::text::text[], $5::text::text[], $6::text::text[], $7::text::text[])
  WITH ORDINALITY b(from_collection, from_id, to_collection, to_id, range)`;

function isWhole({ from, to }: KeyRange): boolean {
  return from === null && to === null;
}
