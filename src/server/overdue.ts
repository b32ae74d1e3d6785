import { type ErasureOrder, StoreError } from "../store/store.ts";
import { backoff } from "../util/backoff.ts";
import { Problem } from "../wire/problem.ts";
import type { Core } from "./core.ts";
import { carryOut, type Erasing } from "./erase.ts";
import { erasureName, parsedErasure } from "./erasures.ts";
import { faultFields } from "./log.ts";

/** Milliseconds until orders that failed are tried again. */
const RETRIES = { first: 5_000, most: 300_000 };
const RETRY_AFTER = 30;

export type OverdueParts = Pick<Core, "clock" | "random" | "log" | "stopping"> & { readonly erasing: Erasing };

/**
 * Orders of erasure that this store has not carried out, since it was restored to a state from before, or the server died at
 * one (K5). A space with one that fails answers nothing until it is carried out; the others do (K9).
 */
export class Overdue {
  readonly #parts: OverdueParts;
  /** By space, what is told to whoever asks. */
  #stuck: ReadonlyMap<string, Problem> = new Map();
  #retrying: Promise<void> | null = null;

  constructor(parts: OverdueParts) {
    this.#parts = parts;
  }

  /**
   * Tries each order once, and goes on with those that fail. Gives how many were carried out.
   *
   * @throws StoreError where the orders cannot even be read.
   */
  async begin(): Promise<number> {
    const count = await this.#pass();
    if (this.#stuck.size > 0) this.#retrying ??= this.#retry();
    return count;
  }

  /** @throws Problem where a space waits for its orders. */
  check(space: string): void {
    const problem = this.#stuck.get(space);
    if (problem !== undefined) throw problem;
  }

  /** Resolves when nothing is tried any more. */
  async idle(): Promise<void> {
    await this.#retrying;
  }

  async #pass(): Promise<number> {
    const { erasing } = this.#parts;
    const { store } = erasing;
    // Whoever reads a folder that no server has open sees what is there.
    if (store.readonly === true) return 0;
    const stuck = new Map<string, Problem>();
    let count = 0;
    for (const order of await store.orders()) {
      try {
        if ((await store.head(order.space)) === null) continue;
        const known = await store.note(order.space, erasureName(order.order));
        if (known !== null && parsedErasure(known).done) continue;
        await carryOut(erasing, order);
        count++;
      } catch (error) {
        if (!stuck.has(order.space)) stuck.set(order.space, this.#told(order, error));
      }
    }
    this.#stuck = stuck;
    return count;
  }

  async #retry(): Promise<void> {
    const { clock, random, log, stopping } = this.#parts;
    for (let attempt = 0; this.#stuck.size > 0; attempt++) {
      await clock.sleep(backoff(attempt, RETRIES, random), stopping);
      if (stopping.aborted) return;
      const count = await this.#pass().catch((error: unknown) => {
        log.error(faultFields(error), "the orders of erasure could not be read");
        return 0;
      });
      if (count > 0) log.info({ orders: count }, "orders of erasure that had failed were carried out");
    }
  }

  #told({ order, space, collection, id }: ErasureOrder, error: unknown): Problem {
    const fields = { ...faultFields(error), space, order, collection, id };
    this.#parts.log.error(fields, "an order of erasure could not be carried out: its space is closed until it is");
    const why =
      error instanceof Problem || error instanceof StoreError ? error.message : "the cause stands in the server's log";
    const what = "it is tried again by itself, and the space answers when it is done; an operator takes the cause away";
    const detail = `the space waits for the order ${order} to erase a record, which could not be carried out: ${why}; ${what}`;
    return new Problem("unavailable", detail, { retryAfter: RETRY_AFTER });
  }
}
