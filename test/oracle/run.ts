import { type Asked, type Atoms, Oracle, same } from "../../src/testing/oracle.ts";
import { flawsOf, partsOf } from "../../src/testing/oracle-answer.ts";
import { type Answer, SmallReplica } from "../../src/testing/oracle-replica.ts";
import { type SeededRandom, seededRandom } from "../../src/testing/random.ts";
import { WORKLOAD_COLLECTIONS, WORKLOAD_SUBSCRIPTIONS } from "../../src/testing/workload.ts";
import type { EndLine, Line } from "../../src/wire/lines.ts";
import type { SubscriptionRequest } from "../../src/wire/pull.ts";
import { Grants, type Judged } from "./grants.ts";
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
  readonly user: string;
  /** The state of the user's grants then; null: unknown. */
  readonly version: number | null;
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
export async function oracleRun(seed: string, steps: number, shelf: Shelf = sqliteShelf()): Promise<Tally> {
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
  private readonly grants: Grants;
  private readonly users = new Map<SmallReplica, string>();
  /** The state of the grants by which each subscription of a replica was completed. */
  private readonly told = new Map<SmallReplica, Map<string, number | null>>();
  /** Replicas that have not yet asked a restored server about all that they hold. */
  private readonly unaware = new Set<SmallReplica>();
  private kept: Kept[] = [];
  private snapshots: Snapshot[] = [];
  private history = 0;
  private horizon = 0;

  constructor(seed: string, shelf: Shelf) {
    const random = seededRandom(seed);
    this.schedule = random.fork("schedule");
    this.grants = new Grants(random.fork("grants"));
    this.place = new Place(random.fork("server"), shelf, (user, scope) => this.grants.may(user, scope));
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
    if (draw < 0.955) return this.restart();
    if (draw < 0.96) return this.flip();
    if (draw < 0.975) return this.snapshot();
    if (draw < 0.985) return this.restore();
    return this.cut();
  }

  private count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }

  /** Some reader is granted a project, or loses it. */
  private flip(): void {
    this.grants.flip(this.grants.someone(), `project/${this.schedule.pick(["p1", "p2", "p3", "n0", "n1"])}`);
    this.count("grants and revocations");
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
    this.users.set(replica, this.grants.someone());
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
    if (this.schedule.chance(0.25)) this.flip();
    const { lines, judged } = await this.ask(this.userOf(replica), request, cutAfter);
    for (const line of lines) answer.feed(line);
    this.check(replica, request, lines, answer, judged);
  }

  /** Two answers to one replica, asked for before either came, arriving mixed (P13). */
  private async race(replica: SmallReplica): Promise<void> {
    const flights: { answer: Answer; request: SubscriptionRequest[]; lines: Line[]; judged: Judged; at: number }[] = [];
    const requests = [replica.request(this.some(replica)), replica.request(this.some(replica))];
    for (const request of requests) {
      const answer = replica.answer(request);
      flights.push({
        answer,
        request,
        ...(await this.ask(
          this.userOf(replica),
          request,
          this.schedule.chance(0.2) ? this.schedule.below(10) : Number.POSITIVE_INFINITY,
        )),
        at: 0,
      });
      for (let i = this.schedule.below(4); i > 0; i--) await this.writer.push();
    }
    const open = () => flights.filter(({ at, lines }) => at < lines.length);
    while (open().length > 0) {
      const flight = this.schedule.pick(open());
      for (let i = this.schedule.between(1, 6); i > 0 && flight.at < flight.lines.length; i--) {
        flight.answer.feed(flight.lines[flight.at++] as Line);
        if (flight.at === flight.lines.length)
          // What the other one has brought meanwhile was told by other grants.
          this.check(replica, flight.request, flight.lines, flight.answer, { ...flight.judged, version: null });
      }
    }
    this.count("races");
  }

  /** The delta, or the copy, from some earlier cursor to now. */
  private async pullFromKept(): Promise<void> {
    if (this.kept.length === 0) return;
    const kept = this.schedule.pick(this.kept);
    const replica = new SmallReplica();
    this.users.set(replica, kept.user);
    this.toldOf(replica).set(kept.asked.key, kept.version);
    replica.subscribe(kept.asked);
    replica.seed(kept.asked.key, kept.since, kept.cursor, kept.content);
    const request = replica.request();
    const answer = replica.answer(request);
    const { lines, judged } = await this.ask(kept.user, request, Number.POSITIVE_INFINITY);
    if (lines.some(({ op }) => op === "revoked")) return this.count("revoked");
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
    this.check(replica, request, lines, answer, judged);
    if (answer.refused.size > 0 || !answer.ended) throw new Error("an answer that nothing disturbed did not apply");
  }

  /** Without faults, everything must be there after a few pulls. */
  private async catchUp(replica: SmallReplica): Promise<void> {
    for (let attempt = 0; attempt < 4; attempt++) {
      const request = replica.request();
      const answer = replica.answer(request);
      const { lines, judged } = await this.ask(this.userOf(replica), request, Number.POSITIVE_INFINITY, false);
      for (const line of lines) answer.feed(line);
      this.check(replica, request, lines, answer, judged);
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
  private async ask(
    user: string,
    subscriptions: readonly SubscriptionRequest[],
    most: number,
    disturbed = true,
  ): Promise<{ lines: Line[]; judged: Judged }> {
    const { schedule, writer } = this;
    const pageLimit = disturbed && schedule.chance(0.7) ? schedule.between(1, 6) : 1000;
    let writes = disturbed && schedule.chance(0.7) ? schedule.below(12) : 0;
    const happen = async () => {
      if (disturbed && schedule.chance(0.04)) this.flip();
      if (writes === 0 || schedule.chance(0.4)) return;
      for (let i = schedule.between(1, 3); i > 0 && writes > 0; i--, writes--) {
        await (schedule.chance(0.4) ? writer.flash() : writer.push());
      }
    };
    const asked = this.oracle.head;
    const judged = this.grants.judging(user);
    const lines = await this.place.disturbed(pageLimit, happen, async () => {
      const response = await this.place.post("pull", { subscriptions }, user);
      if (response.status === 403) return refusedLines(subscriptions, asked);
      if (response.status !== 200) throw new Error(`a pull was refused: ${await response.text()}`);
      return firstLines(response, most);
    });
    const end = lines.at(-1);
    if (lines.length < most && end?.op !== "end")
      throw new Error(`an answer broke off by itself: ${JSON.stringify(end)}`);
    if (end?.op === "end" && end.revision < asked)
      throw new Error(`an answer ends at ${end.revision}, the head was ${asked}`);
    this.count(lines.length < most ? "answers" : "cut answers");
    return { lines, judged: judged() };
  }

  private check(
    replica: SmallReplica,
    request: readonly SubscriptionRequest[],
    lines: readonly Line[],
    answer: Answer,
    judged: Judged,
  ): void {
    const end = lines.at(-1);
    const revoked = new Set(lines.flatMap((line) => (line.op === "revoked" ? [line.key] : [])));
    // Where a grant changed meanwhile, a scope and a pattern that it belongs to may have been judged differently.
    for (const { key } of judged.version === null ? [] : request) {
      const { scope } = BY_KEY.get(key as string) as Asked;
      const asPattern = scope.endsWith("*");
      if (
        lines.length > 0 &&
        end?.op === "end" &&
        (!asPattern && !judged.readable(scope)) !== revoked.has(key as string)
      )
        throw new Error(`"${key}" was judged wrongly in ${JSON.stringify(lines)}`);
    }
    for (const [key, part] of partsOf(lines)) {
      const asked = this.askedOf(replica, key, judged);
      const flaws = flawsOf(this.oracle, asked, part, part.goesOn ? this.oracle.head : 0);
      if (flaws.length > 0) throw new Error(`"${key}": ${flaws.join("; ")} in ${JSON.stringify(lines)}`);
      if (part.pages.length > 2) this.count(`${part.mode} in pages`);
      if (part.goesOn) this.count(`${part.mode} goes on`);
    }
    if (end?.op !== "end") return;
    if (request.length === replica.subscriptions.size && answer.refused.size === 0) this.unaware.delete(replica);
    for (const asked of request) {
      const key = asked.key as string;
      if (revoked.has(key)) continue;
      const by = this.askedOf(replica, key, judged);
      this.checkFingerprint(key, by, asked, end);
      if (answer.refused.has(key)) this.count("thrown away");
      else this.checkContent(replica, key, by, end.revision, lines, judged);
    }
  }

  private userOf(replica: SmallReplica): string {
    return this.users.get(replica) as string;
  }

  private toldOf(replica: SmallReplica): Map<string, number | null> {
    const told = this.told.get(replica) ?? new Map<string, number | null>();
    this.told.set(replica, told);
    return told;
  }

  /** A subscription with what the server was told that its reader may read. */
  private askedOf(replica: SmallReplica, key: string, { readable, ever, version }: Judged): Asked {
    const changed = version === null || this.toldOf(replica).get(key) !== version;
    return { ...(BY_KEY.get(key) as Asked), readable, ever, changed };
  }

  private checkFingerprint(key: string, by: Asked, asked: SubscriptionRequest, end: EndLine): void {
    const told = end.subscriptions[key];
    if (told === undefined) throw new Error(`"${key}" is not in the end`);
    if (told.count === undefined && (isPattern(asked) || asked.where !== undefined) && !asked.fingerprint) return;
    const { count, digest } = this.oracle.fingerprint(end.revision, by);
    if (told.count !== count || told.digest !== digest) {
      throw new Error(
        `"${key}" has the fingerprint ${told.count} ${told.digest} at ${end.revision}, by the oracle ${count} ${digest}`,
      );
    }
    this.count(isPattern(asked) ? "fingerprints of patterns" : "fingerprints");
  }

  private checkContent(
    replica: SmallReplica,
    key: string,
    asked: Asked,
    revision: number,
    lines: readonly Line[],
    { version }: Judged,
  ): void {
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
    this.toldOf(replica).set(key, version);
    const subscription = replica.subscriptions.get(key);
    if (subscription?.cursor == null) return;
    const kept = subscription.asked as Kept["asked"];
    this.kept.push({
      asked: kept,
      since: revision,
      cursor: subscription.cursor,
      content: view,
      history: this.history,
      user: this.userOf(replica),
      version,
    });
    if (this.kept.length > 60) this.kept.splice(this.schedule.below(this.kept.length), 1);
  }
}

function isPattern({ scope }: SubscriptionRequest): boolean {
  return scope !== "*" && scope.endsWith("*");
}

/** As if each of several had been refused: it is the same for a replica (P10). */
function refusedLines(subscriptions: readonly SubscriptionRequest[], revision: number): Line[] {
  const revoked = subscriptions.map(({ key }): Line => ({ op: "revoked", key: key as string }));
  return [...revoked, { op: "end", revision, subscriptions: {} }];
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
