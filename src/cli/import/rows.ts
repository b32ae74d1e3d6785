import type { Json } from "../../util/json.ts";

/** One record of a file as it was read: not yet checked. */
export interface RawRow {
  /** The line on which it begins, from 1. */
  readonly line: number;
  readonly data: { readonly [atom: string]: Json };
}

/** What could not be read as a record. The rows after it go on. */
export interface BadRow {
  readonly line: number;
  readonly reason: string;
}

export type Row = RawRow | BadRow;

export function isBad<T extends object>(row: T | BadRow): row is BadRow {
  return "reason" in row;
}

/** The rest of a file cannot be read at all, from this line on. */
export class UnreadableFile extends Error {
  override name = "UnreadableFile";
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}
