import type { FingerprintQuery } from "../store/store.ts";
import type { Progress } from "./progress.ts";
import { type Answers, type Place, Questions, type Reader } from "./questions.ts";
import type { Subscription } from "./subscription.ts";

/** A question for how many records there are. */
export type Total = Place<FingerprintQuery>;

/**
 * Asks how many records a copy of the subscription has, where that is kept and need not be counted: of one scope without a
 * `where` (C15).
 */
export function askTotal({ prefix, matcher, coverage }: Subscription, questions: Questions): Total | null {
  if (prefix !== null || matcher !== null) return null;
  const { scope, collections } = coverage;
  return questions.ask({ kind: "fingerprint", scope, collections });
}

/** Whether its cursor says by itself that the answer is a copy. */
export function isCopied({ reading }: Subscription): boolean {
  return reading.kind !== "good" || reading.cursor.copy !== undefined;
}

/** The totals of copies that turned out to be some only when their cursors were judged. */
export async function addTotals(store: Reader, space: string, progress: readonly Progress[]): Promise<void> {
  const questions = new Questions();
  const asked = progress
    .filter(({ reason, subscription }) => reason !== null && !isCopied(subscription))
    .map((own) => ({ own, place: askTotal(own.subscription, questions) }));
  if (!asked.some(({ place }) => place !== null)) return;
  const answers = await questions.read(store, space);
  for (const { own, place } of asked) own.total = totalIn(answers, place);
}

export function totalIn(answers: Answers, place: Total | null): number | null {
  return place === null ? null : answers.of(place).count;
}
