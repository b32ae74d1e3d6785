import type { Outcome, Write } from "../model/mutation.ts";
import type { RecordData, Revision } from "../model/record.ts";
import type { User } from "../model/schema.ts";
import type { IdentityHost } from "../server/identity.ts";
import { type Random, randomName } from "../util/random.ts";
import { Problem } from "../wire/problem.ts";
import type { Tail } from "./tail.ts";

/** Writes to a space as one of its clients, one mutation after the other, each whole or not at all. */
export class Writer {
  readonly #host: Pick<IdentityHost, "push">;
  readonly #space: string;
  readonly #random: Random;
  readonly #user: User;
  #client: string;
  #number = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: Pick<IdentityHost, "push">, space: string, random: Random, user: User) {
    this.#host = host;
    this.#space = space;
    this.#random = random;
    this.#user = user;
    this.#client = randomName(random);
  }

  /**
   * - `base`: what others wrote after it is not overwritten, and then nothing is written.
   */
  write(base: Revision, writes: readonly Write[]): Promise<Outcome> {
    const turn = this.#last.then(() => this.#settle(base, writes));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #settle(base: Revision, writes: readonly Write[]): Promise<Outcome> {
    const id = this.#number + 1;
    const request = { client: this.#client, acked: this.#number, mutations: [{ id, base, whole: true, writes }] };
    try {
      const result = await this.#host.push(this.#space, { user: this.#user, request });
      const outcome = "refused" in result ? undefined : result.outcomes[0];
      if (outcome === undefined) throw again();
      this.#number = id;
      return outcome;
    } catch (error) {
      // Whether it was settled is not known: the next one comes from a client of which everything is.
      this.#client = randomName(this.#random);
      this.#number = 0;
      throw error;
    }
  }
}

/**
 * Writes on what is known of everything up to now, and resolves when this process knows of it, too. Throws where somebody
 * else was faster.
 */
export async function insert(tail: Tail, writer: Writer, collection: string, record: RecordData): Promise<void> {
  await tail.catchUp();
  const { status } = await writer.write(tail.revision, [{ op: "insert", collection, record }]);
  if (status !== "applied") throw again();
  await tail.catchUp();
}

export function again(): Problem {
  return new Problem("unavailable", "somebody else wrote this at the same moment: try again", { retryAfter: 1 });
}
