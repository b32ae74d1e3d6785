import type { Revision } from "../model/record.ts";
import type { LiveErrorLine, UnsubscribedLine } from "../wire/live.ts";
import type { PullRequest } from "../wire/pull.ts";
import type { PushResponse } from "../wire/push.ts";
import { type Bearer, endOf } from "./bearer.ts";
import type { Channel, LiveReceived } from "./channel.ts";
import { ConnectionLost, Interrupted, TransportError } from "./errors.ts";
import { type Exchanged, exchanging, requestOf, revokeAll } from "./exchange.ts";
import type { Local } from "./local.ts";
import type { Received } from "./ndjson.ts";
import type { Subscription } from "./state.ts";
import { problemOf, QUIET } from "./transport.ts";
import { Watch } from "./watch.ts";

/** Times in milliseconds. */
const LIVE = {
  /** Nothing was heard for so long: the server is asked. */
  quiet: 20_000,
  /** Nothing comes for so long after a question, or within an answer: the connection is half open. */
  patience: 10_000,
  /** So often it is asked at any rate, so that one knows as of when the replica is complete. */
  asked: 60_000,
  /** How often one looks whether it is time: a machine that was asleep is noticed by its clock. */
  look: 5_000,
  /** A token is renewed so long before it ends. */
  renewal: 30_000,
};

/** A subscription as the server knows it on this connection. */
type Followed = Pick<Subscription, "number" | "scope" | "collections" | "where" | "cursor"> & {
  /** The server has answered it, so that the replica is where the server thinks it is. */
  readonly answered: boolean;
  /** It was continued from elsewhere. */
  readonly astray: boolean;
};

/** What is said beside answers. */
type Aside = UnsubscribedLine | LiveErrorLine;

/** What a connection is to follow with. */
export interface FollowingOptions {
  readonly local: Local;
  readonly channel: Channel;
  readonly bearer: Bearer;
  readonly schema: number | undefined;
  /** Aborted when the client is closed. */
  readonly stopped: AbortSignal;
}

/** What the server may ask of this client. */
const ABLE = ["verify"];

/**
 * What is said on one live connection (L1): its subscriptions are kept in step with the client's, and what the server
 * sends is applied just as the answer to a pull is. One caller at a time.
 */
export class Following {
  readonly channel: Channel;
  readonly #local: Local;
  readonly #options: FollowingOptions;
  /** The client id that the server knows this connection by. */
  readonly #client: string;
  readonly #followed = new Map<string, Followed>();
  /** Keys whose end the server has not confirmed yet: they cannot be used. */
  readonly #leaving = new Set<string>();
  #interrupted = false;
  /** Whether nothing is due, and since when. */
  #rests = false;
  #since = 0;
  #token: string | undefined;
  #asked = 0;
  #answered = 0;
  /** When the last question was asked that has been answered. */
  asOf: number;
  /** Whether an answer has been complete: the connection works. */
  works = false;

  /** `token`: what the connection begins with; undefined where the server runs open. */
  constructor(options: FollowingOptions, token: string | undefined) {
    this.#options = options;
    this.channel = options.channel;
    this.#local = options.local;
    this.#client = options.local.meta.client;
    this.asOf = options.local.clock.now();
    this.#say(token);
    void this.#look();
  }

  /** Not where recovery has begun, or brought a new client id: it runs over requests, and another connection follows it. */
  get fits(): boolean {
    const { meta } = this.#local;
    return meta.renew === null && meta.client === this.#client;
  }

  /** Whether the server has answered all that the client wants to follow, and nothing else. */
  get inStep(): boolean {
    const active = this.#active();
    if (this.#leaving.size > 0 || active.size !== this.#followed.size) return false;
    for (const [key, each] of this.#followed) if (!each.answered || !isSame(each, active.get(key))) return false;
    return true;
  }

  /** Resolves when there is something to do: true where the server is to be asked, false where it has said something. */
  async due(): Promise<boolean> {
    this.#interrupted = false;
    while (!this.channel.ready) {
      if (this.#interrupted || this.#options.stopped.aborted) throw new Interrupted("there is something more urgent");
      if (this.#isTime()) return true;
      this.#rests = true;
      this.#since = this.#local.clock.now();
      await this.channel.news();
      this.#rests = false;
    }
    return false;
  }

  /** There is something more urgent than to wait until something is due. */
  interrupt(): void {
    this.#interrupted = true;
    this.channel.stir();
  }

  /** Asks, and takes what comes until all subscriptions are complete to a revision after the question. */
  async ask(take: () => Promise<unknown>): Promise<void> {
    const began = this.#local.clock.now();
    this.#say(await this.#present());
    for (let question = 0; ; ) {
      if (this.#adjust() || question === 0) {
        question = ++this.#asked;
        this.channel.send({ op: "pull", pull: question });
      }
      await take();
      if (this.#answered < question || !this.inStep) continue;
      this.asOf = began;
      this.works = true;
      return;
    }
  }

  /** Sends the text of a PushRequest (W6). Where the connection is lost meanwhile, it is sent again by a request. */
  async push(body: string, signal: AbortSignal): Promise<PushResponse> {
    const watch = new Watch(this.#local.clock, QUIET, signal);
    try {
      await this.#options.bearer.forPush(watch);
      return await this.channel.push(body, watch);
    } finally {
      watch.close();
    }
  }

  /** Takes the next answer; null where what came was none. */
  async take(onLine: (head: Revision, op: string) => void): Promise<Exchanged | null> {
    let received = await this.#next();
    if (isAside(received)) return await this.#heard(received.line);
    const asked: Subscription[] = [];
    const current = new Set<number>();
    const active = this.#active();
    for (const [key, followed] of this.#followed) {
      const subscription = active.get(key);
      if (subscription === undefined || this.#leaving.has(key) || !isSame(followed, subscription)) continue;
      asked.push(subscription);
      if (followed.answered) current.add(subscription.number);
    }
    const takeLine = exchanging(this.#local, asked, onLine, current);
    // Most lines have come already, and have nothing to wait for.
    for (;;) {
      const taking = isAside(received) ? this.#heard(received.line) : takeLine(received as Received);
      const exchanged = taking === null ? null : await taking;
      if (exchanged !== null) {
        this.#note(asked, exchanged);
        return exchanged;
      }
      received = this.channel.taken() ?? (await this.#next());
    }
  }

  #note(asked: readonly Subscription[], { complete, revoked, astray, end }: Exchanged): void {
    for (const { key, number } of asked) {
      const followed = this.#followed.get(key);
      if (followed === undefined) continue;
      const cursor = end.subscriptions[key]?.cursor ?? followed.cursor;
      if (complete.includes(number)) this.#followed.set(key, { ...followed, cursor, answered: true });
      else if (astray.has(key)) this.#followed.set(key, { ...followed, astray: true });
    }
    for (const key of revoked) this.#followed.delete(key);
    this.#answered = Math.max(this.#answered, end.pull ?? 0);
  }

  #next(): Promise<LiveReceived> {
    return this.channel.next(LIVE.patience, this.#options.stopped);
  }

  /** Sees to a line that is none of an answer. */
  async #heard(line: Aside): Promise<null> {
    if (line.op === "error") await this.#refused(line);
    else {
      for (const key of line.keys) if (this.#leaving.delete(key)) this.#followed.delete(key);
    }
    return null;
  }

  /** All that a message asked for is refused, as a pull would be (P10); anything else a pull finds out about. */
  async #refused(line: LiveErrorLine): Promise<void> {
    const problem = problemOf(line.problem);
    if (line.of !== "subscribe" || problem?.code !== "forbidden") {
      throw new ConnectionLost(problem ?? new TransportError("foreign", "the server gave an unknown error"));
    }
    const active = this.#active();
    const refused = [...this.#followed].filter(([, { answered }]) => !answered).map(([key]) => key);
    for (const key of refused) this.#followed.delete(key);
    await revokeAll(
      this.#local,
      refused.flatMap((key) => active.get(key) ?? []),
    );
  }

  /** Tells the server what has changed of the subscriptions; true where something has. */
  #adjust(): boolean {
    const active = this.#active();
    const gone = [...this.#followed].filter(([key, each]) => !this.#leaving.has(key) && !isSame(each, active.get(key)));
    if (gone.length > 0) {
      const keys = gone.map(([key]) => key);
      for (const key of keys) this.#leaving.add(key);
      this.channel.send({ op: "unsubscribe", keys });
    }
    const added = [...active.values()].filter(({ key }) => !this.#followed.has(key) && !this.#leaving.has(key));
    if (added.length > 0) {
      const { schema } = this.#options;
      const request: PullRequest = {
        client: this.#client,
        subscriptions: added.map(requestOf),
        ...(this.#local.asksAuthors && { authors: true }),
        ...(schema !== undefined && { schema }),
      };
      for (const each of added) this.#followed.set(each.key, { ...each, answered: false, astray: false });
      this.channel.send({ op: "subscribe", ...request, able: ABLE });
    }
    return gone.length + added.length > 0;
  }

  async #present(): Promise<string | undefined> {
    const watch = new Watch(this.#local.clock, LIVE.patience, this.#options.stopped);
    try {
      return await this.#options.bearer.forQuestion(watch);
    } finally {
      watch.close();
    }
  }

  #say(token: string | undefined): void {
    if (token === undefined || token === this.#token) return;
    this.#token = token;
    this.channel.send({ op: "token", token });
  }

  /** Looks now and then whether it is time. One timer serves all frames. */
  async #look(): Promise<void> {
    const { clock } = this.#local;
    const { over } = this.channel;
    while (!over.aborted) {
      const rest = LIVE.look - Math.abs(clock.now() - this.#since);
      // Where an answer is under way, what it waits for has its own patience.
      if (rest <= 0 && this.#rests) this.channel.stir();
      await clock.sleep(rest > 0 ? rest : LIVE.look, over);
    }
  }

  #isTime(): boolean {
    const now = this.#local.clock.now();
    // Where somebody has set the clock, nothing is known.
    const passed = (time: number, ms: number) => Math.abs(now - time) >= ms;
    return (
      !this.works ||
      passed(this.channel.heard, LIVE.quiet) ||
      passed(this.asOf, LIVE.asked) ||
      (endOf(this.#token) - now < LIVE.renewal && passed(this.asOf, LIVE.look))
    );
  }

  #active(): Map<string, Subscription> {
    const active = new Map<string, Subscription>();
    for (const each of this.#local.subscriptions.values()) if (!each.revoked) active.set(each.key, each);
    return active;
  }
}

function isAside(received: LiveReceived): received is LiveReceived & { readonly line: Aside } {
  return received.line.op === "unsubscribed" || received.line.op === "error";
}

/** Whether a subscription stands where the server was last told, or told itself, that it does. */
function isSame(followed: Followed, now: Subscription | undefined): boolean {
  return (
    now !== undefined &&
    !followed.astray &&
    followed.number === now.number &&
    followed.cursor === now.cursor &&
    followed.scope === now.scope &&
    followed.collections === now.collections &&
    followed.where === now.where
  );
}
