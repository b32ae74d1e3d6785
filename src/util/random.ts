import { toBase64Url } from "./base64.ts";

/** Randomness, passed in, so that a simulation can repeat it from a seed. */
export interface Random {
  bytes(length: number): Uint8Array;
  /** A number in [0, 1). */
  fraction(): number;
}

export const systemRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random(),
};

/** An unguessable name of 16 random bytes, 22 characters long. */
export function randomName(random: Random): string {
  return toBase64Url(random.bytes(16));
}
