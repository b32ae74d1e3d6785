import type { Head, Query, Snapshot } from "../../store/store.ts";
import type { Clock } from "../../util/clock.ts";
import { deltaLines } from "../lines.ts";
import type { Reader } from "../questions.ts";

/** Different questions that one read of the store answers: so many pages lie in memory together. */
const TOGETHER = 64;

interface Asked {
  readonly queries: readonly Query[];
  resolve(snapshot: Snapshot<readonly Query[]> | null): void;
  reject(error: unknown): void;
}

/**
 * Reads of one space that come together are one read of its store, in which each question is asked once: however many
 * follow the same from the same place, it is found once (L3).
 */
export class SharedReader implements Reader {
  private readonly reader: Reader;
  private readonly clock: Clock;
  private waiting: Asked[] = [];
  private space = "";

  constructor(reader: Reader, clock: Clock) {
    this.reader = reader;
    this.clock = clock;
  }

  read<const Q extends readonly Query[]>(space: string, queries: Q): Promise<Snapshot<Q> | null> {
    this.space = space;
    return new Promise((resolve, reject) => {
      this.waiting.push({ queries, resolve: resolve as Asked["resolve"], reject });
      if (this.waiting.length === 1) void this.answer();
    });
  }

  private async answer(): Promise<void> {
    // Who was woken by the same commit asks in the same turn.
    await this.clock.sleep(0);
    const waiting = this.waiting;
    this.waiting = [];
    while (waiting.length > 0) await this.together(waiting);
  }

  /** Takes as many of those who wait as one read answers. */
  private async together(waiting: Asked[]): Promise<void> {
    const places = new Map<string, number>();
    const queries: Query[] = [];
    const taken: { readonly asked: Asked; readonly places: readonly number[] }[] = [];
    while (waiting.length > 0 && (taken.length === 0 || queries.length < TOGETHER)) {
      const asked = waiting.shift() as Asked;
      const own = asked.queries.map((query) => {
        const name = JSON.stringify(query);
        const place = places.get(name) ?? queries.push(query) - 1;
        places.set(name, place);
        return place;
      });
      taken.push({ asked, places: own });
    }
    try {
      const snapshot: { head: Head; results: readonly unknown[] } | null = await this.reader.read(this.space, queries);
      for (const { asked, places: own } of taken) {
        const results = own.map((place) => snapshot?.results[place]);
        asked.resolve(snapshot === null ? null : { head: snapshot.head, results: results as never });
      }
    } catch (error) {
      for (const { asked } of taken) asked.reject(error);
    }
  }
}

/**
 * The lines of a scan, made once for all who were given the same result and stood at the same place (L3). What a pattern
 * stands for is no place that others share.
 */
export class SharedLines {
  private readonly made = new WeakMap<object, Map<string, readonly string[]>>();

  of(...[progress, scan, at]: Parameters<typeof deltaLines>): readonly string[] {
    if (progress.pattern !== null) return [...deltaLines(progress, scan, at)];
    let known = this.made.get(scan);
    if (known === undefined) {
      known = new Map();
      this.made.set(scan, known);
    }
    const { coverage } = progress.subscription;
    const place = `${progress.at.revision} ${progress.page.revision} ${at} ${JSON.stringify(coverage.where ?? null)}`;
    let lines = known.get(place);
    if (lines === undefined) {
      lines = [...deltaLines(progress, scan, at)];
      known.set(place, lines);
    }
    return lines;
  }
}
