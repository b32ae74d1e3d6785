import type { Row } from "../work.ts";

/** What a system offers to take part in W4: its `live` module exports `follow` and `openWriter`. */

export const SUBSCRIBERS = 100;
/** Writes whose way to all subscribers is timed, one after the other: at most so many, and at most for so long. */
export const TIMED = { writes: 100, ms: 15_000 };
/** Of each run, not counted. */
export const WARM = 5;

/** Called with each version of a record that has become readable, as its `updated`. */
export type Told = (id: string, updated: number) => void;

/** Resolves when the subscriber holds all records and is told of what changes from now on. */
export type Follow = (address: never, name: string, told: Told) => Promise<void>;

/** Resolves or returns when the system takes the next write, which need not be when anybody else can read it. */
export type Write = (row: Row) => unknown;

/** The writer must hold the records already, where its `write` needs that. */
export type OpenWriter = (address: never, name: string) => Promise<Write>;

export interface LiveModule {
  readonly follow: Follow;
  readonly openWriter: OpenWriter;
}

/** Writes of a series: the record numbers, in turn; the first is version `from`, the next one more. */
export interface Series {
  readonly records: readonly number[];
  readonly from: number;
}

/** What a process of subscribers tells when each of them has read the end of a series. */
export interface Reached {
  /** For each subscriber, on the clock of `now`. */
  readonly at: readonly number[];
  /** Versions that all of them together were told. */
  readonly versions: number;
  /** Microseconds of processor time that the process took for it. */
  readonly cpu: number;
}

/** Milliseconds on the machine's clock, which is the same in each of its processes. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;
