import { type Fingerprint, sameFingerprint } from "../model/fingerprint.ts";
import { prefixOf } from "../model/names.ts";
import { type Key, type KeyRange, keyOf, keyParts, type Revision } from "../model/record.ts";
import { sameJson } from "../util/json.ts";
import { type Authored, authoredAt } from "../wire/authors.ts";
import type { RangeLine } from "../wire/lines.ts";
import type { SubscriptionRequest } from "../wire/pull.ts";
import { parsedFingerprint } from "./content.ts";
import { agrees, type Exchanged, exchange, requestOf } from "./exchange.ts";
import { Held } from "./held.ts";
import type { Local } from "./local.ts";
import { copyAnew } from "./recover.ts";
import { applied, rowsOf } from "./replica.ts";
import type { Subscription } from "./state.ts";
import type { RecordLine, Row } from "./store/store.ts";
import type { Transport } from "./transport.ts";

export interface Difference {
  readonly collection: string;
  readonly id: string;
  /** `missing`: the server has it and the replica had not; `extra`: the other way round; `changed`: other content. */
  readonly kind: "missing" | "extra" | "changed";
}

/** What was found of one subscription; everything that differed has been repaired. */
export interface VerifiedSubscription {
  readonly key: string;
  /** The revision at which the fingerprints agree. */
  readonly revision: Revision;
  readonly count: number;
  /** Questions to the server. */
  readonly rounds: number;
  readonly differences: readonly Difference[];
  /** The differences were not to be found by ranges, and all of it was copied anew. */
  readonly copied: boolean;
}

export interface VerifyReport {
  /** Nothing differed. */
  readonly ok: boolean;
  readonly subscriptions: readonly VerifiedSubscription[];
}

/** The greatest number of parts that a server makes of a range (A8). */
const FANOUT = 64;
/** A range of so few records is sent whole: less than its fingerprints by 64 parts would take. */
const LEAF = 16;
/** Ranges of one question (A8). */
const RANGES = 1_000;

/** The application, or the server, ended the subscription while it was verified: there is nothing to say of it. */
class Ended extends Error {}

function unlessEnded(error: unknown): null {
  if (error instanceof Ended) return null;
  throw error;
}

function present(subscription: Subscription | undefined): Subscription {
  if (subscription === undefined || subscription.revoked) throw new Ended();
  return subscription;
}

/** Far more rounds than any replica takes: a server that does not split its ranges ends here. */
const ROUNDS = 64;

/**
 * Compares a replica with its server by fingerprints of ranges, and repairs what differs (V1 to V4). Digests are computed
 * from what the store holds, never taken from what was remembered of it.
 */
export class Verifier {
  readonly #local: Local;
  readonly #transport: Transport;
  readonly #schema: number | undefined;

  constructor(local: Local, transport: Transport, schema: number | undefined) {
    this.#local = local;
    this.#transport = transport;
    this.#schema = schema;
  }

  /**
   * Compares these subscriptions, by number; each question brings all others to the same revision. The first one asks
   * whether all of them are equal, and all that is held is read once, however many there are.
   */
  async verify(numbers: readonly number[], signal: AbortSignal): Promise<VerifyReport> {
    const present = numbers.filter((number) => this.#local.subscriptions.get(number)?.revoked === false);
    const subscriptions: VerifiedSubscription[] = [];
    if (present.length > 0) {
      const round = new Round(this.#local, this.#transport, this.#schema, present, signal);
      const first = await round.ask(present[0] as number, [], 0);
      const held = await Held.read(this.#local);
      try {
        const unequal = await this.#recounted(present, held, first);
        for (const number of present) {
          const verified = await this.#one(number, unequal.has(number) ? first : null, round, held).catch(unlessEnded);
          if (verified !== null) subscriptions.push(verified);
        }
      } finally {
        held.close();
      }
    }
    return { ok: subscriptions.every(({ differences, copied }) => differences.length === 0 && !copied), subscriptions };
  }

  #subscription(number: number): Subscription {
    return present(this.#local.subscriptions.get(number));
  }

  /** Those that differ. The fingerprints that were kept up with each change are themselves under suspicion. */
  async #recounted(numbers: readonly number[], held: Held, { end }: Exchanged): Promise<Set<number>> {
    const local = this.#local;
    const counted = new Map<number, Fingerprint>();
    for (const number of numbers) counted.set(number, await held.of(number));
    return await local.gate.exclusive(async () => {
      const subscriptions = [...counted].flatMap(([number, fingerprint]): Subscription[] => {
        const now = local.subscriptions.get(number);
        return now === undefined ? [] : [{ ...now, fingerprint }];
      });
      await local.commit({ subscriptions, lazy: true });
      const unequal = subscriptions.filter((each) => !agrees(each, end.subscriptions[each.key]));
      return new Set(unequal.map(({ number }) => number));
    });
  }

  /** Repairs a subscription. `first`: the answer from which it differs; null where it does not. */
  async #one(number: number, first: Exchanged | null, round: Round, held: Held): Promise<VerifiedSubscription> {
    let copied = false;
    let differences: Difference[] = [];
    const before = round.count - 1;
    if (first !== null) {
      const count = first.end.subscriptions[this.#subscription(number).key]?.count ?? 0;
      differences = await this.#search(number, round, held, count);
      copied = !this.#agrees(number, await round.ask(number, [], 0));
      if (copied) await this.#local.gate.exclusive(() => this.#local.commit(copyAnew([this.#subscription(number)])));
    }
    const { key, revision, fingerprint } = this.#subscription(number);
    const rounds = round.count - before;
    return { key, revision: revision ?? 0, count: fingerprint?.count ?? 0, rounds, differences, copied };
  }

  #agrees(number: number, { end }: Exchanged): boolean {
    const subscription = this.#subscription(number);
    return agrees(subscription, end.subscriptions[subscription.key]);
  }

  /** Narrows the ranges that differ until their records can be sent, and repairs those. */
  async #search(number: number, round: Round, held: Held, count: number): Promise<Difference[]> {
    const whole: KeyRange = { from: null, to: null };
    const large = count > LEAF ? [whole] : [];
    const small = count > LEAF ? [] : [whole];
    const differences: Difference[] = [];
    const last = round.count + ROUNDS;
    while (large.length + small.length > 0 && round.count < last) {
      const leaf = large.length > 0 ? 0 : LEAF;
      const { ranges } = await round.ask(number, (large.length > 0 ? large : small).splice(0, RANGES), leaf);
      for (const part of ranges) {
        if (sameFingerprint(await held.of(number, part), parsedFingerprint(part.count, part.digest))) continue;
        if (part.records !== undefined) differences.push(...(await this.#repair(number, part, part.records)));
        else (part.count > LEAF ? large : small).push({ from: part.from, to: part.to });
      }
    }
    return differences;
  }

  /** Brings one range to what the server has, and names what differed (V3). */
  async #repair(
    number: number,
    range: KeyRange & Authored,
    records: NonNullable<RangeLine["records"]>,
  ): Promise<Difference[]> {
    return await this.#local.gate.exclusive(async () => {
      const local = this.#local;
      const held = new Map<Key, Row>();
      for await (const rows of rowsOf(local.store, range.from, range.to)) {
        for (const row of rows) if (row.holders.includes(number)) held.set(row.key, row);
      }
      const at = local.meta.revision;
      const lines: RecordLine[] = [];
      const differences: Difference[] = [];
      for (const [i, [collection, data]] of records.entries()) {
        const row = held.get(keyOf(collection, data.id));
        held.delete(keyOf(collection, data.id));
        if (row !== undefined && sameJson(row.data, data)) continue;
        differences.push({ collection, id: data.id, kind: row === undefined ? "missing" : "changed" });
        lines.push({ op: "put", collection, at, records: [data], ...authoredAt(range, i) });
      }
      for (const { collection, id } of [...held.keys()].map(keyParts)) {
        differences.push({ collection, id, kind: "extra" });
        lines.push({ op: "remove", collection, at, ids: [id] });
      }
      // What is held is under suspicion, whatever its revision, so that the server's records replace it.
      const subscription = { ...this.#subscription(number), distrust: true };
      const all = [...local.subscriptions.values()];
      const { rows, fingerprints } = await applied(local.store, all, [
        { subscription, mode: "delta", staged: false, lines },
      ]);
      const subscriptions = all.map((each) => ({
        ...each,
        fingerprint: fingerprints.get(each.number) ?? null,
      }));
      await local.commit({ rows, subscriptions });
      return differences;
    });
  }
}

/** The questions of one verify. */
class Round {
  count = 0;
  readonly #local: Local;
  readonly #transport: Transport;
  readonly #schema: number | undefined;
  readonly #numbers: ReadonlySet<number>;
  readonly #signal: AbortSignal;

  constructor(
    local: Local,
    transport: Transport,
    schema: number | undefined,
    numbers: readonly number[],
    signal: AbortSignal,
  ) {
    this.#local = local;
    this.#transport = transport;
    this.#schema = schema;
    this.#numbers = new Set(numbers);
    this.#signal = signal;
  }

  /** Asks about one subscription. Of the others that are verified, the answer tells the fingerprint, too. */
  async ask(number: number, ranges: readonly KeyRange[], leaf: number): Promise<Exchanged> {
    this.count++;
    const asked = [...this.#local.subscriptions.values()].filter(({ revoked }) => !revoked);
    const own = present(asked.find((each) => each.number === number));
    const others = asked.filter((each) => each !== own);
    const request = {
      client: this.#local.meta.client,
      ...(this.#schema !== undefined && { schema: this.#schema }),
      ...(this.#local.asksAuthors && { authors: true }),
      subscription: { ...requestOf(own), fingerprint: true },
      ...(others.length > 0 && { others: others.map((each) => this.#request(each)) }),
      ranges,
      fanout: FANOUT,
      leaf,
    };
    return await exchange(this.#local, asked, this.#transport.verify(request, this.#signal));
  }

  /** A fingerprint that would have to be counted is asked for in the first question alone. */
  #request(subscription: Subscription): SubscriptionRequest {
    const counted = subscription.where !== null || prefixOf(subscription.scope) !== null;
    const wanted = this.count === 1 && counted && this.#numbers.has(subscription.number);
    return { ...requestOf(subscription), ...(wanted && { fingerprint: true }) };
  }
}
