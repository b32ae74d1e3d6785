import type { Filter } from "../model/filter.ts";
import type { Outcome } from "../model/mutation.ts";
import type { Revision } from "../model/record.ts";
import type { Told } from "./events.ts";
import type { Local } from "./local.ts";
import { SETTLED, type Settled } from "./state.ts";

/** What a client holds beside records, for people who look into it. */
export interface Inspection {
  /** Mutations without an outcome, in the order in which they were made. */
  readonly pending: readonly { readonly seq: number; readonly mutation: Told }[];
  readonly subscriptions: readonly InspectedSubscription[];
  /** The last outcomes, newest first; they are kept for a day. */
  readonly outcomes: readonly InspectedOutcome[];
}

export interface InspectedSubscription {
  readonly key: string;
  readonly scope: string;
  readonly collections: readonly string[] | null;
  readonly where: Filter | null;
  /** Complete to here; null: never filled. */
  readonly revision: Revision | null;
  /** Records that it holds; null: of a copy that came as it was kept, and is not counted yet. */
  readonly count: number | null;
  /** The server has refused it. */
  readonly revoked: boolean;
}

export interface InspectedOutcome {
  readonly seq: number;
  readonly mutation: Told;
  readonly outcome: Outcome;
  /** When it was complete here, milliseconds since 1970. */
  readonly time: number;
}

/** Outcomes that are told. */
const LAST = 20;

export async function inspected(local: Local): Promise<Inspection> {
  return await local.gate.shared(async () => {
    const settled = (await local.store.notes(SETTLED)).map(([, note]) => note as unknown as Settled);
    return {
      pending: local.unsettled().map(({ seq, mutation }) => ({ seq, mutation })),
      subscriptions: [...local.subscriptions.values()].map(
        ({ key, scope, collections, where, revision, fingerprint, revoked }) => {
          const count = revision === null ? 0 : (fingerprint?.count ?? null);
          return { key, scope, collections, where, revision, count, revoked };
        },
      ),
      outcomes: settled
        .slice(-LAST)
        .reverse()
        .map(({ seq, mutation, outcome, time }) => ({ seq, mutation, outcome, time })),
    };
  });
}
