import type { Log } from "../server/log.ts";
import type { Clock } from "../util/clock.ts";
import type { Schedule } from "./declare.ts";
import { dueAt } from "./due.ts";
import type { Ingest, Task } from "./ingest.ts";
import { Fenced } from "./run/place.ts";
import { Busy } from "./run/runner.ts";

/** How long to wait where another server has the stream, or the store could not be asked, in milliseconds. */
const AGAIN = 30_000;

interface SchedulerParts {
  readonly ingest: Ingest;
  readonly clock: Clock;
  readonly log: Log;
}

/** Picks up what is due, until it is closed. */
export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[];

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    const { ingest, clock } = parts;
    const due = ingest.tasks.filter(({ pickup }) => pickup.every !== undefined);
    for (const { pickup } of due) dueAt(pickup.every as Schedule, null, clock.now());
    this.#loops = due.map((task) => this.#loop(task));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  async #loop(task: Task): Promise<void> {
    const { ingest, clock, log } = this.#parts;
    const { signal } = this.#stop;
    const place = ingest.place(task);
    while (!signal.aborted) {
      let rest = AGAIN;
      try {
        const { started } = await place.state();
        rest = dueAt(task.pickup.every as Schedule, started, clock.now()) - clock.now();
        if (rest <= 0) {
          await this.#run(task);
          continue;
        }
      } catch (error) {
        rest = AGAIN;
        if (!(error instanceof Busy || error instanceof Fenced))
          log.error(
            { space: task.space, stream: task.name, reason: (error as Error).message },
            "a stream could not be picked up",
          );
      }
      // In parts, so that a clock that is set is noticed.
      await clock.sleep(Math.min(rest, AGAIN), signal);
    }
  }

  async #run({ space, name }: Task): Promise<void> {
    const { ingest, log } = this.#parts;
    const { status, read, added, changed, deleted, rejected, reasons } = await ingest.run(space, name, {
      signal: this.#stop.signal,
    });
    const fields = { space, stream: name, status, read, added, changed, deleted, rejected };
    if (status === "done") log.info(fields, "a stream was picked up");
    else log.error({ ...fields, reasons: reasons.join("; ") }, "a stream was not picked up");
  }
}
