import { sha256State } from "./sha256-portable.ts";

interface NodeHash {
  (algorithm: string, data: string | Uint8Array, encoding: "buffer"): Uint8Array;
  (algorithm: string, data: string | Uint8Array, encoding: "hex" | "latin1"): string;
}

/** Node's own hash, where the process has one: five times the speed of portable code, and without an import of Node. */
const node = (
  globalThis as { process?: { getBuiltinModule?: (name: string) => { hash?: NodeHash } | undefined } }
).process?.getBuiltinModule?.("node:crypto")?.hash;

/** SHA-256 (FIPS 180-4) of a text's UTF-8 bytes, or of bytes; 32 bytes, synchronous, in any JavaScript runtime. */
export function sha256(data: string | Uint8Array): Uint8Array {
  if (node !== undefined) return node("sha256", data, "buffer");
  const bytes = new DataView(new ArrayBuffer(32));
  for (const [i, word] of sha256State(data).entries()) bytes.setInt32(i * 4, word);
  return new Uint8Array(bytes.buffer);
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** SHA-256 as 64 lowercase hex digits. */
export function sha256Hex(data: string | Uint8Array): string {
  return node === undefined ? toHex(sha256(data)) : node("sha256", data, "hex");
}

/** The first 16 bytes of a text's SHA-256 as four big-endian unsigned 32-bit numbers. */
export function sha256Words(text: string): [number, number, number, number] {
  if (node === undefined) {
    const [a = 0, b = 0, c = 0, d = 0] = sha256State(text);
    return [a >>> 0, b >>> 0, c >>> 0, d >>> 0];
  }
  // As a text of bytes: half the cost of a buffer of its own for each.
  const bytes = node("sha256", text, "latin1");
  const byte = (at: number) => bytes.charCodeAt(at);
  const word = (at: number) => ((byte(at) << 24) | (byte(at + 1) << 16) | (byte(at + 2) << 8) | byte(at + 3)) >>> 0;
  return [word(0), word(4), word(8), word(12)];
}
