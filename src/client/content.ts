import { digestOf, EMPTY, type Fingerprint, type Lanes } from "../model/fingerprint.ts";
import { type KeyRange, keyParts } from "../model/record.ts";
import type { Clock } from "../util/clock.ts";
import { canonical } from "../util/json.ts";
import type { ClientStore, Row, Span } from "./store/store.ts";

/** Digest of a row, from its content as it is now. */
export function digestOfRow(row: Row): Lanes {
  return digestOf(keyParts(row.key).collection, canonical(row.data));
}

/** A fingerprint that is being added up: a copy adds a hundred thousand digests. */
export class Sum {
  #count: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor({ count, lanes: [a, b, c, d] }: Fingerprint) {
    this.#count = count;
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#d = d;
  }

  add(digest: Lanes): void {
    this.#join(1, digest, 1);
  }

  subtract(digest: Lanes): void {
    this.#join(-1, digest, -1);
  }

  join({ count, lanes }: Fingerprint): void {
    this.#join(count, lanes, 1);
  }

  #join(count: number, [a, b, c, d]: Lanes, sign: 1 | -1): void {
    this.#count += count;
    this.#a = (this.#a + sign * a) | 0;
    this.#b = (this.#b + sign * b) | 0;
    this.#c = (this.#c + sign * c) | 0;
    this.#d = (this.#d + sign * d) | 0;
  }

  fingerprint(): Fingerprint {
    return { count: this.#count, lanes: [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#d >>> 0] };
  }
}

/** A fingerprint as it is written on the wire. */
export function parsedFingerprint(count: number, digest: string): Fingerprint {
  const lane = (i: number) => Number.parseInt(digest.slice(i * 8, i * 8 + 8), 16);
  return { count, lanes: [lane(0), lane(1), lane(2), lane(3)] };
}

/** How long others wait, in milliseconds, for whoever reads through a whole replica. */
const BREATH = 10;

interface Reader {
  readonly store: ClientStore;
  readonly clock: Clock;
}

/** The digests of what the store holds in a range, added up for all that lies together. */
export async function* digestsOf(
  { store, clock }: Reader,
  { from, to }: KeyRange,
): AsyncGenerator<Span & { readonly holders: readonly number[]; readonly sum: Sum }> {
  let breathed = clock.now();
  for await (const { collection, holders, first, last, texts } of store.contents(from, to)) {
    const sum = new Sum(EMPTY);
    for (const text of texts) sum.add(digestOf(collection, text));
    yield { holders, first, last, sum };
    if (clock.now() - breathed < BREATH) continue;
    await clock.sleep(0);
    breathed = clock.now();
  }
}

/** The fingerprints of what the store holds of some subscriptions in a range: from its content, not from what was kept. */
export async function countedIn(
  reader: Reader,
  numbers: readonly number[],
  range: KeyRange,
): Promise<ReadonlyMap<number, Fingerprint>> {
  const sums = new Map(numbers.map((number) => [number, new Sum(EMPTY)]));
  for await (const { holders, sum } of digestsOf(reader, range)) {
    const part = sum.fingerprint();
    for (const number of holders) sums.get(number)?.join(part);
  }
  return new Map([...sums].map(([number, sum]) => [number, sum.fingerprint()]));
}
