import { sha256, toHex } from "../util/sha256.ts";
import type { PageLine } from "../wire/lines.ts";
import { Interrupted, PullFirst, TransportError } from "./errors.ts";
import { parsedLine, type Received } from "./ndjson.ts";
import type { Watch } from "./watch.ts";

/** So many pages of one copy may be gone, or not what they should be; then it goes on without pages. */
const PATIENCE = 3;
/** Pages that are fetched at a time. */
const AT_ONCE = 4;
/** Lines that wait for a page before them, while those of the next ones are looked for: each page has its mark. */
const AHEAD = 2 * AT_ONCE;

/** The pages of copies that an answer names instead of holding them (P17). */
export class PageLoader {
  readonly #fetch: typeof globalThis.fetch;
  readonly #base: string;
  readonly #headers: { readonly [name: string]: string };
  #lost = 0;

  /** - `base`: the address of the space. */
  constructor(fetch: typeof globalThis.fetch, base: string, headers: { readonly [name: string]: string }) {
    this.#fetch = fetch;
    this.#base = `${base}/`;
    this.#headers = headers;
  }

  get wanted(): boolean {
    return this.#lost < PATIENCE;
  }

  /** An answer with the lines of its pages. While one page is taken, the next ones are fetched. */
  async *expanded(lines: AsyncIterable<Received>, watch: Watch): AsyncGenerator<Received> {
    const waiting: (Received | Promise<Received[]>)[] = [];
    let loading = 0;
    const taken = async (): Promise<Received[]> => {
      const next = waiting.shift() as Received | Promise<Received[]>;
      if (!(next instanceof Promise)) {
        if (next.line.op === "end") this.#lost = 0;
        return [next];
      }
      loading--;
      return await next;
    };
    for await (const received of lines) {
      const { line } = received;
      if (line.op === "page") {
        const page = this.#load(line, watch);
        // Where the answer is given up before, its failure is nobody's concern.
        page.catch(() => {});
        waiting.push(page);
        loading++;
      } else waiting.push(received);
      while (loading > AT_ONCE || waiting.length > (loading === 0 ? 0 : AHEAD)) yield* await taken();
    }
    while (waiting.length > 0) yield* await taken();
  }

  /** What goes wrong here is found out by the next question: its answer goes on with lines. */
  async #load({ digest, at, href }: PageLine, watch: Watch): Promise<Received[]> {
    const init = { headers: this.#headers, signal: watch.signal };
    try {
      const response = await watch.within(this.#fetch(new URL(href, this.#base), init));
      const bytes = new Uint8Array(await watch.within(response.arrayBuffer()));
      if (!response.ok || toHex(await hashOf(bytes)) !== digest)
        throw new TransportError("foreign", "a page is not what was announced");
      return new TextDecoder()
        .decode(bytes)
        .trimEnd()
        .split("\n")
        .map((text) => revised(text, at));
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      this.#lost++;
      throw new PullFirst("a page of a copy is gone, or not what was announced", false);
    }
  }
}

function revised(text: string, at: number): Received {
  const whole = text.replace(',"records"', `,"at":${at},"records"`);
  return { text: whole, line: parsedLine(whole) as Received["line"] };
}

/** A page is long, and portable code slow; browsers hash by themselves where the origin is secure. */
async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const { subtle } = crypto;
  return subtle === undefined ? sha256(bytes) : new Uint8Array(await subtle.digest("SHA-256", bytes));
}
