import { describe, expect, it } from "vitest";
import type { Atoms } from "../../src/testing/oracle.ts";
import { fingerprintOf, Oracle, same } from "../../src/testing/oracle.ts";
import { type Answer, SmallReplica } from "../../src/testing/oracle-replica.ts";
import { type SeededRandom, seededRandom } from "../../src/testing/random.ts";
import { WORKLOAD_COLLECTIONS, WORKLOAD_SUBSCRIPTIONS } from "../../src/testing/workload.ts";
import type { EndLine, Line } from "../../src/wire/lines.ts";
import type { LiveLine } from "../../src/wire/live.ts";
import { Grants } from "../oracle/grants.ts";
import { Place, sqliteShelf } from "../oracle/place.ts";
import { Writer } from "../oracle/writer.ts";
import { type HeldSocket, held } from "../support/socket.ts";

/** Grants change for whoever follows a pattern; what becomes of a single scope then is tested by itself. */
const BY_KEY = new Map(
  WORKLOAD_SUBSCRIPTIONS.filter(({ scope }) => !/^project\/[^*]/.test(scope)).map((each) => [each.key, each]),
);

/** What a replica showed at an `end`. */
interface Shown {
  readonly end: EndLine;
  readonly held: ReadonlyMap<string, ReadonlyMap<string, Atoms>>;
}

/** A replica on live connections, one after the other. It notes what it shows at each `end`. */
class Reader {
  readonly shown: Shown[] = [];
  socket: HeldSocket | null = null;
  pulls = 0;
  /** What was wrong with what came; it is not thrown into the server's face. */
  fault: unknown = null;
  /** Its grants may be others than when it was last told. */
  unsure = false;
  readonly user: string;
  #replica = new SmallReplica();
  #answer: Answer | null = null;
  readonly #place: Place;
  readonly #random: SeededRandom;

  constructor(place: Place, user: string, random: SeededRandom) {
    this.#place = place;
    this.user = user;
    this.#random = random;
  }

  /** Another connection, which goes on where this one broke off; or another device. */
  async connect(anew: boolean): Promise<void> {
    this.socket?.terminate();
    this.#answer = null;
    this.pulls = 0;
    if (anew) this.#replica = new SmallReplica();
    this.socket = await held(this.#place.running, {
      headers: { authorization: this.user },
      onLine: (line) => this.#heard(line),
    });
    this.socket.most = this.#random.pick([1, 200, 5_000]);
    const subscriptions = this.#replica.request();
    if (subscriptions.length > 0) this.socket.say({ op: "subscribe", subscriptions });
  }

  subscribe(): void {
    const free = [...BY_KEY.values()].filter(({ key }) => !this.#replica.subscriptions.has(key));
    if (free.length === 0) return;
    const asked = this.#random.pick(free);
    this.#replica.subscribe(asked as never);
    this.socket?.say({ op: "subscribe", subscriptions: this.#replica.request([asked.key]) });
  }

  unsubscribe(): void {
    const keys = [...this.#replica.subscriptions.keys()];
    if (keys.length > 0) this.socket?.say({ op: "unsubscribe", keys: [this.#random.pick(keys)] });
  }

  pull(): void {
    this.socket?.say({ op: "pull", pull: ++this.pulls });
  }

  #heard(line: LiveLine): void {
    try {
      this.#take(line);
    } catch (error) {
      this.fault ??= error;
    }
  }

  #take(line: LiveLine): void {
    if (line.op === "unsubscribed") for (const key of line.keys) this.#replica.subscriptions.delete(key);
    else if (line.op === "begin") {
      if (this.#answer !== null) throw new Error("an answer began within another");
      this.#answer = this.#replica.answer(this.#replica.request());
    } else if (line.op === "error") {
      // It asked twice to end the same.
      if (line.of !== "unsubscribe" || line.problem.code !== "not-found") throw new Error(JSON.stringify(line));
    } else if (line.op !== "outcomes" && line.op !== "verify") this.#feed(line);
  }

  #feed(line: Line): void {
    if (this.#answer === null) throw new Error(`${line.op} outside of an answer`);
    this.#answer.feed(line);
    if (line.op !== "end") return;
    if (this.#answer.refused.size > 0) throw new Error(`an answer does not apply: ${[...this.#answer.refused]}`);
    this.#answer = null;
    const keys = Object.keys(line.subscriptions);
    this.shown.push({ end: line, held: new Map(keys.map((key) => [key, this.#replica.held(key)])) });
  }
}

class Run {
  readonly tally: { [what: string]: number } = {};
  readonly #random: SeededRandom;
  readonly #oracle = new Oracle(WORKLOAD_COLLECTIONS);
  readonly #place: Place;
  readonly #writer: Writer;
  readonly #readers: Reader[] = [];
  readonly #grants: Grants;
  #pushing = false;
  #horizon = 0;

  constructor(seed: string) {
    const random = seededRandom(seed);
    this.#random = random.fork("schedule");
    this.#grants = new Grants(random.fork("grants"));
    this.#place = new Place(random.fork("server"), sqliteShelf(), (user, scope) => this.#grants.may(user, scope));
    this.#writer = new Writer(this.#oracle, this.#place, random.fork("workload"), () => undefined);
    for (let i = 0; i < 4; i++) {
      this.#readers.push(new Reader(this.#place, this.#grants.someone(), random.fork(`reader ${i}`)));
    }
  }

  async steps(count: number): Promise<void> {
    await this.#place.start();
    await this.#writer.push();
    for (const reader of this.#readers) await reader.connect(true);
    for (let i = 0; i < count; i++) {
      const disturbed = this.#random.chance(0.4);
      const happen = () => (this.#random.chance(0.3) && !this.#pushing ? this.#push() : Promise.resolve());
      await (disturbed ? this.#place.disturbed(this.#random.between(1, 5), happen, () => this.#step()) : this.#step());
      this.#check();
    }
    await this.#settle();
    await this.#place.end();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const reader = random.pick(this.#readers);
    const { socket } = reader;
    const draw = random.fraction();
    if (draw < 0.4) await this.#push();
    else if (draw < 0.55) reader.subscribe();
    else if (draw < 0.62) reader.unsubscribe();
    else if (draw < 0.68) reader.pull();
    else if (draw < 0.8) Object.assign(socket as HeldSocket, { stalled: true });
    else if (draw < 0.94) socket?.drain();
    else if (draw < 0.98) await reader.connect(random.chance(0.3));
    else if (draw < 0.99) this.#flip(reader);
    else await this.#cut();
    for (let i = random.below(4); i > 0; i--) await turn();
  }

  /** One at a time, also where one is disturbed. */
  async #push(): Promise<void> {
    this.#pushing = true;
    await this.#writer.push();
    this.#pushing = false;
  }

  /** Somebody is granted a project, or loses it; nothing is committed. */
  #flip({ user }: Reader): void {
    this.#grants.flip(user, `project/${this.#random.pick(["p1", "p2", "p3"])}`);
    for (const each of this.#readers) if (each.user === user) each.unsure = true;
  }

  async #cut(): Promise<void> {
    this.#horizon = Math.max(this.#horizon, this.#random.between(0, this.#oracle.head));
    await this.#place.cut(this.#horizon, this.#horizon);
  }

  /** Everything drains, and all are asked: then all are at the head. */
  async #settle(): Promise<void> {
    for (const reader of this.#readers) {
      reader.subscribe();
      reader.unsure = false;
      reader.shown.length = 0;
      reader.pull();
      const asked = reader.pulls;
      for (let turns = 0; !reader.shown.some(({ end }) => end.pull === asked && end.revision === this.#oracle.head); ) {
        if (reader.fault !== null || turns++ > 5_000)
          throw new Error("it never comes to rest", { cause: reader.fault });
        reader.socket?.drain();
        await turn();
      }
    }
    this.#check();
  }

  /** What was shown must be what the oracle says of that revision. */
  #check(): void {
    for (const reader of this.#readers) {
      const { shown, fault } = reader;
      if (fault !== null) throw fault;
      while (shown[0] !== undefined && shown[0].end.revision <= this.#oracle.head)
        this.#judge(shown.shift() as Shown, reader);
    }
  }

  #judge({ end, held }: Shown, { user, unsure }: Reader): void {
    const readable = (scope: string) => this.#grants.may(user, scope);
    for (const [key, content] of held) {
      const asked = BY_KEY.get(key);
      if (asked === undefined) throw new Error(`nobody asked for ${key}`);
      if (unsure && asked.scope.endsWith("/*")) continue;
      const expected = this.#oracle.view(end.revision, { ...asked, readable });
      const differs = [...new Set([...expected.keys(), ...content.keys()])].filter(
        (record) => !same((expected.get(record) ?? null) as never, (content.get(record) ?? null) as never),
      );
      if (differs.length > 0) throw new Error(`${key} at ${end.revision} differs in ${differs.join(", ")}`);
      const { digest } = end.subscriptions[key] ?? {};
      if (digest !== undefined && digest !== fingerprintOf(expected).digest) throw new Error(`the digest of ${key}`);
      this.tally.judged = (this.tally.judged ?? 0) + 1;
    }
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const SEEDS = process.env.TIDEMARK_LONG ? 200 : 6;

describe("live, at random", () => {
  it.each(Array.from({ length: SEEDS }, (_, i) => `live ${i}`))(
    "[L1] [L2] [P1] [P4] [P14] seed %s: at each end a replica shows just what its scopes hold",
    async (seed) => {
      const run = new Run(seed);
      await run.steps(150);
      expect(run.tally.judged).toBeGreaterThan(50);
    },
  );
});
