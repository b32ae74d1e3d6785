import type { Rules } from "../model/push.ts";
import type { Store } from "../store/store.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import type { JsonObject } from "../util/json.ts";
import { type Random, randomName, systemRandom } from "../util/random.ts";
import type { Cleaned, IngestConfig, Pickup, Schedule } from "./declare.ts";
import { dueAt } from "./due.ts";
import { IngestError } from "./error.ts";
import { lineageOf, type ValueOrigin } from "./lineage.ts";
import { NAME, taskName } from "./names.ts";
import type { Item } from "./quarantine/item.ts";
import { discarded, freed, type ItemFilter, incomingOf, itemsOf } from "./quarantine/quarantine.ts";
import type { Incoming } from "./run/judge.ts";
import { Place } from "./run/place.ts";
import { Busy, Runner, type RunOptions } from "./run/runner.ts";
import type { RunRow, TaskState } from "./run/state.ts";
import type { Deletes, Http } from "./source.ts";
import { createHttp } from "./sources/http/traffic.ts";
import { lift } from "./suppressed.ts";
import { type Verification, verifySource } from "./verify.ts";

export interface IngestHost {
  readonly store: Store;
  /** The folder of the store: raw pages are kept in it. Null: nowhere for long. */
  readonly folder: string | null;
  rules(space: string): Rules;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Where requests of sources go; by default to the network, with the limits and retries of `createHttp`. */
  readonly http?: Http;
}

/** One stream of one source, picked up into one space. */
export interface Task {
  /** `SOURCE.STREAM`. */
  readonly name: string;
  readonly space: string;
  readonly pickup: Pickup;
  readonly cleaned: Cleaned;
}

export interface StreamStatus {
  /** `SOURCE.STREAM`. */
  readonly stream: string;
  readonly collection: string;
  readonly deletes: Deletes;
  /** Null: only when somebody asks for it. */
  readonly every: Schedule | null;
  /** When the schedule has it next, unix milliseconds. */
  readonly due: number | null;
  readonly state: TaskState;
  /** The last run; null: there was none. */
  readonly last: RunRow | null;
  /** Items in quarantine that are not settled, by code. */
  readonly quarantine: { readonly [code: string]: number };
}

export interface VerifyOptions {
  readonly signal?: AbortSignal;
  /** Told while it goes on: records that were read. */
  readonly progress?: (read: number) => void;
}

/**
 * What comes into the spaces of a store (section I): runs, what is in quarantine, and where values came from.
 *
 * @throws IngestError where two streams would be one, or fill one collection without `match`.
 * @example
 * const ingest = new Ingest({ store, folder: "data", rules }, { main: [{ source, streams: [clean(stream, …)] }] });
 * const row = await ingest.run("main", "crm.contacts");
 */
export class Ingest {
  readonly tasks: readonly Task[];
  readonly #host: IngestHost;
  readonly #holder: string;
  readonly #random: Random;
  /** One for all, so that streams of one credential share its limits. */
  readonly #http: Http;
  /** By space and task, what is under way in this process. */
  readonly #under = new Map<string, Promise<unknown>>();

  constructor(host: IngestHost, config: IngestConfig) {
    this.#host = host;
    this.#random = host.random ?? systemRandom;
    this.#holder = randomName(this.#random);
    const { clock = systemClock, http } = host;
    this.#http = http ?? createHttp({ clock, random: this.#random, fetch: globalThis.fetch });
    this.tasks = tasksOf(config);
  }

  /** @throws IngestError where there is none of that name. */
  task(space: string, name: string): Task {
    const found = this.tasks.find((each) => each.space === space && each.name === name);
    if (found !== undefined) return found;
    const names = this.tasks.filter((each) => each.space === space).map((each) => each.name);
    throw new IngestError(
      `there is no stream ${name} in the space ${space}: ${names.length === 0 ? "none is configured" : `there are ${names.join(", ")}`}`,
    );
  }

  /** Picks a stream up, then frees what waited for what it brought. Resolves also where it was held or has failed. */
  async run(space: string, name: string, options: RunOptions = {}): Promise<RunRow> {
    const task = this.task(space, name);
    const row = await this.#alone(task, () => this.#runner(task).run(options));
    if (row.status === "done") await this.free(space);
    return row;
  }

  /** Takes in what waits for a parent that has come, in all streams of a space. */
  async free(space: string): Promise<number> {
    let count = 0;
    for (let before = -1; count !== before; ) {
      before = count;
      for (const task of this.tasks.filter((each) => each.space === space)) {
        const items = await freed(this.place(task));
        if (items.length === 0) continue;
        const row = await this.#replay(
          task,
          items.flatMap((item) => incomingOf(item, task.cleaned) ?? []),
        ).catch((error: unknown) => {
          // Whoever has the stream frees them when it ends.
          if (error instanceof Busy) return null;
          throw error;
        });
        count += (row?.added ?? 0) + (row?.changed ?? 0);
      }
    }
    return count;
  }

  async status(space: string): Promise<StreamStatus[]> {
    const all: StreamStatus[] = [];
    for (const task of this.tasks.filter((each) => each.space === space)) {
      const place = this.place(task);
      const quarantine: { [code: string]: number } = {};
      for await (const { code } of itemsOf(place)) quarantine[code] = (quarantine[code] ?? 0) + 1;
      const { collection } = task.cleaned.options;
      const [last = null] = await place.runs(1);
      const { deletes } = task.cleaned.stream;
      const every = task.pickup.every ?? null;
      const state = await place.state();
      const due = every === null ? null : dueAt(every, state.started, place.parts.rules().now);
      all.push({ stream: task.name, collection, deletes, every, due, state, last, quarantine });
    }
    return all;
  }

  /** The rows of the last runs, the newest first. */
  async runs(space: string, name: string, limit = 20): Promise<RunRow[]> {
    return await this.place(this.task(space, name)).runs(limit);
  }

  items(space: string, name: string, filter?: ItemFilter): AsyncGenerator<Item> {
    return itemsOf(this.place(this.task(space, name)), filter);
  }

  /**
   * Replays items through the rules of today (I6). What is newer in the space stays; what is refused again stays in quarantine.
   * Null: there was nothing to replay.
   */
  async replay(space: string, name: string, filter: ItemFilter = {}): Promise<RunRow | null> {
    const task = this.task(space, name);
    const items: Item[] = [];
    for await (const item of itemsOf(this.place(task), { ...filter, status: filter.status ?? "unsettled" }))
      items.push(item);
    const row = await this.#replay(
      task,
      items.flatMap((item) => incomingOf(item, task.cleaned) ?? []),
    );
    await this.free(space);
    return row;
  }

  /** Sets fields of an item right and replays it. Null: there is no such item, or it is settled. */
  async fix(space: string, name: string, number: number, values: JsonObject): Promise<RunRow | null> {
    const task = this.task(space, name);
    const [item] = await collected(itemsOf(this.place(task), { numbers: [number] }));
    const incoming = item === undefined ? null : incomingOf(item, task.cleaned, values);
    if (incoming === null) return null;
    const row = await this.#replay(task, [incoming]);
    await this.free(space);
    return row;
  }

  /** Sets items aside for good. Gives how many. */
  async discard(space: string, name: string, filter: ItemFilter): Promise<number> {
    const task = this.task(space, name);
    const place = this.place(task);
    return await this.#alone(task, async () => {
      if (!(await place.lease())) throw new Busy(task.name);
      try {
        const items = await collected(itemsOf(place, filter));
        await discarded(place, items);
        return items.length;
      } finally {
        await place.release();
      }
    });
  }

  /**
   * Reads a source whole and compares it, after cleaning, with the space (X4). It writes nothing.
   *
   * @throws SourceError where the source cannot be read.
   */
  async verify(space: string, name: string, options: VerifyOptions = {}): Promise<Verification> {
    const task = this.task(space, name);
    const { clock = systemClock } = this.#host;
    const { signal = new AbortController().signal, progress } = options;
    const context = { cursor: null, http: this.#http, signal, now: () => clock.now() };
    const { cleaned, pickup } = task;
    const parts = { place: this.place(task), cleaned, source: pickup.source.name, context, progress };
    return await this.#alone(task, () => verifySource(parts));
  }

  /** Resolves when nothing is under way in this process. */
  async idle(): Promise<void> {
    while (this.#under.size > 0) await Promise.allSettled(this.#under.values());
  }

  /** Where the atoms of a record came from (I9); empty: there is no such record. */
  async lineage(space: string, collection: string, id: string): Promise<ValueOrigin[]> {
    const tasks = this.tasks.filter((each) => each.space === space && each.cleaned.options.collection === collection);
    return await lineageOf(
      this.#host.store,
      space,
      collection,
      id,
      tasks.map((task) => ({ task, place: this.place(task) })),
    );
  }

  /** Lets the source records of a record that was erased come in again (K8), with the next complete pass. Gives how many. */
  async lift(space: string, collection: string, id: string): Promise<number> {
    const tasks = this.tasks.filter((each) => each.space === space && each.cleaned.options.collection === collection);
    return await lift(
      this.#host.store,
      space,
      tasks.map(({ name }) => name),
      { collection, id },
    );
  }

  place(task: Task): Place {
    return new Place(this.#placeParts(task));
  }

  async #replay(task: Task, incoming: readonly Incoming[]): Promise<RunRow | null> {
    return await this.#alone(task, () => this.#runner(task).replay(incoming));
  }

  #placeParts({ space, name }: Task) {
    const { store, rules } = this.#host;
    return { store, space, task: name, holder: this.#holder, rules: () => rules(space) };
  }

  #runner(task: Task): Runner {
    const { folder, clock = systemClock } = this.#host;
    const { pickup, cleaned } = task;
    return new Runner({
      ...this.#placeParts(task),
      folder,
      clock,
      random: this.#random,
      source: pickup.source,
      cleaned,
      http: this.#http,
    });
  }

  /** One at a time of a stream in this process: the lease is for others. */
  async #alone<T>(task: Task, work: () => Promise<T>): Promise<T> {
    const key = `${task.space}/${task.name}`;
    const before = this.#under.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#under.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#under.get(key) === mine) this.#under.delete(key);
    }
  }
}

async function collected<T>(all: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const each of all) items.push(each);
  return items;
}

export function tasksOf(config: IngestConfig): Task[] {
  const tasks: Task[] = [];
  for (const [space, pickups] of Object.entries(config)) {
    const path = `ingest.${space}`;
    for (const pickup of pickups) {
      for (const cleaned of pickup.streams) {
        const { source } = pickup;
        const { stream, options } = cleaned;
        for (const name of [source.name, stream.name])
          if (!NAME.test(name))
            throw new IngestError(`${path}: ${JSON.stringify(name)}: a name matches ${NAME.source}`);
        const name = taskName(source.name, stream.name);
        const others = tasks.filter((each) => each.space === space);
        if (others.some((each) => each.name === name))
          throw new IngestError(`${path}: there are two streams ${name}: give their sources other names`);
        const shared = others.find((each) => each.cleaned.options.collection === options.collection);
        if (shared !== undefined && (options.match === undefined || shared.cleaned.options.match === undefined))
          throw new IngestError(
            `${path}: ${shared.name} and ${name} both fill ${options.collection}: both need \`match\`, which says what is one`,
          );
        tasks.push({ name, space, pickup, cleaned });
      }
    }
  }
  return tasks;
}
