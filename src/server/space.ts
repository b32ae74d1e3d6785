import { type Decision, decide, Lacking, wantedOf } from "../model/decide.ts";
import { type Mutation, type Outcome, targetOf } from "../model/mutation.ts";
import type { Push, PushResponse, PushResult, Rules } from "../model/push.ts";
import type { Key } from "../model/record.ts";
import { RowBusy, TableRefusal } from "../store/adopt.ts";
import { type Loaded, type Store, StoreError } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import { Problem } from "../wire/problem.ts";
import type { LostWrites } from "./admin/lost.ts";
import type { SpaceRule } from "./identity.ts";
import { faultFields, type Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { unknownSpace } from "./questions.ts";
import { noteScopes, SCOPES_NOTE } from "./rescope.ts";
import { begunRule, CATCH_UPS, RuleBehind } from "./rule.ts";

/** A commit takes what waits, but no more pushes and writes than this, so that none waits long behind others. */
const BATCH_PUSHES = 500;
const BATCH_WRITES = 5_000;
/** Pushes that may wait for one space before more are sent away. */
const QUEUE = 10_000;
/** Decisions of one batch before it is taken apart, each with the descendants that the one before lacked. */
const ATTEMPTS = 6;

export interface SpaceParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly lost: Pick<LostWrites, "settled">;
  rules(space: string): Rules;
  /** Whether a first push may create the space (H9). */
  mayCreate(space: string): boolean;
  /** The rule over a space as a whole; null where there is none. */
  ruleOf(space: string): SpaceRule | null;
}

interface Waiting {
  readonly push: Push;
  resolve(result: PushResult): void;
  reject(error: unknown): void;
}

/** The spaces that pushes are waiting for. */
export class Spaces {
  private readonly parts: SpaceParts;
  private readonly queues = new Map<string, Queue>();
  /** Spaces that are known to have the note of their scopes. */
  private readonly noted = new Set<string>();

  constructor(parts: SpaceParts) {
    this.parts = parts;
  }

  /** Resolves when the push is durable, or refused. */
  push(space: string, push: Push): Promise<PushResult> {
    let queue = this.queues.get(space);
    if (queue === undefined) {
      queue = new Queue(space, this.parts, this.noted, () => this.queues.delete(space));
      this.queues.set(space, queue);
    }
    return queue.push(push);
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.queues.size > 0) await Promise.all([...this.queues.values()].map((queue) => queue.done));
  }
}

/** The pushes of one space: those that wait when a commit begins share it (W8). */
class Queue {
  readonly done: Promise<void>;
  private readonly space: string;
  private readonly parts: SpaceParts;
  private readonly noted: Set<string>;
  private readonly waiting: Waiting[] = [];

  constructor(space: string, parts: SpaceParts, noted: Set<string>, empty: () => void) {
    this.noted = noted;
    this.space = space;
    this.parts = parts;
    this.done = this.work(empty);
  }

  push(push: Push): Promise<PushResult> {
    if (this.waiting.length >= QUEUE) {
      throw new Problem("unavailable", "too many pushes wait for this space: try again", { retryAfter: 1 });
    }
    return new Promise((resolve, reject) => this.waiting.push({ push, resolve, reject }));
  }

  /** `empty` is told in the step that finds nothing waiting, so that no push comes to a queue that has ended. */
  private async work(empty: () => void): Promise<void> {
    do {
      // Requests that have arrived, but are not parsed yet, shall share the commit.
      await this.parts.clock.sleep(0);
      await this.settle(this.take());
    } while (this.waiting.length > 0);
    empty();
  }

  private take(): Waiting[] {
    let writes = 0;
    let count = 0;
    for (const { push } of this.waiting) {
      writes += writesOf(push);
      if (count > 0 && (count >= BATCH_PUSHES || writes > BATCH_WRITES)) break;
      count++;
    }
    return this.waiting.splice(0, count);
  }

  /** Commits a batch; where it fails for its content, one push at a time, so that nobody suffers for another's (W7). */
  private async settle(batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await this.commit(batch.map(({ push }) => push));
      for (const [i, { resolve }] of batch.entries()) resolve(results[i] as PushResult);
    } catch (error) {
      const [first, ...others] = batch;
      if (first === undefined) return;
      if (isOutage(error)) for (const { reject } of batch) reject(error);
      else if (others.length > 0) for (const one of batch) await this.settle([one]);
      else if (error instanceof RowBusy) first.reject(new Problem("unavailable", error.message, { retryAfter: 1 }));
      else await this.settleAlone(first, error);
    }
  }

  /**
   * One mutation at a time, as far as it goes: the client sends the rest again. A mutation that fails by itself is
   * malformed in a way that nobody foresaw: `invalid`, so that the client can go on without it.
   */
  private async settleAlone({ push, resolve, reject }: Waiting, fault: unknown): Promise<void> {
    const { mutations } = push.request;
    const outcomes: Outcome[] = [];
    let settled: PushResponse | null = null;
    const answer = (otherwise: () => void) => (settled === null ? otherwise() : resolve({ ...settled, outcomes }));
    for (const [i, mutation] of mutations.entries()) {
      try {
        const alone = { user: push.user, request: { ...push.request, mutations: [mutation] } };
        const [result] = await this.commitOrReject(alone, mutation);
        if (result === undefined || "refused" in result) return answer(() => result && resolve(result));
        settled = result;
        outcomes.push(...result.outcomes);
      } catch (error) {
        const again = error instanceof RowBusy ? new Problem("unavailable", error.message, { retryAfter: 1 }) : error;
        return answer(() => reject(isOutage(again) ? again : this.blame(error, i, mutation.id)));
      }
    }
    answer(() => reject(fault));
  }

  /** A mutation that an adopted table refuses is rejected with the table's reason (T6). */
  private async commitOrReject(push: Push, mutation: Mutation): Promise<readonly PushResult[]> {
    try {
      return await this.commit([push]);
    } catch (error) {
      if (!(error instanceof TableRefusal)) throw error;
      const rejection = error.rejection(pathOf(mutation, error));
      return this.commit([push], () => rejection);
    }
  }

  private blame(error: unknown, index: number, id: number): Problem {
    this.parts.log.error({ space: this.space, ...faultFields(error) }, "a mutation could not be stored");
    const detail =
      "the server cannot store this mutation: hand it to the application and send its number again without writes";
    return new Problem("invalid", detail, { path: `mutations[${index}]`, id });
  }

  /** A space that this push made is of the `scopes` of today (C8). */
  private async note(): Promise<void> {
    const { store, rules } = this.parts;
    if (this.noted.has(this.space)) return;
    if ((await store.note(this.space, SCOPES_NOTE)) === null)
      await noteScopes(store, this.space, rules(this.space).collections);
    this.noted.add(this.space);
  }

  /** Decides again with more descendants where they were lacking (M8); throws where that brings no more. */
  private async decided(pushes: readonly Push[], rules: Rules): Promise<Decision | null> {
    const { store, mayCreate, ruleOf } = this.parts;
    const rule = ruleOf(this.space);
    let lacking: ReadonlySet<Key> | null = null;
    let behind = 0;
    for (let attempt = 1; ; attempt++) {
      const wanted = wantedOf(pushes, rules, mayCreate(this.space), lacking);
      try {
        return await store.write<Decision>(this.space, wanted, (loaded) => decideUnder(rule, loaded, pushes, rules));
      } catch (error) {
        if (error instanceof RuleBehind && rule !== null && behind++ < CATCH_UPS) {
          attempt--;
          await rule.catchUp();
          continue;
        }
        if (!(error instanceof Lacking) || attempt === ATTEMPTS) throw error;
        if (lacking !== null && sameKeys(error.families, lacking)) throw error;
        lacking = error.families;
      }
    }
  }

  private async commit(pushes: readonly Push[], refusal?: Rules["refusal"]): Promise<readonly PushResult[]> {
    const { clock, metrics, lost } = this.parts;
    const rules = { ...this.parts.rules(this.space), ...(refusal && { refusal }) };
    const began = clock.now();
    const decision = await this.decided(pushes, rules);
    if (decision === null) throw unknownSpace();
    await this.note();
    metrics.commit(pushes.length, decision.entries.length, (clock.now() - began) / 1_000);
    for (const { outcome } of decision.outcomes) metrics.outcome(outcome.status);
    lost.settled(this.space, pushes, decision.outcomes);
    return decision.results;
  }
}

function decideUnder(rule: SpaceRule | null, loaded: Loaded, pushes: readonly Push[], rules: Rules): Decision {
  if (rule === null) return decide(loaded, pushes, rules);
  const begun = begunRule(rule, loaded.head);
  try {
    return decide(loaded, pushes, { ...rules, review: begun.review });
  } finally {
    begun.end();
  }
}

/** Whether an attempt that lacked descendants can be told from the one before it. */
function sameKeys(a: ReadonlySet<Key>, b: ReadonlySet<Key>): boolean {
  return a.size === b.size && [...a].every((key) => b.has(key));
}

/** What no smaller batch would change. */
function isOutage(error: unknown): boolean {
  return error instanceof StoreError || error instanceof Problem || error instanceof RuleBehind;
}

function pathOf({ writes }: Mutation, { collection, id, atom }: TableRefusal): string {
  const at = writes.findLastIndex((write) => {
    const target = targetOf(write);
    return target.collection === collection && target.id === id;
  });
  return `writes[${at}]${atom === null ? "" : `.record.${atom}`}`;
}

function writesOf({ request }: Push): number {
  return request.mutations.reduce((sum, { writes }) => sum + writes.length + 1, 1);
}
