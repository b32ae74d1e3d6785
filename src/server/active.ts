/** Counts what is under way, so that an end can wait for it. */
export class Active {
  private count = 0;
  private waiting: (() => void)[] = [];

  /** Begins something; what is returned ends it, once. */
  begin(): () => void {
    this.count++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.count--;
      if (this.count > 0) return;
      for (const resolve of this.waiting.splice(0)) resolve();
    };
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.count === 0) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}
