import type { MutationFnParams, PendingMutation } from "@tanstack/db";
import type { Client, Mutated } from "../client/index.ts";
import type { Outcome } from "../model/mutation.ts";
import type { RecordData } from "../model/record.ts";
import { type Json, type JsonObject, sameJson } from "../util/json.ts";

type Rejected = Extract<Outcome, { status: "rejected" }>;

/** The server has refused a transaction: nothing of it applies. The message is the server's. */
export class RejectedError extends Error {
  override name = "RejectedError";
  readonly outcome: Rejected;
  constructor(outcome: Rejected) {
    super(outcome.path === "" ? outcome.message : `${outcome.path}: ${outcome.message}`);
    this.outcome = outcome;
  }
}

/**
 * Sends a transaction over several collections as one atomic mutation, for `createTransaction` and `createOptimisticAction`
 * of TanStack DB. When it resolves is told at `tidemarkCollectionOptions`.
 *
 * @example
 * const both = createTransaction({ mutationFn: tidemarkMutationFn(client) });
 * both.mutate(() => {
 *   tasks.delete("t1");
 *   comments.delete(["c1", "c2"]);
 * });
 */
export function tidemarkMutationFn(client: Pick<Client, "mutate" | "status" | "on">) {
  return async <T extends object>({ transaction }: MutationFnParams<T>): Promise<void> => {
    const mutations = transaction.mutations as unknown as readonly PendingMutation[];
    await persisted(
      client,
      mutations.map((mutation) => [collectionOf(mutation), mutation]),
    );
  };
}

/** The name under which a server knows a collection of TanStack DB. */
function collectionOf({ collection }: PendingMutation): string {
  const name: unknown = collection.utils["collectionName"];
  if (typeof name === "string") return name;
  throw new Error(`the collection ${collection.id} was not made with tidemarkCollectionOptions`);
}

export type Change = Pick<PendingMutation, "type" | "key" | "original" | "modified">;

/** Sends the changes as one mutation; resolves when the transaction may end, and rejects where nothing of it applies. */
export async function persisted(
  client: Pick<Client, "mutate" | "status" | "on">,
  changes: readonly (readonly [collection: string, Change])[],
): Promise<void> {
  const writes = changes.filter(
    ([, change]) => change.type !== "update" || Object.keys(changedAtoms(change)).length > 0,
  );
  if (writes.length === 0) return;
  const mutated = client.mutate((tx) => {
    for (const [collection, change] of writes) {
      const id = String(change.key);
      if (change.type === "insert") tx.insert(collection, atomsOf(change.modified) as RecordData);
      else if (change.type === "update") tx.update(collection, id, changedAtoms(change));
      else tx.delete(collection, id);
    }
  });
  await mutated.local;
  const outcome = await settledOrAway(client, mutated);
  if (outcome?.status === "rejected") throw new RejectedError(outcome);
}

/** Atoms whose value is another one, null for those that were removed. */
function changedAtoms({ original, modified }: Change): JsonObject {
  const before = atomsOf(original);
  const after = atomsOf(modified);
  const atoms: { [atom: string]: Json } = {};
  for (const atom of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const value = after[atom] ?? null;
    if (atom !== "id" && !sameJson(before[atom] ?? null, value)) atoms[atom] = value;
  }
  return atoms;
}

/** Without what TanStack DB says about a row (`$key`, `$synced` …): no atom has such a name. */
function atomsOf(row: object): JsonObject {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith("$")));
}

/** States in which an outcome comes soon: the server answers, or has not been asked yet. */
const NEAR = new Set(["connecting", "upToDate", "behind", "repairing"]);

/** The outcome, or null as soon as the server is away. */
function settledOrAway(client: Pick<Client, "status" | "on">, { settled }: Mutated): Promise<Outcome | null> {
  if (!NEAR.has(client.status.state)) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const off = client.on("status", ({ state }) => {
      if (NEAR.has(state)) return;
      off();
      resolve(null);
    });
    settled.then(resolve, reject).finally(off);
  });
}
