import type { Clock } from "../util/clock.ts";
import { Interrupted, TransportError } from "./errors.ts";
import { RUNG } from "./wake.ts";

/** Watches over one request: nothing that it waits for takes longer than its patience, or outlives its caller. */
export class Watch {
  readonly #clock: Clock;
  readonly #patience: number;
  readonly #caller: AbortSignal;
  readonly #request = new AbortController();
  readonly #onAbort = () => this.#request.abort();

  constructor(clock: Clock, patience: number, caller: AbortSignal) {
    this.#clock = clock;
    this.#patience = patience;
    this.#caller = caller;
    if (caller.aborted) this.#request.abort();
    else caller.addEventListener("abort", this.#onAbort);
  }

  /** For whatever the request uses: aborted when it is over. */
  get signal(): AbortSignal {
    return this.#request.signal;
  }

  async within<T>(work: Promise<T>): Promise<T> {
    const timer = new AbortController();
    const over = () => timer.abort(RUNG);
    this.signal.addEventListener("abort", over);
    if (this.signal.aborted) over();
    const late = this.#clock.sleep(this.#patience, timer.signal).then((): Promise<never> => {
      // The sleep also ends early: where the work was done in time, the request must live on.
      if (this.#caller.aborted || this.signal.aborted) throw new Interrupted("the request was given up");
      if (timer.signal.aborted) return new Promise<never>(() => {});
      this.#request.abort();
      throw new TransportError("late", `nothing came from the server for ${this.#patience / 1_000} seconds`);
    });
    // Whichever of the two comes second is nobody's concern.
    late.catch(() => {});
    work.catch(() => {});
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      if (this.#caller.aborted) throw new Interrupted("the request was given up");
      throw error;
    } finally {
      this.signal.removeEventListener("abort", over);
      timer.abort(RUNG);
    }
  }

  /** Ends what is still under way. */
  close(): void {
    this.#caller.removeEventListener("abort", this.#onAbort);
    this.#request.abort(RUNG);
  }
}
