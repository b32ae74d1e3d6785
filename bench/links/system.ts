import type { Change, Row } from "./script.ts";

/** Two servers that are to hold the same, and the line between them. */
export interface Pair {
  /** Of what is compared, where it is of the machine. */
  readonly version?: string;
  /** Fills side `a` with these rows, and lets `b` have them. */
  seed(rows: readonly Row[]): Promise<void>;
  /** From now on neither hears of the other. */
  apart(): Promise<void>;
  write(side: "a" | "b", change: Change): Promise<void>;
  /** They are together again. Resolves with the number of rounds that were asked for, where it goes by rounds; null: by itself. */
  together(): Promise<number | null>;
  rows(side: "a" | "b"): Promise<readonly Row[]>;
  /** Values that lost and can still be read somewhere. */
  losers(): Promise<number>;
  /** Bytes over the line so far, both ways. */
  bytes(): number;
  stop(): Promise<void>;
}

export interface System {
  readonly title: string;
  start(say: (text: string) => void): Promise<Pair>;
}
