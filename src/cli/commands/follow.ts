import type { Client, Recovery, Status } from "../../client/index.ts";
import { systemClock } from "../../util/clock.ts";
import { command, listOf, SPACE_ARGS } from "../command.ts";
import { Failure } from "../failure.ts";
import { type Arrival, ObservedStore } from "../follow/observed.ts";
import { Screen } from "../follow/screen.ts";
import { arrivalText, copyText, recoveryText, stateText, summaryText } from "../follow/text.ts";
import type { Output } from "../output.ts";
import { clientOf, openReplica } from "../replica.ts";
import { remoteSpace } from "../where.ts";

/** More changes at once than this are told as a number. */
const MANY = 50;
/** Milliseconds between two looks at how old the last answer is. */
const TICK = 1_000;

export default command({
  name: "follow",
  description: "Keeps a local replica, and shows what arrives",
  lasts: true,
  args: {
    url: { type: "positional", required: true, description: "the server's address" },
    scope: { type: "string", description: "what to follow; * is the whole space", valueHint: "S,S", default: "*" },
    store: { type: "string", description: "keep the replica in this file; else in memory", valueHint: "FILE" },
    once: { type: "boolean", description: "end as soon as it is up to date" },
    ...SPACE_ARGS,
  },
  async run({ args, env, out, stop }) {
    const follower = new Follower(out, await openReplica(args.store));
    const client = clientOf(remoteSpace(args.url, args, env), follower.store);
    const ended = follower.watch(client, stop);
    try {
      const subscriptions = listOf(args.scope).map((scope) => client.subscribe({ scope }));
      const filled = Promise.all(subscriptions.map(({ ready }) => ready)).then(() => follower.greet(client));
      // Where one of them is refused, `ended` says why.
      filled.catch(() => {});
      await Promise.race(args.once === true ? [ended, client.sync().then(() => filled)] : [ended]);
    } finally {
      await client.close();
      follower.end();
    }
  },
});

/** States that no waiting mends. */
const HOPELESS = new Set<Status["state"]>(["upgrade-required", "other-principal"]);

/** States that pass by themselves, or are our own doing. */
const PASSING = new Set<Status["state"]>(["connecting", "behind", "stopped"]);

class Follower {
  readonly store: ObservedStore;
  readonly screen: Screen;
  readonly #over = new AbortController();
  #arrived: Arrival[] = [];
  #recoveries = 0;
  #told = "";
  /** Whether the replica holds all that it is to follow. */
  #filled = false;

  constructor(out: Output, store: ConstructorParameters<typeof ObservedStore>[0]) {
    this.screen = new Screen(out);
    this.store = new ObservedStore(store, (arrivals) => this.#arrived.push(...arrivals));
  }

  /** Resolves when it was stopped; rejects where going on makes no sense. */
  watch(client: Client, stop: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    stop.addEventListener("abort", () => resolve());
    client.on("change", () => this.#tellArrivals(client));
    client.on("recovered", (recovery) => this.#tellRecovery(recovery));
    client.on("damaged", ({ key, message }) =>
      this.screen.print(`${key} is damaged and is being repaired: ${message}`, { op: "damaged", key, message }),
    );
    client.on("revoked", ({ key }) => reject(new Failure(`The permission to read ${key} is missing, or has ended.`)));
    client.on("status", (status) => {
      this.#tellArrivals(client);
      this.#tellStatus(status);
      this.screen.status(this.#statusLine(status));
      const refused = status.state === "unauthorised" && !this.#filled;
      if (refused || HOPELESS.has(status.state)) reject(new Failure(`${stateText(status)}.`));
    });
    void this.#tick(client);
    return promise;
  }

  /** The replica holds all that it is to follow. */
  greet(client: Client): void {
    this.#filled = true;
    this.#tellArrivals(client);
    this.#tellStatus(client.status);
  }

  /** Nothing is drawn any more. */
  end(): void {
    this.#over.abort();
    this.screen.end();
  }

  /** The age of the last answer grows by itself. */
  async #tick(client: Client): Promise<void> {
    while (!this.#over.signal.aborted) {
      this.screen.status(this.#statusLine(client.status));
      await systemClock.sleep(TICK, this.#over.signal);
    }
  }

  #tellArrivals({ status: { revision } }: Client): void {
    const arrivals = this.#arrived.splice(0);
    if (arrivals.length > MANY) {
      return this.screen.print(summaryText(arrivals, revision), { op: "many", revision, records: arrivals.length });
    }
    for (const arrival of arrivals)
      this.screen.print(arrivalText(arrival, revision), { op: "change", revision, ...arrival });
  }

  #tellRecovery(recovery: Recovery): void {
    this.#recoveries++;
    this.screen.print(recoveryText(recovery), { op: "recovered", ...recovery });
  }

  /** Each state once, when it begins; not those that pass by themselves. */
  #tellStatus(status: Status): void {
    const { state } = status;
    if (PASSING.has(state) || (state === "upToDate" && !this.#filled)) return;
    const told = state === "upToDate" ? state : stateText(status);
    if (told === this.#told) return;
    this.#told = told;
    const { records } = this.store;
    this.screen.print(state === "upToDate" ? `${stateText(status)}, ${records} records` : stateText(status), {
      op: "status",
      ...status,
      records,
    });
  }

  #statusLine(status: Status): string {
    const copying = copyText(status.copies);
    if (copying !== null) return PASSING.has(status.state) ? copying : `${stateText(status)} · ${copying}`;
    const age =
      status.asOf === null ? "not complete yet" : `complete as of ${ageText(systemClock.now() - status.asOf)} ago`;
    const counts = `${this.store.records} records · ${age} · recoveries: ${this.#recoveries}`;
    return `${stateText(status)} · ${counts}`;
  }
}

function ageText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
