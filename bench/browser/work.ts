/** What a page of a system offers: its module exports these. A replica in IndexedDB of which there is one in a profile. */
export interface PageModule {
  /**
   * Copies all records into an empty replica; resolves when every one can be read. What it returns resolves when more has
   * been done that the copy is not complete without.
   */
  copy(address: never): Promise<{ readonly checked: Promise<unknown> } | void>;
  /** How many records can be read. After a reload it opens what is there. */
  size(address: never): Promise<number>;
  /** When the last write was complete, by `performance.now()`, where it is none of IndexedDB. */
  lastWrite?(): number;
  /** Writes one record, and resolves when it is durable. */
  write?(address: never, id: string): Promise<void>;
}

/** What one copy took, in milliseconds. */
export interface Sample {
  readonly readable: number;
  /** Until the last transaction that wrote into the page's store was complete. */
  readonly written: number;
  /** Null where nothing is checked. */
  readonly checked: number | null;
  /** The longest task of the page, until four seconds had passed without any, and without a write; 0 where none took 50 ms. */
  readonly longest: number;
  /** After a reload without a network: until all records were read, and how many there were. */
  readonly again: number;
  readonly kept: number;
}

/** A quiet that long ends the time in which tasks and writes are looked for: some write only when the page is idle. */
export const QUIET_MS = 4000;
