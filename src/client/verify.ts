import { type Fingerprint, sameFingerprint } from "../model/fingerprint.ts";
import { type Key, type KeyRange, keyOf, keyParts, type Revision } from "../model/record.ts";
import { sameJson } from "../util/json.ts";
import type { RangeLine } from "../wire/lines.ts";
import { countedIn, parsedFingerprint } from "./content.ts";
import { agrees, type Exchanged, exchange, requestOf } from "./exchange.ts";
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

  /** Compares these subscriptions, by number; each question brings all others to the same revision. */
  async verify(numbers: readonly number[], signal: AbortSignal): Promise<VerifyReport> {
    const subscriptions: VerifiedSubscription[] = [];
    for (const number of numbers) {
      const verified = await this.#one(number, signal).catch((error: unknown) => {
        if (error instanceof Ended) return null;
        throw error;
      });
      if (verified !== null) subscriptions.push(verified);
    }
    return { ok: subscriptions.every(({ differences, copied }) => differences.length === 0 && !copied), subscriptions };
  }

  #subscription(number: number): Subscription {
    return present(this.#local.subscriptions.get(number));
  }

  async #one(number: number, signal: AbortSignal): Promise<VerifiedSubscription> {
    const round = new Round(this.#local, this.#transport, this.#schema, number, signal);
    let copied = false;
    // First whether all is equal. The fingerprint that was kept up with each change is itself under suspicion.
    const first = await round.ask([], 0);
    await this.#recount(number);
    let differences: Difference[] = [];
    if (!this.#agrees(number, first)) {
      differences = await this.#search(
        number,
        round,
        first.end.subscriptions[this.#subscription(number).key]?.count ?? 0,
      );
      copied = !this.#agrees(number, await round.ask([], 0));
      if (copied) await this.#local.gate.exclusive(() => this.#local.commit(copyAnew([this.#subscription(number)])));
    }
    const { key, revision, fingerprint } = this.#subscription(number);
    return { key, revision: revision ?? 0, count: fingerprint?.count ?? 0, rounds: round.count, differences, copied };
  }

  #agrees(number: number, { end }: Exchanged): boolean {
    const subscription = this.#subscription(number);
    return agrees(subscription, end.subscriptions[subscription.key]);
  }

  /** Narrows the ranges that differ until their records can be sent, and repairs those. */
  async #search(number: number, round: Round, count: number): Promise<Difference[]> {
    const whole: KeyRange = { from: null, to: null };
    const large = count > LEAF ? [whole] : [];
    const small = count > LEAF ? [] : [whole];
    const differences: Difference[] = [];
    while (large.length + small.length > 0 && round.count < ROUNDS) {
      const leaf = large.length > 0 ? 0 : LEAF;
      const { ranges } = await round.ask((large.length > 0 ? large : small).splice(0, RANGES), leaf);
      for (const part of ranges) {
        if (await this.#same(number, part)) continue;
        if (part.records !== undefined) differences.push(...(await this.#repair(number, part, part.records)));
        else (part.count > LEAF ? large : small).push({ from: part.from, to: part.to });
      }
    }
    return differences;
  }

  async #same(number: number, part: RangeLine): Promise<boolean> {
    return sameFingerprint(await this.#count(number, part), parsedFingerprint(part.count, part.digest));
  }

  /** Fingerprint of what the store holds of a subscription in a range. */
  async #count(number: number, range: KeyRange): Promise<Fingerprint> {
    return (await countedIn(this.#local, [number], range)).get(number) as Fingerprint;
  }

  async #recount(number: number): Promise<void> {
    await this.#local.gate.exclusive(async () => {
      const fingerprint = await this.#count(number, { from: null, to: null });
      const now = this.#subscription(number);
      if (now.fingerprint === null || !sameFingerprint(now.fingerprint, fingerprint))
        await this.#local.commit({ subscriptions: [{ ...now, fingerprint }] });
    });
  }

  /** Brings one range to what the server has, and names what differed (V3). */
  async #repair(number: number, range: KeyRange, records: NonNullable<RangeLine["records"]>): Promise<Difference[]> {
    return await this.#local.gate.exclusive(async () => {
      const local = this.#local;
      const held = new Map<Key, Row>();
      for await (const rows of rowsOf(local.store, range.from, range.to)) {
        for (const row of rows) if (row.holders.includes(number)) held.set(row.key, row);
      }
      const at = local.meta.revision;
      const lines: RecordLine[] = [];
      const differences: Difference[] = [];
      for (const [collection, data] of records) {
        const row = held.get(keyOf(collection, data.id));
        held.delete(keyOf(collection, data.id));
        if (row !== undefined && sameJson(row.data, data)) continue;
        differences.push({ collection, id: data.id, kind: row === undefined ? "missing" : "changed" });
        lines.push({ op: "put", collection, at, records: [data] });
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

/** The questions about one subscription. */
class Round {
  count = 0;
  readonly #local: Local;
  readonly #transport: Transport;
  readonly #schema: number | undefined;
  readonly #number: number;
  readonly #signal: AbortSignal;

  constructor(local: Local, transport: Transport, schema: number | undefined, number: number, signal: AbortSignal) {
    this.#local = local;
    this.#transport = transport;
    this.#schema = schema;
    this.#number = number;
    this.#signal = signal;
  }

  async ask(ranges: readonly KeyRange[], leaf: number): Promise<Exchanged> {
    this.count++;
    const asked = [...this.#local.subscriptions.values()].filter(({ revoked }) => !revoked);
    const own = present(asked.find(({ number }) => number === this.#number));
    const others = asked.filter((each) => each !== own);
    const request = {
      client: this.#local.meta.client,
      ...(this.#schema !== undefined && { schema: this.#schema }),
      subscription: { ...requestOf(own), fingerprint: true },
      ...(others.length > 0 && { others: others.map(requestOf) }),
      ranges,
      fanout: FANOUT,
      leaf,
    };
    return await exchange(this.#local, asked, this.#transport.verify(request, this.#signal));
  }
}
