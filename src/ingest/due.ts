import { Cron } from "croner";
import { ageOf } from "../server/age.ts";
import type { Schedule } from "./declare.ts";
import { IngestError } from "./error.ts";

/**
 * When a stream is due, unix milliseconds: from its last start on, so that runs that were missed become one (I4).
 *
 * @throws IngestError where the schedule cannot be read.
 */
export function dueAt(schedule: Schedule, started: number | null, now: number): number {
  if (typeof schedule === "string" && ageOf(schedule) !== null) {
    const every = ageOf(schedule) as number;
    // A start that lies ahead is of a clock that was wrong.
    return started === null ? now : Math.min(started + every, now + every);
  }
  const { cron, timeZone = "UTC" } = typeof schedule === "string" ? { cron: schedule } : schedule;
  const from = started === null ? now : Math.min(started, now);
  return nextOf(cron, timeZone, from) ?? Number.POSITIVE_INFINITY;
}

function nextOf(cron: string, timeZone: string, from: number): number | null {
  try {
    return new Cron(cron, { timezone: timeZone }).nextRun(new Date(from))?.getTime() ?? null;
  } catch (error) {
    throw new IngestError(
      `the schedule ${JSON.stringify(cron)} (${timeZone}) cannot be read: ${(error as Error).message}`,
    );
  }
}
