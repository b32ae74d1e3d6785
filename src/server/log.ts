import { StoreError } from "../store/store.ts";
import { InvariantError } from "../util/assert.ts";
import { Problem } from "../wire/problem.ts";

export type LogFields = { readonly [name: string]: string | number | boolean | undefined };

/** Where the server writes what happened. Fields hold no token, no secret and no record content (A6). */
export interface Log {
  info(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** A log that keeps nothing. */
export const noLog: Log = { info: () => undefined, error: () => undefined };

/** The part of pino that is used: any logger of this shape will do. */
export interface PinoLike {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The log of a server, written to a logger like pino. */
export function logTo(pino: PinoLike): Log {
  return {
    info: (fields, message) => pino.info(fields, message),
    error: (fields, message) => pino.error(fields, message),
  };
}

/**
 * What may be logged of an error. The messages of our own errors hold no content; another's may quote the record that
 * it choked on, so that only its name and where it came from are kept.
 */
export function faultFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { fault: typeof error };
  const own = error instanceof Problem || error instanceof StoreError || error instanceof InvariantError;
  const frames = (error.stack ?? "").split("\n").filter((line) => line.startsWith("    at "));
  const where = frames.slice(0, 12).join("\n");
  const cause = error.cause instanceof Error ? error.cause.name : undefined;
  return { fault: error.name, where, ...(own && { text: error.message }), ...(cause && { cause }) };
}
