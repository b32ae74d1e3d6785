import { digestOf, type Fingerprint, type Lanes } from "../model/fingerprint.ts";
import { keyParts, type RecordData } from "../model/record.ts";
import { canonical, type Json } from "../util/json.ts";
import type { Row } from "./store/store.ts";

/** Digest of a row, from its content as it is now. */
export function digestOfRow(row: Row): Lanes {
  return digestOf(keyParts(row.key).collection, textOf(row.data));
}

/**
 * The canonical text of a record. What was parsed from canonical text is written back as it was by JSON.stringify,
 * several times faster than `canonical`, unless keys stand in another order: a patch appends new atoms, and JavaScript
 * puts nested keys that look like integers first. So the order is looked at, and sorted only where it must be.
 */
export function textOf(data: RecordData): string {
  return inOrder(data) ? JSON.stringify(data) : canonical(data);
}

function inOrder(value: Json): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(inOrder);
  const object = value as { readonly [key: string]: Json };
  let previous = "";
  for (const key in object) {
    if (key < previous) return false;
    previous = key;
    const inner = object[key] as Json;
    if (typeof inner === "object" && inner !== null && !inOrder(inner)) return false;
  }
  return true;
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
