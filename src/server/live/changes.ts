/** Lets somebody wait until what it sees is otherwise. */
export class Changes {
  private waiting: (() => void)[] = [];

  /** Something is otherwise: who waits looks again. */
  happened(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
}
