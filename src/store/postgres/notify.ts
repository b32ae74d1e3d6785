import { backoff } from "../../util/backoff.ts";
import { systemClock } from "../../util/clock.ts";
import { randomName, systemRandom } from "../../util/random.ts";
import type { Place } from "./place.ts";
import { Session } from "./session.ts";
import { quoted } from "./tables.ts";

/** Milliseconds between two attempts to listen again: while nobody listens, servers look by themselves. */
const PAUSE = { first: 100, most: 5_000 };

/** Sends, with the commit, that there is news in a space, to all servers that listen. */
export async function announce(session: Session, space: string, { name }: Listening): Promise<void> {
  await session.query("SELECT pg_notify(current_schema(), $1)", [`${space} ${name}`]);
}

/** Hears of commits on a connection of its own. What is missed while that is lost is made good by waking everyone. */
export class Listening {
  /** Of this store, so that it does not tell twice of its own commits. */
  readonly name = randomName(systemRandom);
  readonly #place: Place;
  readonly #spaces: () => Promise<readonly string[]>;
  readonly #listeners = new Set<(space: string) => void>();
  readonly #stop = new AbortController();
  #session: Session | null = null;

  constructor(place: Place, spaces: () => Promise<readonly string[]>) {
    this.#place = place;
    this.#spaces = spaces;
  }

  watch(listener: (space: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(space: string): void {
    for (const listener of this.#listeners) listener(space);
  }

  /** Resolves when it hears; from then on it does so by itself until it is closed. */
  async start(): Promise<void> {
    const lost = await this.#listen();
    void this.#keepListening(lost);
  }

  close(): void {
    this.#stop.abort();
    this.#listeners.clear();
    this.#session?.close();
  }

  /** The promise in the answer resolves when the connection is lost. */
  async #listen(): Promise<{ lost: Promise<void> }> {
    const session = new Session(this.#place.driver, (payload) => this.#hear(payload));
    const lost = new Promise<void>((resolve) => session.onClose(resolve));
    this.#session = session;
    await session.query(`LISTEN ${quoted(this.#place.schema)}`);
    return { lost };
  }

  async #keepListening({ lost }: { lost: Promise<void> }): Promise<void> {
    await lost;
    const { signal } = this.#stop;
    for (let attempt = 0; !signal.aborted; attempt++) {
      await systemClock.sleep(backoff(attempt, PAUSE, systemRandom), signal);
      if (signal.aborted) return;
      try {
        const again = await this.#listen();
        for (const space of await this.#spaces()) this.tell(space);
        attempt = 0;
        await again.lost;
      } catch {
        this.#session?.close();
      }
    }
  }

  #hear(payload: string): void {
    const [space = "", from] = payload.split(" ");
    if (from !== this.name) this.tell(space);
  }
}
