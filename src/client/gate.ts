interface Waiting {
  readonly alone: boolean;
  readonly start: () => void;
}

/** Many readers at a time or one writer, first come first served: a read never sees half of a change (P4). */
export class Gate {
  #readers = 0;
  #writing = false;
  readonly #queue: Waiting[] = [];

  shared<T>(task: () => Promise<T>): Promise<T> {
    return this.#enter(false, task);
  }

  exclusive<T>(task: () => Promise<T>): Promise<T> {
    return this.#enter(true, task);
  }

  async #enter<T>(alone: boolean, task: () => Promise<T>): Promise<T> {
    // Also where it may begin at once, it does not begin within the caller.
    await (this.#queue.length === 0 && this.#isFree(alone)
      ? this.#begin(alone)
      : new Promise<void>((start) => this.#queue.push({ alone, start })));
    try {
      return await task();
    } finally {
      if (alone) this.#writing = false;
      else this.#readers--;
      this.#admit();
    }
  }

  #admit(): void {
    for (;;) {
      const next = this.#queue[0];
      if (next === undefined || !this.#isFree(next.alone)) return;
      this.#queue.shift();
      this.#begin(next.alone);
      next.start();
    }
  }

  #isFree(alone: boolean): boolean {
    return !this.#writing && !(alone && this.#readers > 0);
  }

  #begin(alone: boolean): void {
    if (alone) this.#writing = true;
    else this.#readers++;
  }
}
