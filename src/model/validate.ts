import { utf8Length } from "../util/utf8.ts";
import type { RejectedCode, Rejection } from "./mutation.ts";
import { ALL, scopeFlaw } from "./names.ts";
import type { PushLimits } from "./push.ts";
import type { RecordData } from "./record.ts";
import type { Collection, ScopesOf, User } from "./schema.ts";

/** Ends the work on a mutation: nothing of it applies. */
export class Rejected extends Error {
  override name = "Rejected";
  readonly rejection: Rejection;
  constructor(code: RejectedCode, message: string, path: string) {
    super(message);
    this.rejection = { code, message, path };
  }
}

/** Calls a function of the configuration. What it throws is not passed on, since it may hold secrets (H1). */
export function guarded<T>(what: string, path: string, call: () => T): T {
  let result: T;
  try {
    result = call();
  } catch {
    throw new Rejected("threw", `${what} threw; see that it accepts every record`, path);
  }
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== "function") return result;
  Promise.resolve(result).catch(() => {});
  throw new Rejected("threw", `${what} gave a promise; it has to be synchronous`, path);
}

/** Checks the record that a mutation leaves behind against its collection's schema (W7). */
export function checkSchema(name: string, { schema }: Collection, record: RecordData, path: string): void {
  if (schema === undefined) return;
  const issues = guarded(`the schema of ${name}`, path, () => {
    const result = schema["~standard"].validate(record);
    return "then" in result ? result : result.issues;
  });
  const issue = (issues as Exclude<typeof issues, Promise<unknown>>)?.[0];
  if (issue === undefined) return;
  const steps = (issue.path ?? []).map((step) => `.${String(typeof step === "object" ? step.key : step)}`);
  throw new Rejected("invalid-record", issue.message, path + steps.join(""));
}

export function checkSize(text: string, atoms: number, limits: PushLimits, path: string): void {
  if (utf8Length(text) > limits.record)
    throw new Rejected("too-large", `a record has at most ${limits.record} bytes`, path);
  if (atoms > limits.atoms) {
    throw new Rejected(
      "too-many-atoms",
      `a record has at most ${limits.atoms} atoms, those that were removed included`,
      path,
    );
  }
}

/** The record's scopes by its collection's function, without `*`, in which every record is. */
export function scopesOf(
  name: string,
  scopes: ScopesOf | undefined,
  record: RecordData,
  limits: PushLimits,
  path: string,
): Set<string> {
  if (scopes === undefined) return new Set();
  const given: unknown = guarded(`the scopes of ${name}`, path, () => scopes(record));
  if (!Array.isArray(given)) throw new Rejected("bad-scope", `the scopes of ${name} are a list of names`, path);
  for (const scope of given) {
    const flaw = scopeFlaw(scope);
    if (flaw !== null) throw new Rejected("bad-scope", flaw, path);
  }
  const unique = new Set<string>(given);
  unique.delete(ALL);
  if (unique.size > limits.scopes)
    throw new Rejected("bad-scope", `a record is in at most ${limits.scopes} scopes`, path);
  return unique;
}

/** Whether the writer may write to a scope. */
export type MayWrite = (scope: string) => boolean;

const FORBIDDEN = "this record may not be written by you; ask for the permission to write its scopes";

/**
 * The permission to touch a record that is there, whatever comes of it (W11). It is asked before a conflict is looked
 * for, so that an outcome tells nothing about a record out of reach.
 */
export function checkTouch(present: ReadonlySet<string>, may: MayWrite, path: string): void {
  const scopes = named(present);
  if (!(scopes.length === 0 ? may(ALL) : scopes.some(may))) throw new Rejected("forbidden", FORBIDDEN, path);
}

/** The permission to bring a record from these scopes to those; null: it is not there (W11). */
export function checkMove(
  before: ReadonlySet<string> | null,
  after: ReadonlySet<string> | null,
  may: MayWrite,
  path: string,
): void {
  const from = named(before);
  const to = named(after);
  const crossed = [...from.filter((scope) => !after?.has(scope)), ...to.filter((scope) => !before?.has(scope))];
  const stays = to.filter((scope) => before?.has(scope));
  const unscoped = (before !== null && from.length === 0) || (after !== null && to.length === 0);
  const allowed = crossed.every(may) && (stays.length === 0 || stays.some(may)) && (!unscoped || may(ALL));
  if (!allowed) throw new Rejected("forbidden", FORBIDDEN, path);
}

function named(scopes: ReadonlySet<string> | null): string[] {
  return scopes === null ? [] : [...scopes].filter((scope) => scope !== ALL);
}

/** The collection's own rule (W11). The records are frozen: a rule reads, and changes nothing. */
export function checkRule(
  name: string,
  { write }: Collection,
  before: RecordData | null,
  after: RecordData | null,
  user: User,
  path: string,
): void {
  if (write === undefined) return;
  const answer: unknown = guarded(`the write rule of ${name}`, path, () => write(before, after, user));
  if (answer === true) return;
  const reason = typeof answer === "string" ? answer : `the write rule of ${name} refuses this`;
  throw new Rejected("rule", reason, path);
}
