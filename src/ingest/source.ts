import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Json, JsonObject } from "../util/json.ts";

/** Where a source stands in a stream. Only the source reads it; null is the beginning. */
export type SourceCursor = Json;

/** A record of the source as it came: its key parts in the order of `Stream.key`, as text. */
export type SourceKey = readonly string[];

/** Where something stood in its source, for people: `customers.csv:812`, or `https://…/contacts?after=2#17`. No secrets. */
export type Position = string;

export type SourceChange =
  | {
      readonly op: "put";
      readonly key: SourceKey;
      readonly value: JsonObject;
      readonly position: Position;
      /** When the source last changed it, ISO 8601, where the source says so. */
      readonly at?: string;
      /** The text that it was read from, where that says more than `value`. */
      readonly raw?: string;
    }
  | {
      readonly op: "delete";
      readonly key: SourceKey;
      readonly position: Position;
      readonly at?: string;
    }
  /** What could not be read at all: a broken line, half a JSON value. It goes to quarantine with these words. */
  | {
      readonly op: "broken";
      readonly position: Position;
      readonly raw: string;
      readonly code: "unreadable" | "too-large";
      readonly message: string;
    };

/** All that is in `changes` is covered by `cursor`: both are stored, or neither (I1). */
export interface Page {
  readonly changes: readonly SourceChange[];
  readonly cursor: SourceCursor;
  /**
   * `"caught-up"`: all that there was is read. `"complete"`: and it was a pass from the beginning, so that what it did not
   * show is gone from the source (I2). A pass that was cut never says so.
   */
  readonly last?: "caught-up" | "complete";
  /**
   * Beginnings of keys of which `changes` hold all that there is: what else is held under them is gone from the source.
   * So does a source that computes a whole day anew replace it: `[["2026-03-01"]]`.
   */
  readonly replaces?: readonly SourceKey[];
  /** A complete pass begins with this page, though the cursor that was given is not null: the source saw that it must. */
  readonly begins?: true;
  /** Bytes that were read for it, where that is known. */
  readonly bytes?: number;
}

/** How a stream tells of deletions: it reports them; a complete pass shows what is missing; or nobody knows (I2). */
export type Deletes = "reported" | "by-complete-pass" | "unknown";

/**
 * How a source asks the network: `fetch`, told which budget a request is charged to. A network that fails, a 5xx and a 429
 * are tried again inside; what comes out is any other answer, its body whole, or a `SourceError`.
 */
export type Http = (url: string, init?: HttpInit) => Promise<Response>;

export interface HttpInit extends RequestInit {
  readonly budget?: Budget;
}

/** What all that ask one host with one credential share. */
export interface Budget {
  /** Tells credentials apart, in memory only: it may be the secret itself. */
  readonly credential: string;
  readonly limits: readonly RateLimit[];
  /** Vendors say in their own ways when they may be asked again: unix milliseconds, or null where an answer says nothing. */
  readonly pause?: (answer: PausingAnswer) => number | null;
}

/** At most so many requests in any such span, in milliseconds. */
export interface RateLimit {
  readonly requests: number;
  readonly per: number;
}

export interface PausingAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Unix milliseconds. */
  readonly now: number;
}

export interface ReadContext {
  /** Null asks for a complete pass, or in a window for its beginning. */
  readonly cursor: SourceCursor;
  /** A backfill: only this window, ISO 8601, the end excluded. It never moves the stored cursor. */
  readonly window?: { readonly from: string; readonly to: string };
  /** Rate limits, retries, recording live in here: a source asks the network by nothing else. */
  readonly http: Http;
  readonly signal: AbortSignal;
  /** Unix milliseconds. */
  now(): number;
}

export interface Stream {
  readonly name: string;
  /** The fields of `value` that make its key. */
  readonly key: readonly string[];
  readonly deletes: Deletes;
  /** What the source says that its records are, where it says so. */
  readonly schema?: StandardSchemaV1;
  read(context: ReadContext): AsyncIterable<Page>;
}

/** Something that records are picked up from: a folder, an API, a database, another space. */
export interface Source {
  readonly name: string;
  /** @throws SourceError where it cannot be reached, or does not let us in. */
  check(context: Omit<ReadContext, "cursor">): Promise<void>;
  readonly streams: readonly Stream[];
}

/**
 * `unreachable` and `busy` pass (they are tried again); `denied` waits for another credential, `protocol` for another
 * definition: the source answers with what it should not; `position`: the cursor is too old, a complete pass is needed.
 */
export type SourceFailure = "unreachable" | "busy" | "denied" | "protocol" | "position";

/** Why a source could not be read; the message names the place, the cause and the cure, and no secret. */
export class SourceError extends Error {
  readonly code: SourceFailure;
  /** For `busy`: when it may be asked again, unix milliseconds, where the source says so. */
  readonly retryAt: number | null;

  constructor(
    code: SourceFailure,
    message: string,
    { retryAt = null, cause }: { retryAt?: number | null; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.name = "SourceError";
    this.code = code;
    this.retryAt = retryAt;
  }
}
