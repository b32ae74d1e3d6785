import { z } from "zod";
import type { Revision } from "../model/record.ts";
import type { CutHorizon } from "../store/store.ts";
import { Problem } from "../wire/problem.ts";
import { ageOf } from "./age.ts";
import { readJson } from "./body.ts";
import type { Call, Core } from "./core.ts";
import { json } from "./encode.ts";
import { logFault } from "./problem.ts";
import { Questions, unknownSpace } from "./questions.ts";
import { parsed } from "./requests/parts.ts";

/** Rows that one slice removes: a push waits for no more than that (G3). */
const SLICE = 200;

/** How much is kept, in milliseconds; `Infinity`: all. */
export interface Ages {
  readonly journal: number;
  readonly tombstones: number;
  readonly outcomes: number;
}

type Parts = Pick<Core, "store" | "clock" | "metrics" | "stopping">;

/** Cuts one space to these ages, slice by slice, beside everything else (G1, G2). Gives the number of rows removed. */
export async function cutSpace(parts: Parts, space: string, ages: Ages): Promise<number> {
  const { store, clock, metrics, stopping } = parts;
  const horizon = await horizonOf(parts, space, ages);
  let removed = 0;
  for (;;) {
    const slice = await store.cut(space, horizon, SLICE);
    removed += slice.removed;
    metrics.cut(slice.removed);
    if (slice.done || stopping.aborted) return removed;
    await clock.sleep(0);
  }
}

/** The last revisions that are older than the ages. Tombstones are kept at least as long as the journal. */
async function horizonOf({ store, clock }: Parts, space: string, ages: Ages): Promise<CutHorizon> {
  const now = clock.now();
  const questions = new Questions();
  const journalPlace = questions.ask({ kind: "at", time: before(now, ages.journal) });
  const tombstonePlace = questions.ask({ kind: "at", time: before(now, ages.tombstones) });
  const { head, ...answers } = await questions.read(store, space);
  const journal = Math.max(head.horizon.journal, answers.of(journalPlace)?.revision ?? 0);
  const tombstones: Revision = Math.max(head.horizon.tombstones, answers.of(tombstonePlace)?.revision ?? 0);
  return { journal, tombstones: Math.min(tombstones, journal), outcomes: before(now, ages.outcomes) };
}

/** The time an age ago; 0, before everything, for an age without end. */
function before(now: number, age: number): number {
  return Math.max(0, now - age);
}

/** Cuts all spaces now and then, until the server ends. */
export async function retain(core: Core): Promise<void> {
  const { store, clock, settings, stopping, log } = core;
  for (;;) {
    await clock.sleep(settings.retention.every, stopping);
    if (stopping.aborted) return;
    try {
      for (const space of await store.spaces()) await cutSpace(core, space, settings.retention);
    } catch (error) {
      logFault(log, error, { work: "retention" });
    }
  }
}

const age = z.string().refine((text) => ageOf(text) !== null, {
  error: 'an age is a number with s, m, h, d or w, such as "30d", or "forever"',
});

export const cutBody = z.object({ journal: age.optional(), tombstones: age.optional(), outcomes: age.optional() });

/** `POST …/cut`: section 8 by hand, for admin; what is not named is kept. */
export async function cut(core: Core, { request, space }: Call): Promise<Response> {
  const ages = parsed(cutBody, await readJson(request, core.settings.limits));
  const of = (text: string | undefined) => (text === undefined ? Number.POSITIVE_INFINITY : (ageOf(text) as number));
  const journal = of(ages.journal);
  if (of(ages.tombstones) < journal) {
    throw new Problem("invalid", "tombstones are kept at least as long as the journal: name a journal age too", {
      path: "tombstones",
    });
  }
  const removed = await cutSpace(core, space, {
    journal,
    tombstones: of(ages.tombstones),
    outcomes: of(ages.outcomes),
  });
  const head = await core.store.head(space);
  if (head === null) throw unknownSpace();
  const { horizon } = head;
  return json(request, { removed, horizon: { journal: horizon.journal, tombstones: horizon.tombstones } });
}
