import type { Line, SubscriptionLine } from "../wire/lines.ts";
import type { SubscriptionRequest } from "../wire/pull.ts";
import type { Atoms } from "./oracle.ts";

type RecordLine = Extract<Line, { op: "put" | "patch" | "remove" }>;

interface Held {
  readonly atoms: Atoms;
  /** The greatest `at` of a line that changed the content. */
  readonly at: number;
  /** Keys of the subscriptions that hold the record. */
  readonly holders: ReadonlySet<string>;
}

interface Subscription {
  readonly asked: SubscriptionRequest;
  cursor: string | null;
  /** The revision up to which it is complete; null: not yet, or not any more. */
  since: number | null;
  /** What came before a mark and waits for the end; null where nothing is under way. */
  staged: { readonly mode: "delta" | "copy"; readonly lines: RecordLine[] } | null;
}

/** What went wrong with what the server sent: damage that a real client would repair by a copy. */
export class ReplicaError extends Error {
  override name = "ReplicaError";
}

/**
 * The smallest replica that follows section 3 by its words (P4, P5, P7, P13, P15): it shares nothing with the client, keeps all
 * in memory, and shows what it holds. An answer is fed to it line by line, and may break off anywhere.
 */
export class SmallReplica {
  readonly subscriptions = new Map<string, Subscription>();
  private readonly records = new Map<string, Held>();

  subscribe(asked: SubscriptionRequest & { key: string }): void {
    this.subscriptions.set(asked.key, { asked, cursor: null, since: null, staged: null });
  }

  /** As if it had followed until `since` and been given that cursor. */
  seed(key: string, since: number, cursor: string, content: ReadonlyMap<string, Atoms>): void {
    const subscription = this.subscriptions.get(key) as Subscription;
    Object.assign(subscription, { since, cursor, staged: null });
    for (const [record, atoms] of content) this.records.set(record, { atoms, at: since, holders: new Set([key]) });
  }

  request(keys: Iterable<string> = this.subscriptions.keys()): SubscriptionRequest[] {
    return [...keys].map((key) => {
      const { asked, cursor } = this.subscriptions.get(key) as Subscription;
      return { ...asked, cursor };
    });
  }

  /** Starts to read an answer to a request that was made just now; feed it lines until it breaks off or ends. */
  answer(request: readonly SubscriptionRequest[]): Answer {
    return new Answer(this, request);
  }

  /** What one subscription holds. */
  held(key: string): Map<string, Atoms> {
    const held = new Map<string, Atoms>();
    for (const [record, { atoms, holders }] of this.records) if (holders.has(key)) held.set(record, atoms);
    return held;
  }

  /** The greatest revision that the content of a record may be of. */
  newest(record: string): number {
    const held = this.records.get(record);
    if (held === undefined) return 0;
    return Math.max(held.at, ...[...held.holders].map((key) => this.subscriptions.get(key)?.since ?? 0));
  }

  /** The server has another history: nothing that is held can be trusted to be of it (R2). */
  forget(except: string): void {
    for (const [record, held] of this.records) this.records.set(record, { ...held, at: 0 });
    for (const [key, subscription] of this.subscriptions) {
      subscription.since = null;
      subscription.staged = null;
      if (key !== except) subscription.cursor = null;
    }
  }

  /** It may not be read any more: nothing of it is held (P10). */
  revoke(key: string): void {
    for (const record of this.held(key).keys()) this.release(key, record);
    Object.assign(this.subscriptions.get(key) as Subscription, { cursor: null, since: null, staged: null });
  }

  /** Shows what came for a subscription, all at once (P4). */
  settle(key: string, revision: number, cursor: string | undefined): void {
    const subscription = this.subscriptions.get(key) as Subscription;
    const received = new Set<string>();
    for (const line of subscription.staged?.lines ?? [])
      this.show(key, line, subscription.staged?.mode === "copy", received);
    if (subscription.staged?.mode === "copy") {
      for (const record of this.held(key).keys()) if (!received.has(record)) this.release(key, record);
    }
    if (cursor !== undefined) subscription.cursor = cursor;
    subscription.since = revision;
    subscription.staged = null;
  }

  private show(key: string, line: RecordLine, copy: boolean, received: Set<string>): void {
    if (line.op === "remove") {
      for (const id of line.ids) {
        this.release(key, `${line.collection}/${id}`);
        received.delete(`${line.collection}/${id}`);
      }
      return;
    }
    for (const atoms of line.records) {
      const record = `${line.collection}/${atoms.id}`;
      const held = this.records.get(record);
      const mine = held?.holders.has(key) === true && (!copy || received.has(record));
      if (line.op === "patch" && !mine) throw new ReplicaError(`a patch of ${record}, which ${key} does not hold`);
      const holders = new Set(held?.holders).add(key);
      received.add(record);
      if (held !== undefined && line.at <= held.at) this.records.set(record, { ...held, holders });
      else
        this.records.set(record, {
          atoms: line.op === "put" ? atoms : merged(held?.atoms ?? {}, atoms),
          at: line.at,
          holders,
        });
    }
  }

  private release(key: string, record: string): void {
    const held = this.records.get(record);
    if (held === undefined) return;
    const holders = new Set(held.holders);
    holders.delete(key);
    if (holders.size === 0) this.records.delete(record);
    else this.records.set(record, { ...held, holders });
  }
}

interface Incoming {
  readonly mode: "delta" | "copy";
  /** Nothing that was staged before counts. */
  anew: boolean;
  /** What came since the last mark: it counts only with the next mark, or with the end. */
  lines: RecordLine[];
}

/** One answer on its way into a replica. */
export class Answer {
  /** Subscriptions to which this answer does not apply (any more) (P13): they must ask again. */
  readonly refused = new Set<string>();
  ended = false;
  private readonly replica: SmallReplica;
  /** What the replica must still hold for a line to apply: what it sent, then what this answer's own marks gave it. */
  private readonly expected = new Map<string, string | null>();
  private readonly incoming = new Map<string, Incoming>();
  private current: Incoming | null = null;
  private diverged = false;

  constructor(replica: SmallReplica, request: readonly SubscriptionRequest[]) {
    this.replica = replica;
    for (const { key, scope, cursor } of request) this.expected.set(key ?? scope, cursor ?? null);
  }

  feed(line: Line): void {
    if (line.op === "subscription") this.open(line);
    else if (line.op === "put" || line.op === "patch" || line.op === "remove") this.current?.lines.push(line);
    else if (line.op === "mark") this.mark(line.key, line.cursor);
    else if (line.op === "revoked") this.replica.revoke(line.key);
    else if (line.op === "end") this.end(line);
    else if (line.op === "error") throw new ReplicaError(JSON.stringify(line.problem));
  }

  private open(line: SubscriptionLine): void {
    const { key, mode } = line;
    this.current = null;
    const subscription = this.applies(key);
    if (subscription === null) return;
    if (mode === "copy" && line.reason === "diverged") this.loseHistory(key);
    if (mode === "delta" && subscription.since !== line.since) return void this.refused.add(key);
    const anew = mode === "copy" ? line.from === null : line.reached === undefined;
    const known = this.incoming.get(key);
    if (!anew && known === undefined && subscription.staged?.mode !== mode) return void this.refused.add(key);
    this.current = anew || known === undefined ? { mode, anew, lines: [] } : known;
    this.incoming.set(key, this.current);
  }

  private applies(key: string): Subscription | null {
    const subscription = this.replica.subscriptions.get(key);
    if (subscription === undefined || subscription.cursor !== this.expected.get(key)) this.refused.add(key);
    return subscription === undefined || this.refused.has(key) ? null : subscription;
  }

  /** All that is held may be of the lost history, and the other subscriptions of this answer begin anew with it. */
  private loseHistory(key: string): void {
    if (this.diverged) return;
    this.diverged = true;
    this.replica.forget(key);
    for (const [other, cursor] of this.expected) {
      if (other === key || cursor === null) continue;
      if (this.incoming.has(other)) this.refused.add(other);
      else this.expected.set(other, null);
    }
  }

  private mark(key: string, cursor: string): void {
    const subscription = this.applies(key);
    const incoming = this.incoming.get(key);
    if (subscription === null || incoming === undefined) return;
    this.commit(subscription, incoming);
    if (incoming.mode === "copy") subscription.since = null;
    subscription.cursor = cursor;
    this.expected.set(key, cursor);
  }

  private end(line: Extract<Line, { op: "end" }>): void {
    this.ended = true;
    for (const [key, { cursor }] of Object.entries(line.subscriptions)) {
      const subscription = this.applies(key);
      if (subscription === null) continue;
      const incoming = this.incoming.get(key);
      if (incoming !== undefined) this.commit(subscription, incoming);
      this.replica.settle(key, line.revision, cursor);
    }
  }

  private commit(subscription: Subscription, incoming: Incoming): void {
    if (incoming.anew || subscription.staged === null) subscription.staged = { mode: incoming.mode, lines: [] };
    subscription.staged.lines.push(...incoming.lines);
    incoming.anew = false;
    incoming.lines = [];
  }
}

function merged(held: Atoms, patch: Atoms): Atoms {
  return Object.fromEntries(Object.entries({ ...held, ...patch }).filter(([, value]) => value !== null));
}
