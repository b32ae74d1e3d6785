import { type Key, keyOf, type RecordData, type Revision } from "../../../model/record.ts";
import type { Json } from "../../../util/json.ts";
import type { PackedBatch } from "../block.ts";
import type { Adopted, Content, RecordLine, Row, Span, StoreFailure } from "../store.ts";

/** What the worker does when it is asked, each by a message there and one back. */
export interface Desk {
  /** `suspect` is what was found to be damaged before, null where nothing was. */
  open(name: string, suspect: string | null): Promise<{ readonly damage: string | null; readonly isNew: boolean }>;
  notes(prefix: string, limit?: number): (readonly [string, Json])[];
  get(keys: readonly Key[]): (Row | undefined)[];
  scan(from: Key | null, to: Key | null, limit: number): PackedRows[];
  staged(subscription: number, skip: number, limit: number): RecordLine[];
  spans(subscription: number): Span[];
  isFree(span: Span): boolean;
  stagedRows(adopt: readonly Adopted[], keys: readonly Key[]): (Row | undefined)[];
  contents(from: Key | null, to: Key | null): Page;
  write(batch: PackedBatch): Promise<void>;
  /** After this the worker may be ended. */
  close(): void;
}

export interface Ask<N extends keyof Desk = keyof Desk> {
  readonly id: number;
  readonly op: N;
  readonly args: Parameters<Desk[N]>;
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly failure: StoreFailure | null; readonly message: string } };

/** Some of what was asked for, and the key from which the rest follows; null where this was all. */
export interface Page {
  readonly contents: readonly Content[];
  readonly rest: Key | null;
}

/** Rows that follow each other and have the same revision and holders; their records as one text, a JSON array. */
export interface PackedRows {
  readonly collection: string;
  readonly at: Revision;
  readonly holders: readonly number[];
  readonly records: string;
}

export function unpacked({ collection, at, holders, records }: PackedRows): Row[] {
  const parsed = JSON.parse(records) as RecordData[];
  return parsed.map((data) => ({ key: keyOf(collection, data.id), at, holders, data }));
}
