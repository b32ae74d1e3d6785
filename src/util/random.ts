import { toBase64Url } from "./base64.ts";

/** Randomness, passed in, so that a simulation can repeat it from a seed. */
export interface Random {
  bytes(length: number): Uint8Array;
  /** A number in [0, 1). */
  fraction(): number;
}

/** Random bytes fetched ahead: asking for 16 at a time costs more than all else that a change is salted with. */
const ahead = new Uint8Array(4096);
let taken = ahead.length;

export const systemRandom: Random = {
  bytes(length) {
    if (length > ahead.length) return crypto.getRandomValues(new Uint8Array(length));
    if (taken + length > ahead.length) {
      crypto.getRandomValues(ahead);
      taken = 0;
    }
    taken += length;
    return ahead.slice(taken - length, taken);
  },
  fraction: () => Math.random(),
};

/** An unguessable name of 16 random bytes, 22 characters long. */
export function randomName(random: Random): string {
  return toBase64Url(random.bytes(16));
}
