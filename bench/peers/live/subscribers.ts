import { record } from "../../records.ts";
import { type LiveModule, now, type Reached, type Series } from "./work.ts";

/** Subscribers of one system, in a process of their own. */

class Subscriber {
  readonly #latest = new Map<string, number>();
  #wanted = new Map<string, number>();
  #onReached: (at: number) => void = () => {};
  versions = 0;

  readonly told = (id: string, updated: number): void => {
    if (updated <= (this.#latest.get(id) ?? 0)) return;
    this.#latest.set(id, updated);
    this.versions++;
    const wanted = this.#wanted.get(id);
    if (wanted === undefined || updated < wanted) return;
    this.#wanted.delete(id);
    if (this.#wanted.size === 0) this.#onReached(now());
  };

  /** Resolves to the moment when the last version of each record of the series can be read. */
  reaches({ records, from }: Series): Promise<number> {
    this.versions = 0;
    this.#wanted = new Map(records.map((number, i) => [record(number).id, from + i]));
    return new Promise((resolve) => {
      this.#onReached = resolve;
    });
  }
}

process.on("disconnect", () => process.exit(0));
const [module, address, first, count] = process.argv.slice(2) as [string, string, string, string];
const { follow } = (await import(module)) as LiveModule;
const subscribers = Array.from({ length: Number(count) }, () => new Subscriber());
for (const [i, { told }] of subscribers.entries()) {
  await follow(JSON.parse(address) as never, `subscriber-${Number(first) + i}`, told);
}
process.on("message", (series: Series) => {
  const before = process.cpuUsage();
  void Promise.all(subscribers.map((one) => one.reaches(series))).then((at) => {
    const { user, system } = process.cpuUsage(before);
    const versions = subscribers.reduce((sum, one) => sum + one.versions, 0);
    process.send?.({ at, versions, cpu: user + system } satisfies Reached);
  });
  process.send?.({ expecting: true });
});
process.send?.({ ready: true });
