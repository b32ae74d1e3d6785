import { StoreError, type StoreFailure } from "../store.ts";

/** The connection was lost, or never made; what it was doing may have been done. */
export class LostConnection extends Error {
  override name = "LostConnection";
}

/** What PostgreSQL answered with instead of a result: https://www.postgresql.org/docs/current/errcodes-appendix.html */
export class ServerError extends Error {
  override name = "ServerError";
  readonly code: string;
  /** The session has ended with it. */
  readonly fatal: boolean;
  /** What it is about, where PostgreSQL said so. */
  readonly constraint: string | undefined;
  readonly column: string | undefined;

  constructor(
    message: string,
    code: string,
    fatal: boolean,
    about: { constraint?: string | undefined; column?: string | undefined } = {},
  ) {
    super(message);
    this.code = code;
    this.fatal = fatal;
    this.constraint = about.constraint;
    this.column = about.column;
  }
}

const SERIALIZATION = "40001";
const DEADLOCK = "40P01";
export const LOCK_TIMEOUT = "55P03";
const STATEMENT_TIMEOUT = "57014";
const DISK_FULL = "53100";
/** A statement that was prepared before a newer server changed the tables. */
const STALE_PLAN = "0A000";

/** Exact codes, then classes. */
const FAILURES: readonly (readonly [start: string, failure: StoreFailure, cure: string])[] = [
  [DISK_FULL, "full", "free some disk space there; nothing of this write was kept"],
  ["XX001", "damaged", "its data is damaged: restore a backup"],
  ["XX002", "damaged", "an index is damaged: REINDEX, or restore a backup"],
  [LOCK_TIMEOUT, "unavailable", "another server or a tool holds a lock of this space: look at pg_stat_activity"],
  [STATEMENT_TIMEOUT, "unavailable", "a statement took too long: look at the database's load"],
  ["25006", "unavailable", "it takes no writes now: is it a standby, or set to read only?"],
  ["42501", "unavailable", "grant this user USAGE and CREATE on the schema, and its tables"],
  ["42P01", "unavailable", "a table is gone: restore a backup"],
  ["3F000", "unavailable", "the schema is gone: restore a backup"],
  ["3D000", "unavailable", "make the database first: CREATE DATABASE"],
  ["28", "unavailable", "check user and password"],
  ["53300", "unavailable", "raise max_connections, or give fewer `connections` to each server"],
  ["08", "unavailable", "try again"],
  ["40", "unavailable", "try again"],
  ["53", "unavailable", "give it more resources"],
  ["57", "unavailable", "it is stopping or starting: try again"],
  ["58", "unavailable", "look at its log"],
  ["F0", "unavailable", "look at its log"],
  ["XX", "unavailable", "look at its log"],
];

/** What a failure means to who called the store; errors of our own, and those of content, are given back as they are. */
export function storeFailure(error: unknown, place: string): unknown {
  if (error instanceof LostConnection) {
    return new StoreError("unavailable", `The connection to ${place} was lost: ${error.message}.`, { cause: error });
  }
  if (!(error instanceof ServerError)) return error;
  const known = FAILURES.find(([start]) => error.code.startsWith(start));
  if (known === undefined) return error;
  const [, failure, cure] = known;
  return new StoreError(failure, `${place} says ${error.code}, ${error.message}: ${cure}.`, { cause: error });
}

/** Whether the transaction certainly came to nothing, and may well succeed when it is tried again. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ServerError)) return false;
  const { code, message } = error;
  return code === SERIALIZATION || code === DEADLOCK || (code === STALE_PLAN && message.includes("cached plan"));
}

/** Whether the session is gone, so that what was sent last may or may not have been done. */
export function isLoss(error: unknown): boolean {
  return error instanceof LostConnection || (error instanceof ServerError && error.fatal);
}
