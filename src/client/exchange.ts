import { type Fingerprint, sameFingerprint } from "../model/fingerprint.ts";
import type { Revision } from "../model/record.ts";
import type { EndLine, RangeLine, SubscriptionEnd } from "../wire/lines.ts";
import type { SubscriptionRequest } from "../wire/pull.ts";
import { Answer } from "./answer.ts";
import { countedIn, parsedFingerprint } from "./content.ts";
import { TransportError } from "./errors.ts";
import type { Change, Local } from "./local.ts";
import type { Received } from "./ndjson.ts";
import { reofferedAfter } from "./recover.ts";
import { applied, type Segment } from "./replica.ts";
import type { Meta, Past, Pending, Subscription } from "./state.ts";

/** What an answer did. */
export interface Exchanged {
  readonly revision: Revision;
  /** It brought something to see. */
  readonly changed: boolean;
  /** Subscriptions whose content is not what the server has (P9). */
  readonly mismatched: readonly Subscription[];
  readonly ranges: readonly RangeLine[];
  readonly end: EndLine;
  /** Subscriptions that it brought to its revision, by number. */
  readonly complete: readonly number[];
  /** Keys of those that the server has ended, and of those that it continues from elsewhere. */
  readonly revoked: readonly string[];
  readonly astray: ReadonlySet<string>;
}

/** What is asked of each subscription. */
export function requestOf({ key, scope, collections, where, cursor }: Subscription): SubscriptionRequest {
  return {
    scope,
    ...(key !== scope && { key }),
    ...(cursor !== null && { cursor }),
    ...(collections !== null && { collections }),
    ...(where !== null && { where }),
  };
}

/**
 * Takes the next line of an answer; with the last one gives what the answer did. Null where there is nothing to wait for,
 * as with most lines: a promise for each of them would cost more than the line.
 */
export type TakeLine = (received: Received) => Promise<Exchanged | null> | null;

/**
 * Takes an answer line by line, and applies it with the last one: records, cursors, outcomes that are now complete, all in
 * one write (P4, W9).
 * - `onLine`: called with each line that is more than the beginning of the answer.
 * - `followed`: on a live connection, the subscriptions that have been answered before, by number.
 */
export function exchanging(
  local: Local,
  asked: readonly Subscription[],
  onLine: (head: Revision, op: string) => void,
  followed: ReadonlySet<number> | null,
): TakeLine {
  // Outcomes that arrived before the request was sent must be known to whoever answers it. What a server says unasked may
  // be older than they are; but it does not outlive its connection, so it was not restored since that began.
  const { client } = local.meta;
  const acked = followed === null ? local.meta.acked : 0;
  const unsaid = followed === null ? 0 : null;
  const answer = new Answer(local, asked, followed);
  const ended = async (end: EndLine): Promise<Exchanged> => {
    const exchanged = await local.gate.exclusive(async () => {
      // What it says of a client id that has been given up meanwhile means nothing now.
      const last = client === local.meta.client ? (end.lastMutation ?? unsaid) : null;
      if (last !== null && last < acked && local.meta.renew === null)
        await local.commit(await reofferedAfter(local, last));
      return await finished(local, answer, end, last);
    });
    return { ...exchanged, mismatched: await compared(local, exchanged.complete, end) };
  };
  const marked = async (writing: Promise<void>): Promise<null> => {
    await writing;
    onLine(answer.head, "mark");
    return null;
  };
  return (received) => {
    const taken = answer.take(received);
    if (taken instanceof Promise) return marked(taken);
    if (received.line.op !== "begin") onLine(answer.head, received.line.op);
    return taken === null ? null : ended(taken);
  };
}

/** Reads the answer to a request to its end, and applies it. */
export async function exchange(
  local: Local,
  asked: readonly Subscription[],
  lines: AsyncIterable<Received>,
  onLine: (head: Revision, op: string) => void = () => {},
): Promise<Exchanged> {
  const take = exchanging(local, asked, onLine, null);
  for await (const received of lines) {
    const taking = take(received);
    const exchanged = taking === null ? null : await taking;
    if (exchanged !== null) return exchanged;
  }
  throw new TransportError("cut", "the answer broke off before its end");
}

type Finished = Omit<Exchanged, "mismatched">;

async function finished(local: Local, answer: Answer, end: EndLine, last: number | null): Promise<Finished> {
  const segments = answer.segments(end);
  const whole = answer.completes(segments);
  const all = [...local.subscriptions.values()];
  const ended = all.filter(({ key, revoked }) => !revoked && answer.revoked.includes(key));
  const { wipe, adopt, rows, ends, erased, fingerprints } = await applied(
    local.store,
    all,
    segments,
    ended.map(numberOf),
  );
  const changed = new Map<number, Subscription>();
  for (const each of all) {
    const fingerprint = fingerprints.get(each.number) ?? null;
    if (!sameOrUncounted(fingerprint, each.fingerprint)) changed.set(each.number, { ...each, fingerprint });
  }
  for (const segment of segments) {
    const { number } = segment.subscription;
    const next = completed(segment, changed.get(number) ?? segment.subscription, end);
    if (next !== segment.subscription) changed.set(number, next);
  }
  for (const each of ended) changed.set(each.number, revokedOf(each));
  const adopted = adopt.map(({ subscription }) => subscription);
  const answered = segments.map(({ subscription }) => subscription);
  const staged = answered.filter(({ number, staging }) => staging !== null && !adopted.includes(number));
  const unstage = [...staged, ...ended].map(numberOf);
  const follows = segments.length > 0 || all.some(({ revision, revoked }) => revision !== null && !revoked);
  const meta = metaAfter(local.meta, answer, whole && follows ? end.revision : local.meta.revision, last);
  const renews = local.meta.renew === null && meta.renew !== null;
  // Only where no cursor was asked with: a cursor beyond the head is answered by a copy that says "diverged".
  const lost = meta.revision < local.meta.revision;
  const { settled, pending } = queueAfter(local, whole ? end.revision : null, meta, last);
  const touched = wipe ? segments.length > 0 || ended.length > 0 : rows.size > 0 || adopt.length > 0;
  await local.commit({
    meta: sameMeta(meta, local.meta) ? undefined : meta,
    reached: reachedBy(segments, changed, end),
    unstage: unstage.length > 0 ? unstage : undefined,
    wipe: touched && wipe,
    rows: touched ? rows : undefined,
    erased,
    ends: ends.size > 0 ? ends : undefined,
    adopt: adopt.length > 0 ? adopt : undefined,
    subscriptions: [...changed.values()],
    settled,
    pending,
    forgotten: settled && (await local.outlived()),
    lazy: settled === undefined && pending === undefined && erased === undefined,
  });
  if (renews) local.events.emit("recovered", { reason: "rewound" });
  if (lost) local.events.emit("recovered", { reason: "lost", common: meta.revision, offered: 0 });
  tell(local, answer, segments, ended);
  const complete = answered.map(numberOf);
  const { ranges, revoked, astray } = answer;
  return { revision: end.revision, changed: touched, complete, ranges, revoked, astray, end };
}

function sameOrUncounted(a: Fingerprint | null, b: Fingerprint | null): boolean {
  return a === null || b === null ? a === b : sameFingerprint(a, b);
}

/**
 * The subscriptions whose content is not what the server has (P9). What was taken over as it came can be read by now, and
 * is counted here, from what the store holds.
 */
async function compared(local: Local, complete: readonly number[], end: EndLine): Promise<Subscription[]> {
  for (;;) {
    const uncounted: Subscription[] = [];
    const mismatched: Subscription[] = [];
    for (const number of complete) {
      const now = local.subscriptions.get(number);
      const told = now && end.subscriptions[now.key];
      if (told?.count === undefined) continue;
      if (now?.fingerprint === null) uncounted.push(now);
      else if (now !== undefined && !agrees(now, told)) mismatched.push(now);
    }
    if (uncounted.length === 0) return mismatched;
    // To count takes a while, and what has arrived can be read already.
    local.tellSubscriptions();
    const { changes } = local;
    const counted = await countedIn(local, uncounted.map(numberOf), { from: null, to: null });
    await local.gate.exclusive(async () => {
      // A subscription that ended meanwhile took its records with it.
      if (local.changes !== changes) return;
      const subscriptions = uncounted.map((each) => ({ ...each, fingerprint: counted.get(each.number) ?? null }));
      await local.commit({ subscriptions, lazy: true });
    });
  }
}

function completed(
  { subscription, mode }: Segment,
  next: Subscription,
  { revision, subscriptions }: EndLine,
): Subscription {
  const cursor = subscriptions[subscription.key]?.cursor ?? subscription.cursor;
  const same = cursor === subscription.cursor && revision === subscription.revision && mode === "delta";
  if (same && next === subscription) return subscription;
  return { ...next, cursor, revision, staging: null, distrust: false };
}

/** The server grants none of these subscriptions (P10). */
export async function revokeAll(local: Local, asked: readonly Subscription[]): Promise<void> {
  await local.gate.exclusive(async () => {
    const ended = asked.filter(({ number, revoked }) => !revoked && local.subscriptions.has(number));
    const all = [...local.subscriptions.values()];
    const numbers = ended.map(numberOf);
    const { wipe, rows } = await applied(local.store, all, [], numbers);
    await local.commit({ unstage: numbers, wipe, rows, subscriptions: ended.map(revokedOf) });
    for (const { key } of ended) local.events.emit("revoked", { key });
  });
}

/** Nothing of it is held any more; its cursor is gone, too (P10). */
function revokedOf(subscription: Subscription): Subscription {
  const nothing = { cursor: null, revision: null, staging: null, distrust: false, revoked: true };
  return { ...subscription, ...nothing, fingerprint: { count: 0, lanes: [0, 0, 0, 0] } };
}

function metaAfter(meta: Meta, { principal }: Answer, revision: Revision, last: number | null): Meta {
  const next: Meta = { ...meta, principal: meta.principal ?? principal, revision };
  if (last === null) return next;
  if (meta.renew?.through === null) return { ...next, renew: { through: Math.min(last, meta.issued) } };
  // Somebody else has gone on under this client's id: this store is a copy, or an older state, of another one (R3).
  if (meta.renew === null && last > meta.issued) return { ...next, renew: { through: meta.issued } };
  return next;
}

/**
 * Mutations whose outcome is known and whose revision has now arrived are over; those that the base holds are marked.
 * - `complete`: the revision to which all that is shown is complete now; null: not to the answer's.
 */
function queueAfter(
  local: Local,
  complete: Revision | null,
  meta: Meta,
  last: number | null,
): Pick<Change, "settled" | "pending"> {
  if (complete === null || local.pending.size === 0) return {};
  const settled: { pending: Pending; outcome: NonNullable<Pending["outcome"]> }[] = [];
  const held: Pending[] = [];
  for (const each of local.pending.values()) {
    if (each.outcome !== null && each.outcome.revision <= complete)
      settled.push({ pending: each, outcome: each.outcome });
    else if (
      each.outcome === null &&
      !each.held &&
      meta.renew === null &&
      each.number > 0 &&
      each.number <= (last ?? 0)
    ) {
      held.push({ ...each, held: true });
    }
  }
  return { ...(settled.length > 0 && { settled }), ...(held.length > 0 && { pending: held }) };
}

function reachedBy(
  segments: readonly Segment[],
  changed: ReadonlyMap<number, Subscription>,
  { revision }: EndLine,
): Past | undefined {
  for (const { subscription } of segments) {
    const cursor = changed.get(subscription.number)?.cursor;
    if (typeof cursor === "string") return { revision, cursor };
  }
  return undefined;
}

function numberOf({ number }: Subscription): number {
  return number;
}

function sameMeta(a: Meta, b: Meta): boolean {
  return a.principal === b.principal && a.revision === b.revision && a.renew === b.renew;
}

function tell(local: Local, answer: Answer, segments: readonly Segment[], ended: readonly Subscription[]): void {
  for (const { subscription } of segments) {
    const reason = answer.reasonOf(subscription.key);
    if (reason === null || reason === "diverged" || subscription.revision === null) continue;
    if (!subscription.distrust) local.events.emit("recovered", { reason, key: subscription.key });
  }
  for (const { key } of ended) local.events.emit("revoked", { key });
}

/** Whether a subscription holds what the server says; true where it says nothing. */
export function agrees({ fingerprint }: Subscription, end: SubscriptionEnd | undefined): boolean {
  if (end?.count === undefined || end.digest === undefined) return true;
  return fingerprint !== null && sameFingerprint(fingerprint, parsedFingerprint(end.count, end.digest));
}
