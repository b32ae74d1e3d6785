import type { LinkState } from "../wire/links.ts";

/** How many states are kept. */
const KEPT = 20;

export interface Moment {
  readonly state: LinkState;
  readonly cause: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** The states of a link, the newest first (S8). */
export class States {
  #moments: readonly Moment[];
  readonly #onChange: (moments: readonly Moment[]) => void;

  constructor(moments: readonly Moment[], onChange: (moments: readonly Moment[]) => void) {
    this.#moments = moments;
    this.#onChange = onChange;
  }

  get now(): Moment | undefined {
    return this.#moments[0];
  }

  get before(): readonly Moment[] {
    return this.#moments.slice(1);
  }

  /** A state that lasts is told once. */
  say(state: LinkState, cause: string | null, at: number): void {
    const { now } = this;
    if (now?.state === state && now.cause === cause) return;
    this.#moments = [{ state, cause, at }, ...this.#moments].slice(0, KEPT);
    this.#onChange(this.#moments);
  }
}
