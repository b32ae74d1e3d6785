/** What a page remembers of a database beside it. */
type Mark = "used" | "asked";

/** Looks after the place that a database has in its browser: that it is not taken away, and that it is noticed if it was. */
export class Care {
  readonly #name: string;
  readonly #persist: boolean;
  #mark: Mark | null = null;

  constructor(name: string, persist: boolean) {
    this.#name = `tidemark/${name}`;
    this.#persist = persist;
  }

  /** Whether there was something in the database at some time, as far as the browser still tells. */
  get wasUsed(): boolean {
    return storage()?.getItem(this.#name) != null;
  }

  /**
   * Something was written. When there are records, the browser is asked, once and not before, to keep them; whatever it
   * answers, there is nothing to wait for.
   */
  written(records: boolean): void {
    const mark = records ? "asked" : "used";
    if (this.#mark === "asked" || this.#mark === mark) return;
    this.#mark = mark;
    const before = storage()?.getItem(this.#name);
    if (before === "asked" || before === mark) return;
    try {
      storage()?.setItem(this.#name, mark);
    } catch {
      // No room for it: then an eviction looks like a first start.
    }
    if (records && this.#persist) navigator.storage?.persist?.().catch(() => {});
  }
}

/** A worker has none, and where cookies are blocked to look at it throws. */
function storage(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
