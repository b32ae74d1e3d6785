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
    await new Promise<void>((start) => {
      this.#queue.push({ alone, start });
      this.#admit();
    });
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
      if (next === undefined || this.#writing || (next.alone && this.#readers > 0)) return;
      this.#queue.shift();
      if (next.alone) this.#writing = true;
      else this.#readers++;
      next.start();
    }
  }
}
