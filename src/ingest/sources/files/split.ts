/** A record's bytes, or why there is none. */
export interface Split {
  /** Of its first byte, the first line being 1. */
  readonly line: number;
  readonly bytes: Buffer;
  readonly flaw?: "too-large" | "open-quote";
}

export interface SplitOptions {
  /** Bytes that a record may have; of a larger one the beginning is given. */
  readonly limit: number;
  /** The byte between the fields of CSV, whose quotes may hold line ends; null: a record is a line. */
  readonly delimiter: number | null;
}

const [LF, CR, QUOTE] = [0x0a, 0x0d, 0x22];
/** Bytes of a record that is too large which are shown. */
const SHOWN = 4_096;

/** Cuts bytes into records at line ends, in memory that the limit bounds, whatever comes. */
export class Splitter {
  readonly #options: SplitOptions;
  #rest: Buffer = Buffer.alloc(0);
  /** Of the first byte of `#rest`. */
  #line = 1;
  /** In a record that is too large: all is passed over up to the next line end. */
  #skipping = false;

  constructor(options: SplitOptions) {
    this.#options = options;
  }

  *feed(chunk: Buffer): Generator<Split> {
    let bytes = chunk;
    if (this.#skipping) {
      const end = bytes.indexOf(LF);
      if (end < 0) return;
      this.#skipping = false;
      this.#line++;
      bytes = bytes.subarray(end + 1);
    }
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    yield* this.#take(false);
  }

  *end(): Generator<Split> {
    if (this.#rest.length > 0) yield* this.#take(true);
  }

  *#take(last: boolean): Generator<Split> {
    let from = 0;
    for (;;) {
      const { end, lines, open, isWrong = false } = this.#endOf(from);
      const cut = from + this.#options.limit;
      if (end >= 0 && end <= cut) {
        yield this.#split(from, end);
        this.#line += lines;
        from = end + 1;
        continue;
      }
      const isLarge = end >= 0 || this.#rest.length > cut;
      if (!isWrong && !isLarge && !(last && this.#rest.length > from)) break;
      // A quote that nobody closes must not swallow the lines behind it.
      const firstEnd = this.#rest.indexOf(LF, from);
      if ((open || lines > 1) && firstEnd >= 0 && firstEnd <= cut) {
        yield { ...this.#split(from, firstEnd), flaw: "open-quote" };
        this.#line++;
        from = firstEnd + 1;
        continue;
      }
      if (!isLarge) {
        yield open
          ? { ...this.#split(from, this.#rest.length), flaw: "open-quote" }
          : this.#split(from, this.#rest.length);
        from = this.#rest.length;
        break;
      }
      yield { line: this.#line, bytes: Buffer.from(this.#rest.subarray(from, from + SHOWN)), flaw: "too-large" };
      if (firstEnd < 0) {
        this.#skipping = true;
        from = this.#rest.length;
        break;
      }
      this.#line++;
      from = firstEnd + 1;
    }
    this.#rest = Buffer.from(this.#rest.subarray(from));
  }

  #split(from: number, end: number): Split {
    const to = end > from && this.#rest[end - 1] === CR ? end - 1 : end;
    return { line: this.#line, bytes: this.#rest.subarray(from, to) };
  }

  /** Where the record that begins at `from` ends: at a line end outside of quotes; -1: not yet. */
  #endOf(from: number): { end: number; lines: number; open: boolean; isWrong?: boolean } {
    const { delimiter, limit } = this.#options;
    const bytes = this.#rest;
    if (delimiter === null) return { end: bytes.indexOf(LF, from), lines: 1, open: false };
    const most = Math.min(bytes.length, from + limit + 1);
    let lines = 1;
    let quoted = false;
    let begins = true;
    for (let i = from; i < most; i++) {
      const byte = bytes[i];
      if (quoted) {
        if (byte === LF) lines++;
        else if (byte === QUOTE) {
          const next = bytes[i + 1];
          if (next === QUOTE) i++;
          // What goes on behind a closing quote closes nothing: an earlier line has opened one by mistake.
          else if (lines > 1 && next !== undefined && next !== delimiter && next !== LF && next !== CR)
            return { end: -1, lines, open: true, isWrong: true };
          else quoted = false;
        }
      } else if (byte === LF) return { end: i, lines, open: false };
      else if (byte === QUOTE && begins) quoted = true;
      begins = byte === delimiter;
    }
    return { end: -1, lines, open: quoted };
  }
}
