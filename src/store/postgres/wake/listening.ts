import { backoff } from "../../../util/backoff.ts";
import { systemClock } from "../../../util/clock.ts";
import { randomName, systemRandom } from "../../../util/random.ts";
import type { AdoptionHost } from "../../adopt.ts";
import type { Wake, WakeLink } from "./wake.ts";

/** Milliseconds between two attempts to hear again: while nothing is heard, servers look by themselves. */
const PAUSE = { first: 100, most: 5_000 };
/** Spaces that one message of a link is about at most. */
const SPACES = 1_000;
/** Milliseconds that a store which closes waits for its last word to go out. */
const LAST_WORD = 1_000;

const DEAF = "other servers' commits are not heard of, and looked for every few seconds; it is tried again";

export type StoreLog = AdoptionHost["log"];

export const noLog: StoreLog = { info: () => undefined, error: () => undefined };

/** Tells of commits, here at once and elsewhere by a `Wake`, and hears of those of others. */
export class Listening {
  /** Of this store, so that it does not hear itself. */
  readonly #name = randomName(systemRandom);
  #wake: Wake | null;
  readonly #spaces: () => Promise<readonly string[]>;
  readonly #log: StoreLog;
  readonly #listeners = new Set<(space: string) => void>();
  readonly #stop = new AbortController();
  /** Of which the others have not been told. */
  readonly #untold = new Set<string>();
  #link: WakeLink | null = null;
  #sending: Promise<void> | null = null;

  /** `spaces`: all that there are. Without a `wake` it speaks to nobody. */
  constructor(wake: Wake | null, spaces: () => Promise<readonly string[]>, log = noLog) {
    this.#wake = wake;
    this.#spaces = spaces;
    this.#log = log;
  }

  watch(listener: (space: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** That a commit was made here. What is told while a message is under way goes with the next one. */
  tell(space: string): void {
    this.#here(space);
    if (this.#wake === null) return;
    this.#untold.add(space);
    this.#send();
  }

  /** Resolves when it hears, or when that has failed; it is then tried again until it is closed. */
  async start(): Promise<void> {
    if (this.#wake === null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    void this.#keepListening(this.#wake, resolve);
    await promise;
  }

  async close(): Promise<void> {
    const sent = new AbortController();
    await Promise.race([this.#sending?.then(() => sent.abort()), systemClock.sleep(LAST_WORD, sent.signal)]);
    sent.abort();
    this.#stop.abort();
    this.#listeners.clear();
    this.#link?.close();
  }

  async #keepListening(wake: Wake, tried: () => void): Promise<void> {
    const { signal } = this.#stop;
    let deaf = false;
    let missed = false;
    const heard = () => {
      if (deaf) this.#log.info({ wake: wake.text }, "other servers' commits are heard of again");
      deaf = false;
      tried();
    };
    for (let attempt = 0; !signal.aborted; attempt++) {
      const since = systemClock.now();
      const cause = await this.#hearOnce(wake, missed, heard);
      if (cause !== null && !deaf && !signal.aborted) this.#log.error({ wake: wake.text, cause }, DEAF);
      tried();
      if (cause === null) return;
      deaf = true;
      missed = true;
      // Who is thrown out again and again at once comes back ever more slowly.
      if (systemClock.now() - since > PAUSE.most) attempt = 0;
      await systemClock.sleep(backoff(attempt, PAUSE, systemRandom), signal);
    }
  }

  /** Until the link is lost, or where there comes none; gives the cause, or null where there never will be one. */
  async #hearOnce(wake: Wake, missed: boolean, heard: () => void): Promise<string | null> {
    try {
      const link = await wake.connect((message) => this.#hear(message));
      if (link !== null) return await this.#hearOn(link, missed, heard);
      this.#wake = null;
      this.#untold.clear();
      this.#log.error({ wake: wake.text }, "there is none: servers look for each other's commits every few seconds");
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Until the link is lost; gives the cause. Whoever may have missed something is woken first. */
  async #hearOn(link: WakeLink, missed: boolean, heard: () => void): Promise<string> {
    try {
      if (this.#stop.signal.aborted) return "";
      this.#link = link;
      if (missed) for (const space of await this.#spaces()) this.#here(space);
      this.#send();
      heard();
      return await link.lost;
    } finally {
      this.#link = null;
      link.close();
    }
  }

  #here(space: string): void {
    for (const listener of this.#listeners) listener(space);
  }

  #hear(message: string): void {
    const [space = "", from] = message.split(" ");
    if (space !== "" && from !== this.#name) this.#here(space);
  }

  #send(): void {
    if (this.#link === null) return;
    this.#sending ??= this.#sendAll(this.#link).finally(() => {
      this.#sending = null;
    });
  }

  async #sendAll(link: WakeLink): Promise<void> {
    while (this.#untold.size > 0 && this.#link === link) {
      const spaces = [...this.#untold].slice(0, SPACES);
      for (const space of spaces) this.#untold.delete(space);
      try {
        await link.send(spaces.map((space) => `${space} ${this.#name}`));
      } catch {
        // The next link tells of them.
        for (const space of spaces) this.#untold.add(space);
        link.close();
        return;
      }
    }
  }
}
