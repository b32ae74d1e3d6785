import { sha256Words } from "../../util/sha256.ts";

const FEWEST = 1_024;

/**
 * A set of texts of which only digests of 52 bits are kept, 16 to 32 bytes each, so that millions of keys fit into memory.
 * That it holds what it was never given is possible, and for a million texts as likely as one in 4,500.
 */
export class Digests {
  /** Open addressing; 0 is a free place. */
  #places = new Float64Array(FEWEST);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(text: string): void {
    if (this.#size * 2 >= this.#places.length) this.#grow();
    const digest = digestOf(text);
    const at = placeOf(this.#places, digest);
    if (this.#places[at] === digest) return;
    this.#places[at] = digest;
    this.#size++;
  }

  has(text: string): boolean {
    const digest = digestOf(text);
    return this.#places[placeOf(this.#places, digest)] === digest;
  }

  #grow(): void {
    const grown = new Float64Array(this.#places.length * 2);
    for (const digest of this.#places) if (digest !== 0) grown[placeOf(grown, digest)] = digest;
    this.#places = grown;
  }
}

/** Where it is, or belongs. Their number is a power of two, and half of them at least are free. */
function placeOf(places: Float64Array, digest: number): number {
  let at = digest % places.length;
  while (places[at] !== 0 && places[at] !== digest) at = (at + 1) % places.length;
  return at;
}

function digestOf(text: string): number {
  const [high, low] = sha256Words(text);
  return (high & 0xfffff) * 0x1_0000_0000 + low || 1;
}
