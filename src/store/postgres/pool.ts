import { StoreError } from "../store.ts";
import { LostConnection } from "./failure.ts";
import type { Place } from "./place.ts";
import { Session } from "./session.ts";

interface Waiter {
  resolve(session: Session): void;
  reject(error: unknown): void;
}

/** At most so many sessions, each lent to one transaction at a time. One that was lost is not lent again. */
export class Pool {
  readonly #place: Place;
  readonly #most: number;
  readonly #patience: number;
  readonly #free: Session[] = [];
  readonly #all = new Set<Session>();
  readonly #waiting: Waiter[] = [];
  #closed = false;

  /** `patience`: milliseconds that a transaction waits when all are busy. */
  constructor(place: Place, most: number, patience: number) {
    this.#place = place;
    this.#most = most;
    this.#patience = patience;
  }

  async take(): Promise<Session> {
    if (this.#closed) throw new StoreError("unavailable", "The store has been closed.");
    return this.#free.pop() ?? (this.#all.size < this.#most ? this.#open() : this.#wait());
  }

  give(session: Session): void {
    if (!session.open) return;
    const next = this.#waiting.shift();
    if (next !== undefined) next.resolve(session);
    else this.#free.push(session);
  }

  close(): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new LostConnection("the store was closed"));
    for (const session of [...this.#all]) session.close();
  }

  #open(): Session {
    const session = new Session(this.#place.driver);
    this.#all.add(session);
    session.onClose(() => this.#lost(session));
    return session;
  }

  #lost(session: Session): void {
    this.#all.delete(session);
    const at = this.#free.indexOf(session);
    if (at >= 0) this.#free.splice(at, 1);
    if (!this.#closed && this.#all.size < this.#most) this.#waiting.shift()?.resolve(this.#open());
  }

  #wait(): Promise<Session> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve(session) {
          clearTimeout(timer);
          resolve(session);
        },
        reject(error) {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        const text = `All ${this.#most} connections to ${this.#place.text} were busy for ${this.#patience / 1_000} seconds`;
        reject(new StoreError("unavailable", `${text}: try again, or give the store more \`connections\`.`));
      }, this.#patience);
      this.#waiting.push(waiter);
    });
  }
}
