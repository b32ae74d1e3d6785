import { noRoomText } from "../browser/no-room.ts";
import { StoreError } from "../store.ts";
import type { Answer, Ask, Desk } from "./messages.ts";

type Result<N extends keyof Desk> = Awaited<ReturnType<Desk[N]>>;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A worker that is asked, and what it has not answered yet. */
export class Remote {
  readonly #name: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #gone: StoreError | null = null;

  constructor(worker: Worker, name: string) {
    this.#name = name;
    this.#worker = worker;
    worker.onmessage = async ({ data }) => await this.#answered(data as Answer);
    worker.onerror = (event) => {
      event.preventDefault();
      this.end(`its worker has failed (${event.message || "it could not be loaded"})`);
    };
  }

  ask<N extends keyof Desk>(op: N, ...args: Parameters<Desk[N]>): Promise<Result<N>> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== null) return reject(this.#gone);
      const id = ++this.#last;
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
      this.#worker.postMessage({ id, op, args } satisfies Ask<N>);
    });
  }

  /**
   * Has the worker let go of everything, and asks it nothing more. A page that is being frozen cannot end its worker: that
   * is done when it goes on.
   */
  release(why: string): void {
    this.ask("close").catch(() => {});
    this.#refuse(why);
  }

  /** Ends the worker, whatever it is doing: SQLite undoes what was half written when the file is opened again. */
  end(why: string): void {
    this.#worker.terminate();
    this.#refuse(why);
  }

  #refuse(why: string): void {
    this.#gone ??= new StoreError("unavailable", `${this.#name} cannot be used: ${why}`);
    for (const { reject } of this.#waiting.values()) reject(this.#gone);
    this.#waiting.clear();
  }

  async #answered(answer: Answer): Promise<void> {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (!("error" in answer)) return waiting?.resolve(answer.value);
    const { failure, message } = answer.error;
    if (failure === null) return waiting?.reject(new Error(message));
    waiting?.reject(new StoreError(failure, failure === "full" ? await noRoomText(this.#name) : message));
  }
}
