import type { Outcome, Write } from "../model/mutation.ts";
import { targetOf } from "../model/mutation.ts";
import type { Revision } from "../model/record.ts";
import { type Random, randomName } from "../util/random.ts";
import type { Diverged } from "./answer.ts";
import type { Settlement } from "./events.ts";
import type { Change, Local } from "./local.ts";
import { type Pending, SETTLED, type Settled, type Subscription, withBaseAtMost } from "./state.ts";

/** A subscription that is copied anew, trusting nothing that is held; it is shown until the copy is complete. */
function recopied(subscription: Subscription, most: Revision = Number.POSITIVE_INFINITY): Subscription {
  const revision = subscription.revision === null ? null : Math.min(subscription.revision, most);
  return { ...subscription, cursor: null, staging: null, distrust: true, revision };
}

/** What makes these subscriptions copies again. */
export function copyAnew(subscriptions: readonly Subscription[]): Change {
  return {
    unstage: subscriptions.map(({ number }) => number),
    subscriptions: subscriptions.map((each) => recopied(each)),
  };
}

/**
 * The server has lost what is beyond `common` (R2). Everything is copied anew; what it had acknowledged beyond is offered
 * again, or, by its policy, told to the application and dropped; what waits counts as written on top of `common`.
 * - `survived`: the last mutation of each client id that the server still has. `common` is the greatest place that is known
 *   of both histories, so that some of what came after it may be in both.
 */
export async function divergedChange(
  local: Local,
  { common = 0, policy }: Diverged,
  survived: ReadonlyMap<string, number>,
): Promise<{ change: Change; offered: number; lost: Settlement[] }> {
  const all = [...local.subscriptions.values()];
  const queue = await queueAfterLoss(local, common, policy, ({ outcome, client, number }) => {
    return outcome.revision > common && number > (survived.get(client) ?? 0);
  });
  const change: Change = {
    meta: { revision: Math.min(local.meta.revision, common), renew: { through: null } },
    known: local.known.filter(({ revision }) => revision <= common),
    unstage: all.map(({ number }) => number),
    subscriptions: all.map((each) => recopied(each, common)),
    ...queue.change,
  };
  return { change, offered: queue.offered, lost: queue.lost };
}

/** The client ids under which something was acknowledged that may be lost now. */
export async function clientsBeyond(local: Local, common: Revision): Promise<ReadonlySet<string>> {
  const clients = new Set<string>();
  for (const { client, outcome } of await keptSettled(local)) if (outcome.revision > common) clients.add(client);
  for (const { under, outcome } of local.pending.values()) {
    if (outcome !== null && outcome.revision > common) clients.add(under ?? local.meta.client);
  }
  return clients;
}

async function keptSettled(local: Local): Promise<Settled[]> {
  return (await local.store.notes(SETTLED)).map(([, note]) => note as unknown as Settled);
}

/**
 * The server no longer has mutations that it had acknowledged, though this replica's cursor is good: it was restored to
 * a state between the two. There is no word of its policy then, so they are offered again.
 */
export async function reofferedAfter(local: Local, last: number): Promise<Change> {
  const { client, revision } = local.meta;
  const queue = await queueAfterLoss(local, revision, "heal", (each) => each.client === client && each.number > last);
  local.events.emit("recovered", { reason: "lost", common: revision, offered: queue.offered });
  return { meta: { renew: { through: last } }, ...queue.change };
}

type Acknowledged = Omit<Settled, "time">;

async function queueAfterLoss(
  local: Local,
  common: Revision,
  policy: "heal" | "discard",
  isLost: (mutation: Acknowledged) => boolean,
): Promise<{ change: Change; offered: number; lost: Settlement[] }> {
  const { client } = local.meta;
  const kept = (await keptSettled(local)).filter(isLost);
  const waiting = [...local.pending.values()];
  const pending: Pending[] = [];
  const settled: { pending: Pending; outcome: Outcome; keep: false }[] = [];
  const lost: Settlement[] = [];
  const offer = (each: Acknowledged): boolean => {
    if (policy === "discard") {
      lost.push({ mutation: each.mutation, outcome: each.outcome });
      return false;
    }
    const again = offeredAgain(each, common);
    if (again !== null) pending.push(again);
    return again !== null;
  };
  for (const each of kept) offer(each);
  for (const each of waiting) {
    const { outcome } = each;
    if (outcome === null) pending.push({ ...each, held: false, mutation: withBaseAtMost(each.mutation, common) });
    else {
      const acknowledged = { ...each, client: each.under ?? client, outcome };
      if (isLost(acknowledged) && !offer(acknowledged)) settled.push({ pending: each, outcome, keep: false });
    }
  }
  const offered = pending.filter(({ number }) => number === 0).length;
  return { change: { pending, settled, forgotten: kept.map(({ seq }) => seq) }, offered, lost };
}

/** A lost mutation as it is offered again: without what was superseded. Null where nothing of it had been applied. */
function offeredAgain({ seq, mutation, outcome }: Acknowledged, common: Revision): Pending | null {
  const writes = appliedWrites(mutation, outcome);
  if (writes.length === 0) return null;
  const again = { ...withBaseAtMost({ ...mutation, writes }, common), lost: outcome.revision };
  return { seq, number: 0, mutation: again, outcome: null, under: null, held: false, refused: null };
}

/** The writes of a mutation that the server had applied. */
function appliedWrites({ writes, whole }: Acknowledged["mutation"], outcome: Outcome): readonly Write[] {
  if (outcome.status === "applied") return writes;
  if (outcome.status !== "superseded" || whole) return [];
  return writes.flatMap((write) => {
    const { collection, id } = targetOf(write);
    const against = outcome.superseded.filter((each) => each.collection === collection && each.id === id);
    if (against.length === 0) return [write];
    if (write.op === "delete") return against.some(({ atoms }) => atoms.length === 0) ? [] : [write];
    const gone = new Set(against.flatMap(({ atoms }) => atoms));
    const atoms = Object.entries(write.record).filter(([atom]) => atom === "id" || !gone.has(atom));
    return atoms.length > 1 ? [{ ...write, record: { ...Object.fromEntries(atoms), id } }] : [];
  });
}

/** Takes a new client id, and gives the mutations that wait new numbers under it, in their order (R3). */
export function renewed(local: Local, through: number, random: Random): Change {
  const { client } = local.meta;
  const pending = local.unsettled().map((each, i): Pending => ({ ...each, number: i + 1, held: false }));
  const meta = { client: randomName(random), issued: pending.length, acked: 0, was: { client, through }, renew: null };
  return { meta, pending };
}
