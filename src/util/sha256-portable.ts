/**
 * SHA-256 (FIPS 180-4) in plain JavaScript, for runtimes whose own hash cannot be called synchronously: every browser. A
 * replica takes the digest of each record, so that a promise for each would cost more than the digest.
 */

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes, and of the square roots of eight. */
const ROUND = new Int32Array(64);
const INITIAL = new Int32Array(8);
for (let n = 2, found = 0; found < 64; n++) {
  let factor = 2;
  while (n % factor !== 0) factor++;
  if (factor < n) continue;
  if (found < 8) INITIAL[found] = fraction(Math.sqrt(n));
  ROUND[found++] = fraction(Math.cbrt(n));
}

function fraction(root: number): number {
  return (root % 1) * 2 ** 32;
}

const BLOCK = 64;
/** What the padding takes at least: a byte, and the length in bits. */
const PADDING = 9;
const words = new Int32Array(64);
/** Room for one message; a longer one brings its own. */
const room = new Uint8Array(8_192);
const roomView = new DataView(room.buffer);
const encoder = new TextEncoder();

/** The eight words of the hash. */
export function sha256State(data: string | Uint8Array): Int32Array {
  const most = (typeof data === "string" ? data.length * 3 : data.length) + BLOCK + PADDING;
  const bytes = most <= room.length ? room : new Uint8Array(most);
  let length = data.length;
  if (typeof data === "string") length = encoder.encodeInto(data, bytes).written;
  else bytes.set(data);
  const end = Math.ceil((length + PADDING) / BLOCK) * BLOCK;
  bytes.fill(0, length, end);
  bytes[length] = 0x80;
  const view = bytes === room ? roomView : new DataView(bytes.buffer);
  view.setUint32(end - 8, length / 2 ** 29);
  view.setUint32(end - 4, length * 8);
  const state = INITIAL.slice();
  for (let at = 0; at < end; at += BLOCK) compress(state, view, at);
  return state;
}

function compress(state: Int32Array, view: DataView, at: number): void {
  for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + i * 4);
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15] as number;
    const y = words[i - 2] as number;
    const s0 = turned(x, 7) ^ turned(x, 18) ^ (x >>> 3);
    const s1 = turned(y, 17) ^ turned(y, 19) ^ (y >>> 10);
    words[i] = (words[i - 16] as number) + s0 + (words[i - 7] as number) + s1;
  }
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  for (let i = 0; i < 64; i++) {
    const s1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const one = (h + s1 + ((e & f) ^ (~e & g)) + (ROUND[i] as number) + (words[i] as number)) | 0;
    const s0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
  state[4] = (state[4] as number) + e;
  state[5] = (state[5] as number) + f;
  state[6] = (state[6] as number) + g;
  state[7] = (state[7] as number) + h;
}

function turned(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}
