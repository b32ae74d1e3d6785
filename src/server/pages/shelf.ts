import { promisify } from "node:util";
import { brotliCompress, constants, gzip, zstdCompress } from "node:zlib";

/** One pass each, at the fast levels of a streamed answer: a page is made once and fetched often. */
const ENCODERS: { readonly [encoding: string]: (bytes: Uint8Array) => Promise<Uint8Array> } = {
  zstd: (bytes) => promisify(zstdCompress)(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
  br: (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  gzip: (bytes) => promisify(gzip)(bytes, { level: 1 }),
};

/** Pages in memory, by their names; those that were asked for longest ago go where there are too many. */
export class Shelf {
  readonly #pages = new Map<string, Uint8Array>();
  /** Encodings that are being made. */
  readonly #making = new Map<string, Promise<Uint8Array>>();
  readonly #limit: number;
  #size = 0;

  /** - `limit`: bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(name: string): Uint8Array | undefined {
    const page = this.#pages.get(name);
    if (page === undefined) return undefined;
    this.#pages.delete(name);
    this.#pages.set(name, page);
    return page;
  }

  put(name: string, page: Uint8Array): void {
    if (this.get(name) !== undefined) return;
    this.#pages.set(name, page);
    this.#size += page.length;
    for (const [oldest, { length }] of this.#pages) {
      if (this.#size <= this.#limit) return;
      this.#pages.delete(oldest);
      this.#size -= length;
    }
  }

  /** Whether there is a page whose name begins so. */
  has(prefix: string): boolean {
    for (const name of this.#pages.keys()) if (name.startsWith(prefix)) return true;
    return false;
  }

  /** Forgets the pages whose names begin so. */
  drop(prefix: string): void {
    for (const [name, { length }] of this.#pages) {
      if (!name.startsWith(prefix)) continue;
      this.#pages.delete(name);
      this.#size -= length;
    }
  }

  /** A page in an encoding, made once for all who ask at the same time; null: as it is. */
  async encoded(name: string, page: Uint8Array, encoding: string | null): Promise<Uint8Array> {
    const encode = encoding === null ? undefined : ENCODERS[encoding];
    if (encode === undefined) return page;
    const own = `${name} ${encoding}`;
    const held = this.get(own);
    if (held !== undefined) return held;
    const making = this.#making.get(own) ?? encode(page);
    this.#making.set(own, making);
    const made = await making.finally(() => this.#making.delete(own));
    this.put(own, made);
    return made;
  }
}
