import { digestOf, type Fingerprint, type Lanes } from "../model/fingerprint.ts";
import { keyParts } from "../model/record.ts";
import { canonical } from "../util/json.ts";
import type { Row } from "./store/store.ts";

/** Digest of a row, from its content as it is now. */
export function digestOfRow(row: Row): Lanes {
  return digestOf(keyParts(row.key).collection, canonical(row.data));
}

/** A fingerprint that is being added up: a copy adds a hundred thousand digests. */
export class Sum {
  #count: number;
  readonly #lanes: Uint32Array;

  constructor({ count, lanes }: Fingerprint) {
    this.#count = count;
    this.#lanes = Uint32Array.from(lanes);
  }

  add(digest: Lanes): void {
    this.#count++;
    for (let i = 0; i < 4; i++) this.#lanes[i] = (this.#lanes[i] as number) + (digest[i] as number);
  }

  subtract(digest: Lanes): void {
    this.#count--;
    for (let i = 0; i < 4; i++) this.#lanes[i] = (this.#lanes[i] as number) - (digest[i] as number);
  }

  fingerprint(): Fingerprint {
    const [a = 0, b = 0, c = 0, d = 0] = this.#lanes;
    return { count: this.#count, lanes: [a, b, c, d] };
  }
}

/** A fingerprint as it is written on the wire. */
export function parsedFingerprint(count: number, digest: string): Fingerprint {
  const lane = (i: number) => Number.parseInt(digest.slice(i * 8, i * 8 + 8), 16);
  return { count, lanes: [lane(0), lane(1), lane(2), lane(3)] };
}
