import type { OutcomeRow } from "../../model/batch.ts";
import { type Mutation, targetOf, type Write } from "../../model/mutation.ts";
import type { Push } from "../../model/push.ts";
import { authorOf, authorParts } from "../../model/record.ts";
import type { Clock } from "../../util/clock.ts";
import type { JsonObject } from "../../util/json.ts";
import type { LostResponse, LostWrite } from "../../wire/admin.ts";
import type { Call, Core } from "../core.ts";
import { json } from "../encode.ts";
import type { RecordName, Traced, Traces } from "../erase.ts";
import { unknownSpace } from "../questions.ts";
import { numberIn } from "../requests/query.ts";

/** Mutations of one space that are remembered, and the writes and characters of each. */
const REMEMBERED = 1_000;
const WRITES = 10;
const CHARACTERS = 2_000;
/** Spaces that something is remembered of; of more the one where nothing was lost for longest is forgotten. */
const SPACES = 100;

interface Losses {
  superseded: number;
  rejected: number;
  readonly lost: LostWrite[];
}

/** What did not stand of what clients pushed, as far as this server settled it. Held in memory, and bounded. */
export class LostWrites implements Traces {
  readonly #clock: Clock;
  readonly #since: number;
  readonly #spaces = new Map<string, Losses>();
  #number = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  /** A commit settled these. */
  settled(space: string, pushes: readonly Push[], outcomes: readonly OutcomeRow[]): void {
    for (const row of outcomes) {
      const { status } = row.outcome;
      if (status !== "superseded" && status !== "rejected") continue;
      const losses = this.#lossesOf(space);
      losses[status]++;
      const mutation = mutationOf(pushes, row);
      if (mutation === null) continue;
      losses.lost.push(lostOf(++this.#number, row, mutation, this.#clock.now()));
      if (losses.lost.length > REMEMBERED) losses.lost.shift();
    }
  }

  list(space: string, limit: number): LostResponse {
    const { superseded, rejected, lost } = this.#spaces.get(space) ?? { superseded: 0, rejected: 0, lost: [] };
    const newest = limit === 0 ? [] : lost.slice(-limit).reverse();
    return { since: new Date(this.#since).toISOString(), superseded, rejected, lost: newest };
  }

  /** What an erased record is named in is forgotten as a whole: a message may hold a value (K2). */
  async find(_: unknown, { space, collection, id }: RecordName): Promise<Traced> {
    const lost = this.#spaces.get(space)?.lost ?? [];
    const isOther = (each: LostWrite) => !names(each, collection, id);
    const count = lost.length - lost.filter(isOther).length;
    return {
      notes: new Map(),
      places: count === 0 ? [] : [{ place: "lost writes", count }],
      clean: async () => void lost.splice(0, lost.length, ...lost.filter(isOther)),
    };
  }

  #lossesOf(space: string): Losses {
    const losses = this.#spaces.get(space) ?? { superseded: 0, rejected: 0, lost: [] };
    this.#spaces.delete(space);
    this.#spaces.set(space, losses);
    const [quietest] = this.#spaces.keys();
    if (this.#spaces.size > SPACES && quietest !== undefined) this.#spaces.delete(quietest);
    return losses;
  }
}

function names({ wanted, superseded }: LostWrite, collection: string, id: string): boolean {
  return [...wanted, ...superseded].some((each) => each.collection === collection && each.id === id);
}

function mutationOf(pushes: readonly Push[], { author, id }: OutcomeRow): Mutation | null {
  for (const { user, request } of pushes) {
    if (authorOf(user.id, request.client) !== author) continue;
    const mutation = request.mutations.find((each) => each.id === id);
    if (mutation !== undefined) return mutation;
  }
  return null;
}

function lostOf(number: number, { author, outcome }: OutcomeRow, mutation: Mutation, now: number): LostWrite {
  const rejected = outcome.status === "rejected";
  const superseded = outcome.status === "superseded" ? outcome.superseded : [];
  const about = new Set(superseded.map(({ collection, id }) => `${collection}/${id}`));
  const writes = mutation.writes.filter((write) => {
    const { collection, id } = targetOf(write);
    return rejected || about.has(`${collection}/${id}`);
  });
  return {
    number,
    at: new Date(now).toISOString(),
    ...authorParts(author),
    mutation: mutation.id,
    status: rejected ? "rejected" : "superseded",
    revision: outcome.revision,
    base: mutation.base,
    superseded: superseded.slice(0, WRITES),
    reason: rejected ? { code: outcome.code, message: outcome.message, path: outcome.path } : null,
    wanted: writes.slice(0, WRITES).map(wantedOf),
  };
}

function wantedOf(write: Write): LostWrite["wanted"][number] {
  const target = targetOf(write);
  if (write.op === "delete") return { op: write.op, ...target, atoms: {} };
  const { id: _, ...atoms } = write.record;
  return { op: write.op, ...target, atoms: shortened(atoms) };
}

/** Atoms that are long are told by their length: what is remembered has to stay small. */
function shortened(atoms: JsonObject): JsonObject {
  let room = CHARACTERS;
  return Object.fromEntries(
    Object.entries(atoms).map(([atom, value]) => {
      const { length } = JSON.stringify(value);
      room -= length;
      return [atom, room >= 0 ? value : `… ${length} characters`];
    }),
  );
}

/** `GET …/lost?limit=K` (Y6), for admin. */
export async function listLost(core: Core, { request, space, url }: Call): Promise<Response> {
  const limit = numberIn(url.searchParams, "limit", { fallback: 100, most: REMEMBERED });
  if ((await core.store.head(space)) === null) throw unknownSpace();
  return json(request, core.lost.list(space, limit));
}
