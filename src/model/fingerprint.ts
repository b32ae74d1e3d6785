import { sha256Words, toHex } from "../util/sha256.ts";

/** Four big-endian unsigned 32-bit numbers: the first 16 bytes of a SHA-256, or a lane-wise sum of such. */
export type Lanes = readonly [number, number, number, number];

/** Equal fingerprints mean equal content. */
export interface Fingerprint {
  readonly count: number;
  readonly lanes: Lanes;
}

export const NO_LANES: Lanes = [0, 0, 0, 0];
export const EMPTY: Fingerprint = { count: 0, lanes: NO_LANES };

/** Digest of one record, from the canonical text of its data. */
export function digestOf(collection: string, text: string): Lanes {
  return sha256Words(`["${collection}",${text}]`);
}

export function addLanes(a: Lanes, b: Lanes): Lanes {
  return [(a[0] + b[0]) >>> 0, (a[1] + b[1]) >>> 0, (a[2] + b[2]) >>> 0, (a[3] + b[3]) >>> 0];
}

export function subtractLanes(a: Lanes, b: Lanes): Lanes {
  return [(a[0] - b[0]) >>> 0, (a[1] - b[1]) >>> 0, (a[2] - b[2]) >>> 0, (a[3] - b[3]) >>> 0];
}

export function addFingerprints(a: Fingerprint, b: Fingerprint): Fingerprint {
  return { count: a.count + b.count, lanes: addLanes(a.lanes, b.lanes) };
}

export function sameFingerprint(a: Fingerprint, b: Fingerprint): boolean {
  return a.count === b.count && a.lanes.every((lane, i) => lane === b.lanes[i]);
}

/** 32 lowercase hex digits. */
export function formatDigest(lanes: Lanes): string {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  lanes.forEach((lane, i) => view.setUint32(i * 4, lane));
  return toHex(bytes);
}
