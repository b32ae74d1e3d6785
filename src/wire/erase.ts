import type { Revision } from "../model/record.ts";

/** How much was removed at one place: of the data, records; of the journal, changes; elsewhere what its name says. */
export interface ErasePlace {
  readonly place: string;
  readonly count: number;
}

/** The answer to `POST …/erase` (K2). */
export interface EraseResponse {
  readonly collection: string;
  readonly id: string;
  /** The order's name, as it stands beside the database. */
  readonly order: string;
  /** The head afterwards: a replica that has it has heard of the erasure. */
  readonly revision: Revision;
  /** Empty where nothing was found. */
  readonly removed: readonly ErasePlace[];
}
