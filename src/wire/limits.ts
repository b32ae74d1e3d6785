import { PUSH_LIMITS, type PushLimits } from "../model/push.ts";

/** How much a principal may ask for in a second; a burst may use up one second's worth at once. */
export interface RateLimits {
  readonly requests: number;
  readonly writes: number;
  /** Rows that the server reads to answer. */
  readonly rows: number;
}

/** Bounds of what a server takes in (M7, A5, A8). Sizes are bytes. */
export interface Limits extends PushLimits {
  /** A request's body, as it comes and after decompression. */
  readonly body: number;
  /** Mutations of a push. */
  readonly mutations: number;
  /** Writes of a mutation. */
  readonly writes: number;
  /** Subscriptions of a replica. */
  readonly subscriptions: number;
  /** Scopes that a pattern may stand for (P14). */
  readonly matched: number;
  /** Past cursors of a pull (R2). */
  readonly known: number;
  /** Seconds that a pull may wait for news. */
  readonly wait: number;
  /** Ranges of a verify, parts of a range, and records of a part that is sent whole. */
  readonly ranges: number;
  readonly fanout: number;
  readonly leaf: number;
  /** Records that one verify may be sent beside its delta: ranges × leaf stays below. */
  readonly verified: number;
  /** Bytes of copies' pages that a server keeps in memory (P17). */
  readonly pages: number;
  /** Entries of one answer of the journal, and versions of one history. */
  readonly entries: number;
  /** Client ids that a principal may use in a space, and spaces that it may create. */
  readonly clients: number;
  readonly spaces: number;
  /** Live connections of a principal, and of all whose token is still to come. */
  readonly sockets: number;
  readonly strangers: number;
  readonly rate: RateLimits;
}

/** The default of each limit. */
export const LIMITS: Limits = {
  ...PUSH_LIMITS,
  body: 8_388_608,
  mutations: 1_000,
  writes: 1_000,
  subscriptions: 1_000,
  matched: 10_000,
  known: 1_000,
  wait: 60,
  ranges: 1_000,
  fanout: 64,
  leaf: 1_000,
  verified: 100_000,
  pages: 134_217_728,
  entries: 1_000,
  clients: 10_000,
  spaces: 1_000,
  sockets: 1_000,
  strangers: 1_000,
  rate: { requests: 1_000, writes: 100_000, rows: 1_000_000 },
};
