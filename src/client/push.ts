import type { Outcome } from "../model/mutation.ts";
import type { Random } from "../util/random.ts";
import { utf8Length } from "../util/utf8.ts";
import { Problem } from "../wire/problem.ts";
import type { PushRequest, PushResponse } from "../wire/push.ts";
import { PullFirst, TransportError } from "./errors.ts";
import type { Local } from "./local.ts";
import { renewed } from "./recover.ts";
import { type Pending, wireMutation } from "./state.ts";

/** Well below what a server takes (M7), so that a queue of any length is sent in a few requests of moderate size. */
const BATCH = { mutations: 1_000, bytes: 2 * 1_048_576 };

export interface Pushed {
  /** The server's head after the push; null where nothing was sent. */
  readonly revision: number | null;
}

/** Mutations of one request, and the text of each as it is sent. */
interface Sending {
  readonly pending: readonly Pending[];
  readonly texts: readonly string[];
}

/** Sends the text of a PushRequest, on whatever way there is now. */
export type Send = (body: string, signal: AbortSignal) => Promise<PushResponse>;

/** Sends what waits, one request at a time. */
export class Pusher {
  readonly #local: Local;
  readonly #sending: Send;
  readonly #random: Random;
  readonly #schema: number | undefined;
  /** Up to this local number one mutation a request, to find the one that the server does not take (W7). */
  #singleUpTo = 0;

  constructor(local: Local, sending: Send, random: Random, schema: number | undefined) {
    this.#local = local;
    this.#sending = sending;
    this.#random = random;
    this.#schema = schema;
  }

  /** Whether there is something to send. */
  get due(): boolean {
    return this.#local.unsettledCount > 0 || this.#local.meta.renew !== null;
  }

  /** One request, or the taking of a new client id. */
  async push(signal: AbortSignal): Promise<Pushed> {
    const { renew } = this.#local.meta;
    if (renew?.through === null) throw new PullFirst("the server has to say what it has of this client", false);
    const through = renew?.through ?? Number.POSITIVE_INFINITY;
    const batch = this.#batch(this.#local.unsettled().filter(({ number }) => number > 0 && number <= through));
    if (batch.pending.length === 0 && renew !== null) {
      await this.#local.gate.exclusive(() => this.#local.commit(renewed(this.#local, through, this.#random)));
      return { revision: null };
    }
    if (batch.pending.length === 0) return { revision: null };
    return await this.#send(batch, signal);
  }

  #batch(waiting: readonly Pending[]): Sending {
    const pending: Pending[] = [];
    const texts: string[] = [];
    let bytes = 0;
    for (const each of waiting) {
      const text = JSON.stringify(wireMutation(each));
      bytes += utf8Length(text);
      const alone = (pending[0]?.seq ?? Number.POSITIVE_INFINITY) <= this.#singleUpTo;
      if (pending.length > 0 && (bytes > BATCH.bytes || pending.length === BATCH.mutations || alone)) break;
      pending.push(each);
      texts.push(text);
    }
    return { pending, texts };
  }

  async #send({ pending: batch, texts }: Sending, signal: AbortSignal): Promise<Pushed> {
    const { client, acked, was } = this.#local.meta;
    const cursor = this.#local.known[0]?.cursor;
    const envelope: Omit<PushRequest, "mutations"> = {
      client,
      ...(acked > 0 && { acked }),
      ...(was !== null && { was }),
      ...(cursor !== undefined && { cursor }),
      ...(this.#schema !== undefined && { schema: this.#schema }),
    };
    try {
      const body = `${JSON.stringify(envelope).slice(0, -1)},"mutations":[${texts.join(",")}]}`;
      const response = await this.#sending(body, signal);
      await this.#local.gate.exclusive(() => this.#settled(batch, response, client));
      return { revision: response.revision };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return await this.#refused(batch, error, client);
    }
  }

  /** Keeps the outcomes; a mutation whose revision the replica has is over. */
  async #settled(batch: readonly Pending[], response: PushResponse, client: string): Promise<void> {
    const local = this.#local;
    if (local.meta.client !== client) return;
    const outcomes = new Map(response.outcomes.map((outcome) => [outcome.id, outcome]));
    const follows = [...local.subscriptions.values()].some(({ revoked }) => !revoked);
    const pending: Pending[] = [];
    const settled: { pending: Pending; outcome: Outcome }[] = [];
    let acked = local.meta.acked;
    for (const { seq, number } of batch) {
      const outcome = outcomes.get(number);
      if (outcome === undefined)
        throw new TransportError("foreign", `the server did not say what became of mutation ${number}`);
      acked = Math.max(acked, number);
      const now = local.pending.get(seq);
      if (now === undefined || now.number !== number || now.outcome !== null) continue;
      const told = refusalAsOutcome(now, outcome);
      if (follows && told.revision > local.meta.revision) pending.push({ ...now, outcome: told, under: client });
      else settled.push({ pending: now, outcome: told });
    }
    await local.commit({ meta: { acked, was: null }, pending, settled });
  }

  async #refused(batch: readonly Pending[], problem: Problem, client: string): Promise<Pushed> {
    const { lastMutation = 0, id } = problem.extras;
    switch (problem.code) {
      case "diverged":
        throw new PullFirst(problem.message, true);
      case "rewound":
        await this.#renew(client, Math.max(0, (id ?? lastMutation + 1) - 1));
        return { revision: null };
      case "gap":
        // What it once settled and has lost is found out by a pull, which may also tell the server's policy (R2).
        if (lastMutation < this.#local.meta.acked) throw new PullFirst(problem.message, true);
        await this.#renew(client, lastMutation);
        return { revision: null };
      case "invalid":
      case "too-large":
        return await this.#handBack(batch, problem);
      default:
        throw problem;
    }
  }

  async #renew(client: string, through: number): Promise<void> {
    const local = this.#local;
    await local.gate.exclusive(async () => {
      if (local.meta.client !== client) return;
      if (local.meta.renew === null) local.events.emit("recovered", { reason: "rewound" });
      await local.commit({ meta: { renew: { through } } });
    });
  }

  /** A mutation that the server does not take at all goes back to the application; its number is sent without writes. */
  async #handBack(batch: readonly Pending[], problem: Problem): Promise<Pushed> {
    const [only] = batch;
    const last = batch.at(-1);
    if (only === undefined || last === undefined) throw problem;
    if (batch.length > 1) {
      this.#singleUpTo = last.seq;
      return { revision: null };
    }
    if (only.refused !== null) throw problem;
    const code = problem.code === "too-large" ? "too-large" : "invalid-record";
    const refused = { code, message: problem.message, path: problem.extras.path ?? "" } as const;
    const local = this.#local;
    await local.gate.exclusive(async () => {
      const now = local.pending.get(only.seq);
      if (now !== undefined) await local.commit({ pending: [{ ...now, refused }] });
    });
    return { revision: null };
  }
}

/** What the application hears of a mutation that was sent without its writes. */
function refusalAsOutcome({ refused }: Pending, outcome: Outcome): Outcome {
  if (refused === null) return outcome;
  return { id: outcome.id, status: "rejected", revision: outcome.revision, ...refused };
}
