/** A reason that nobody reads: without one each abort makes an exception with its stack, 30 µs. */
export const RUNG = "rung";

/** A bell that a loop waits for. Take the signal before looking whether there is work, so that no ring is missed. */
export class Wake {
  /** Null while nobody has taken the signal: an abort that nobody hears makes an event all the same. */
  #next: AbortController | null = null;

  ring(): void {
    const rung = this.#next;
    this.#next = null;
    rung?.abort(RUNG);
  }

  get signal(): AbortSignal {
    this.#next ??= new AbortController();
    return this.#next.signal;
  }
}

export function rung(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
