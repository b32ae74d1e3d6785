import type { Split } from "./split.ts";

const SHOWN = 4_096;

/**
 * Cuts the bytes of a JSON array into its items by brackets and quotes, in memory that a limit bounds.
 *
 * @throws RangeError where it is no array, or ends before the array does: nobody knows then what is missing.
 */
export class ArraySplitter {
  readonly #limit: number;
  #state: "before" | "inside" | "after" = "before";
  #line = 1;
  /** Of the item that is under way; null before its first byte. */
  #began: number | null = null;
  #parts: Buffer[] = [];
  #size = 0;
  /** Brackets open within the item. */
  #depth = 0;
  #quoted = false;
  #escaped = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  *feed(chunk: Buffer): Generator<Split> {
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (byte === 0x0a) this.#line++;
      if (this.#state !== "inside") {
        this.#outside(byte);
        from = i + 1;
      } else if (this.#quoted) this.#inQuotes(byte);
      else if (this.#depth === 0 && (byte === 0x2c || byte === 0x5d)) {
        this.#keep(chunk.subarray(from, i));
        from = i + 1;
        if (this.#began !== null) yield this.#item(this.#began);
        this.#began = null;
        this.#parts = [];
        this.#size = 0;
        if (byte === 0x5d) this.#state = "after";
      } else this.#inItem(byte);
    }
    if (this.#state === "inside") this.#keep(Buffer.from(chunk.subarray(from)));
  }

  end(): void {
    if (this.#state === "before") throw new RangeError("it is empty, and a JSON array was expected");
    if (this.#state === "inside") throw new RangeError(`it ends in line ${this.#line}, before its JSON array does`);
  }

  #keep(part: Buffer): void {
    if (this.#size <= this.#limit) this.#parts.push(part);
    this.#size += part.length;
  }

  #item(line: number): Split {
    const bytes = Buffer.concat(this.#parts);
    return this.#size > this.#limit ? { line, bytes: bytes.subarray(0, SHOWN), flaw: "too-large" } : { line, bytes };
  }

  #outside(byte: number): void {
    if (isSpace(byte)) return;
    if (this.#state === "after")
      throw new RangeError(`something stands behind the end of the array in line ${this.#line}`);
    if (byte !== 0x5b) throw new RangeError("it begins otherwise than with [, and a JSON array was expected");
    this.#state = "inside";
  }

  #inItem(byte: number): void {
    if (this.#began === null && !isSpace(byte)) this.#began = this.#line;
    if (byte === 0x22) this.#quoted = true;
    else if (byte === 0x7b || byte === 0x5b) this.#depth++;
    else if (byte === 0x7d || byte === 0x5d) this.#depth--;
  }

  #inQuotes(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === 0x5c) this.#escaped = true;
    else if (byte === 0x22) this.#quoted = false;
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
