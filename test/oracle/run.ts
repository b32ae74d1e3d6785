import { type Asked, type Atoms, Oracle, same } from "../../src/testing/oracle.ts";
import { flawsOf, partsOf } from "../../src/testing/oracle-answer.ts";
import { type Answer, SmallReplica } from "../../src/testing/oracle-replica.ts";
import { type SeededRandom, seededRandom } from "../../src/testing/random.ts";
import { WORKLOAD_COLLECTIONS, WORKLOAD_SUBSCRIPTIONS } from "../../src/testing/workload.ts";
import type { EndLine, Line } from "../../src/wire/lines.ts";
import type { SubscriptionRequest } from "../../src/wire/pull.ts";
import { Place, type Shelf, sqliteShelf } from "./place.ts";
import { Writer } from "./writer.ts";

const BY_KEY = new Map(WORKLOAD_SUBSCRIPTIONS.map((subscription) => [subscription.key, subscription]));

/** How often each thing came to be tested; a test looks that none stayed at zero. */
export interface Tally {
  [what: string]: number;
}

/** A cursor that somebody was given at a revision, with what was held then. */
interface Kept {
  readonly asked: SubscriptionRequest & { key: string };
  readonly since: number;
  readonly cursor: string;
  readonly content: ReadonlyMap<string, Atoms>;
  /** The number of restores before: a later one may have made it foreign. */
  readonly history: number;
}

/** An older copy of the server's store, and what belonged to it. */
interface Snapshot {
  readonly name: string;
  readonly revision: number;
  readonly horizon: number;
  readonly numbers: ReadonlyMap<string, number>;
}

/**
 * One run: random transactions through the real server on the real store, beside the oracle; replicas that follow it through
 * cuts, races, restarts, restores and cut tombstones; at each `end` what they hold must be what the oracle says (P1).
 *
 * @throws with the seed in the message, at the first difference.
 */
export async function oracleRun(seed: string, steps: number, shelf = sqliteShelf()): Promise<Tally> {
  const run = new OracleRun(seed, shelf);
  try {
    await run.steps(steps);
    return run.tally;
  } catch (error) {
    throw new Error(
      `oracle seed "${seed}", step ${run.tally.steps}: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  } finally {
    await run.close();
  }
}

class OracleRun {
  readonly tally: Tally = {};
  private readonly schedule: SeededRandom;
  private readonly oracle = new Oracle(WORKLOAD_COLLECTIONS);
  private readonly place: Place;
  private readonly writer: Writer;
  private readonly replicas: SmallReplica[] = [];
  /** Replicas that have not yet asked a restored server about all that they hold. */
  private readonly unaware = new Set<SmallReplica>();
  private kept: Kept[] = [];
  private snapshots: Snapshot[] = [];
  private history = 0;
  private horizon = 0;

  constructor(seed: string, shelf: Shelf) {
    const random = seededRandom(seed);
    this.schedule = random.fork("schedule");
    this.place = new Place(random.fork("server"), shelf);
    this.writer = new Writer(this.oracle, this.place, random.fork("workload"), (what) => this.count(what));
  }

  async steps(count: number): Promise<void> {
    await this.place.start();
    for (let i = 0; i < 3; i++) this.replicas.push(this.newReplica());
    for (let i = 0; i < 4; i++) await this.writer.push();
    for (let step = 0; step < count; step++) {
      this.tally.steps = step;
      await this.step();
    }
    for (const replica of this.replicas) await this.catchUp(replica);
  }

  async close(): Promise<void> {
    await this.place.end();
  }

  private async step(): Promise<void> {
    const { schedule } = this;
    const draw = schedule.fraction();
    if (draw < 0.45) return this.writer.push();
    if (draw < 0.62) return this.pull(schedule.pick(this.replicas));
    if (draw < 0.7) return this.race(schedule.pick(this.replicas));
    if (draw < 0.92) return this.pullFromKept();
    if (draw < 0.95) return void this.replicas.splice(schedule.below(this.replicas.length), 1, this.newReplica());
    if (draw < 0.96) return this.restart();
    if (draw < 0.975) return this.snapshot();
    if (draw < 0.985) return this.restore();
    return this.cut();
  }

  private count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }

  // The server

  private async restart(): Promise<void> {
    this.count("restarts");
    await this.place.start();
  }

  private async snapshot(): Promise<void> {
    const name = await this.place.backup();
    const { horizon, oracle, writer } = this;
    this.snapshots.push({ name, revision: oracle.head, horizon, numbers: new Map(writer.numbers) });
  }

  private async restore(): Promise<void> {
    const snapshot = this.snapshots.pop();
    if (snapshot === undefined) return;
    await this.place.start(snapshot.name);
    this.count("restores");
    this.oracle.restore(snapshot.revision);
    this.horizon = snapshot.horizon;
    this.writer.numbers = new Map(snapshot.numbers);
    // What was held at a revision of both histories goes on; what came after it is of another one.
    const shared = ({ since, history }: Kept) => since <= snapshot.revision && history === this.history;
    this.kept = this.kept.map((kept) => (shared(kept) ? { ...kept, history: this.history + 1 } : kept));
    this.history++;
    for (const replica of this.replicas) this.unaware.add(replica);
    for (let i = this.schedule.below(12); i > 0; i--) await this.writer.push();
  }

  private async cut(): Promise<void> {
    const { head } = this.oracle;
    const tombstones = Math.max(this.horizon, this.schedule.between(0, head));
    const journal = this.schedule.between(tombstones, head);
    await this.place.cut(journal, tombstones);
    this.horizon = tombstones;
    this.count("cuts");
  }

  // Writing

  // Following

  private newReplica(): SmallReplica {
    const replica = new SmallReplica();
    for (const { key, ...asked } of this.schedule
      .shuffled(WORKLOAD_SUBSCRIPTIONS)
      .slice(0, this.schedule.between(2, 6))) {
      replica.subscribe({ key, ...asked } as SubscriptionRequest & { key: string });
    }
    return replica;
  }

  /** One pull of some or all subscriptions, perhaps in small pages, with writes between them, perhaps broken off. */
  private async pull(replica: SmallReplica): Promise<void> {
    const keys = this.schedule.chance(0.6) ? [...replica.subscriptions.keys()] : this.some(replica);
    const request = replica.request(keys);
    const answer = replica.answer(request);
    const cutAfter = this.schedule.chance(0.35) ? this.schedule.below(14) : Number.POSITIVE_INFINITY;
    const lines = await this.ask(request, cutAfter);
    for (const line of lines) answer.feed(line);
    this.check(replica, request, lines, answer);
  }

  /** Two answers to one replica, asked for before either came, arriving mixed (P13). */
  private async race(replica: SmallReplica): Promise<void> {
    const flights: { answer: Answer; request: SubscriptionRequest[]; lines: Line[]; at: number }[] = [];
    const requests = [replica.request(this.some(replica)), replica.request(this.some(replica))];
    for (const request of requests) {
      const answer = replica.answer(request);
      flights.push({
        answer,
        request,
        lines: await this.ask(request, this.schedule.chance(0.2) ? this.schedule.below(10) : Number.POSITIVE_INFINITY),
        at: 0,
      });
      for (let i = this.schedule.below(4); i > 0; i--) await this.writer.push();
    }
    const open = () => flights.filter(({ at, lines }) => at < lines.length);
    while (open().length > 0) {
      const flight = this.schedule.pick(open());
      for (let i = this.schedule.between(1, 6); i > 0 && flight.at < flight.lines.length; i--) {
        flight.answer.feed(flight.lines[flight.at++] as Line);
        if (flight.at === flight.lines.length) this.check(replica, flight.request, flight.lines, flight.answer);
      }
    }
    this.count("races");
  }

  /** The delta, or the copy, from some earlier cursor to now. */
  private async pullFromKept(): Promise<void> {
    if (this.kept.length === 0) return;
    const kept = this.schedule.pick(this.kept);
    const replica = new SmallReplica();
    replica.subscribe(kept.asked);
    replica.seed(kept.asked.key, kept.since, kept.cursor, kept.content);
    const request = replica.request();
    const answer = replica.answer(request);
    const lines = await this.ask(request, Number.POSITIVE_INFINITY);
    for (const line of lines) answer.feed(line);
    const first = lines.find((line) => line.op === "subscription");
    if (kept.history < this.history || kept.since < this.horizon) {
      if (first?.mode !== "copy") throw new Error(`a cursor of ${kept.since} that cannot be followed was followed`);
      if (kept.history === this.history && first.reason !== "expired") {
        throw new Error(`a cursor of ${kept.since} is too old, but the server says ${first.reason}`);
      }
      this.count(`copied: ${first.reason}`);
    } else if (first?.mode === "copy")
      throw new Error(`a cursor of ${kept.since} that can be followed was not: ${first.reason}`);
    else this.count("deltas");
    this.check(replica, request, lines, answer);
    if (answer.refused.size > 0 || !answer.ended) throw new Error("an answer that nothing disturbed did not apply");
  }

  /** Without faults, everything must be there after a few pulls. */
  private async catchUp(replica: SmallReplica): Promise<void> {
    for (let attempt = 0; attempt < 4; attempt++) {
      const request = replica.request();
      const answer = replica.answer(request);
      const lines = await this.ask(request, Number.POSITIVE_INFINITY, false);
      for (const line of lines) answer.feed(line);
      this.check(replica, request, lines, answer);
      if (answer.ended && answer.refused.size === 0) return;
    }
    throw new Error("a replica does not come to rest");
  }

  /** Some subscriptions; all of them after a restore, which shows only in the cursors that came after the backup. */
  private some(replica: SmallReplica): string[] {
    if (this.unaware.has(replica)) return [...replica.subscriptions.keys()];
    const keys = this.schedule.shuffled([...replica.subscriptions.keys()]);
    return keys.slice(0, this.schedule.between(1, keys.length));
  }

  /** The first lines of an answer; `disturbed`: with small pages and with writes between them. */
  private async ask(subscriptions: readonly SubscriptionRequest[], most: number, disturbed = true): Promise<Line[]> {
    const { schedule, writer } = this;
    const pageLimit = disturbed && schedule.chance(0.7) ? schedule.between(1, 6) : 1000;
    let writes = disturbed && schedule.chance(0.7) ? schedule.below(12) : 0;
    const happen = async () => {
      if (writes === 0 || schedule.chance(0.4)) return;
      for (let i = schedule.between(1, 3); i > 0 && writes > 0; i--, writes--) {
        await (schedule.chance(0.4) ? writer.flash() : writer.push());
      }
    };
    const asked = this.oracle.head;
    const lines = await this.place.disturbed(pageLimit, happen, async () => {
      const response = await this.place.post("pull", { subscriptions });
      if (response.status !== 200) throw new Error(`a pull was refused: ${await response.text()}`);
      return firstLines(response, most);
    });
    const end = lines.at(-1);
    if (lines.length < most && end?.op !== "end")
      throw new Error(`an answer broke off by itself: ${JSON.stringify(end)}`);
    if (end?.op === "end" && end.revision < asked)
      throw new Error(`an answer ends at ${end.revision}, the head was ${asked}`);
    this.count(lines.length < most ? "answers" : "cut answers");
    return lines;
  }

  private check(
    replica: SmallReplica,
    request: readonly SubscriptionRequest[],
    lines: readonly Line[],
    answer: Answer,
  ): void {
    const end = lines.at(-1);
    for (const [key, part] of partsOf(lines)) {
      const asked = BY_KEY.get(key) as Asked;
      const flaws = flawsOf(this.oracle, asked, part, part.goesOn ? this.oracle.head : 0);
      if (flaws.length > 0) throw new Error(`"${key}": ${flaws.join("; ")} in ${JSON.stringify(lines)}`);
      if (part.pages.length > 2) this.count(`${part.mode} in pages`);
      if (part.goesOn) this.count(`${part.mode} goes on`);
    }
    if (end?.op !== "end") return;
    if (request.length === replica.subscriptions.size && answer.refused.size === 0) this.unaware.delete(replica);
    for (const asked of request) {
      const key = asked.key as string;
      this.checkFingerprint(key, asked, end);
      if (answer.refused.has(key)) this.count("thrown away");
      else this.checkContent(replica, key, end.revision, lines);
    }
  }

  private checkFingerprint(key: string, asked: SubscriptionRequest, end: EndLine): void {
    const told = end.subscriptions[key];
    if (told === undefined) throw new Error(`"${key}" is not in the end`);
    if (asked.where !== undefined && !asked.fingerprint) return;
    const { count, digest } = this.oracle.fingerprint(end.revision, BY_KEY.get(key) as Asked);
    if (told.count !== count || told.digest !== digest) {
      throw new Error(
        `"${key}" has the fingerprint ${told.count} ${told.digest} at ${end.revision}, by the oracle ${count} ${digest}`,
      );
    }
    this.count("fingerprints");
  }

  private checkContent(replica: SmallReplica, key: string, revision: number, lines: readonly Line[]): void {
    const asked = BY_KEY.get(key) as Asked;
    const held = replica.held(key);
    const view = this.oracle.view(revision, asked);
    const wrong = (text: string) => new Error(`"${key}" at ${revision}: ${text} after ${JSON.stringify(lines)}`);
    for (const record of view.keys()) if (!held.has(record)) throw wrong(`${record} is missing`);
    for (const [record, atoms] of held) {
      if (!view.has(record)) throw wrong(`${record} is held and should not be`);
      if (!same(atoms, this.oracle.record(replica.newest(record), record)))
        throw wrong(`${record} is ${JSON.stringify(atoms)}`);
    }
    this.count("contents");
    const subscription = replica.subscriptions.get(key);
    if (subscription?.cursor == null) return;
    const kept = subscription.asked as Kept["asked"];
    this.kept.push({ asked: kept, since: revision, cursor: subscription.cursor, content: view, history: this.history });
    if (this.kept.length > 60) this.kept.splice(this.schedule.below(this.kept.length), 1);
  }
}

async function firstLines(response: Response, most: number): Promise<Line[]> {
  const lines: Line[] = [];
  if (response.body === null) return lines;
  let text = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const whole = text.split("\n");
    text = whole.pop() as string;
    for (const line of whole) {
      if (lines.length >= most) return lines;
      lines.push(JSON.parse(line) as Line);
    }
  }
  return lines;
}
