import { Load, requestText } from "./load.ts";
import { record } from "./records.ts";
import { get } from "./wire.ts";

/** Seconds of one run. */
const WINDOW = 0.7;
/** Mutations that are made before a run, so that it measures the server: more than it can take in that time. */
const READY = 10_000;

let opened = 0;

interface Pushing {
  readonly url: string;
  /** Addresses of spaces, which the clients are dealt out to in turn. */
  readonly bases: readonly string[];
  readonly clients: number;
  /** Of a push; by default one. */
  readonly mutations?: number;
}

/** Clients that each push, wait until it is durable, and push again. */
export class Pushers {
  readonly #load: Load;
  readonly #bases: readonly string[];
  readonly #revisions: readonly number[];
  readonly #name: string;
  readonly #last: number[];
  readonly #ready: string[][];
  readonly #mutations: number;
  #made = 0;
  #sent = 0;

  private constructor(load: Load, { bases, clients, mutations = 1 }: Pushing, revisions: readonly number[]) {
    this.#load = load;
    this.#bases = bases;
    this.#revisions = revisions;
    this.#name = `pusher-${process.pid}-${opened++}`;
    this.#mutations = mutations;
    this.#last = new Array<number>(clients).fill(0);
    this.#ready = Array.from({ length: clients }, () => []);
  }

  static async open(pushing: Pushing): Promise<Pushers> {
    const revisions = await Promise.all(pushing.bases.map(revisionOf));
    return new Pushers(await Load.open(pushing.url, pushing.clients), pushing, revisions);
  }

  /** Mutations. */
  get sent(): number {
    return this.#sent;
  }

  /** Mutations a second, of one run. */
  async rate(): Promise<number> {
    for (const [client, ready] of this.#ready.entries()) {
      while (ready.length < READY / this.#mutations / this.#ready.length) ready.push(this.#request(client));
    }
    const pushes = await this.#load.rate(WINDOW, (client) => {
      this.#sent += this.#mutations;
      return this.#ready[client]?.shift() ?? this.#request(client);
    });
    return pushes * this.#mutations;
  }

  /** Throws where a push was answered and has no revision. */
  async close(): Promise<void> {
    this.#load.close();
    const sum = (revisions: readonly number[]) => revisions.reduce((all, one) => all + one, 0);
    const after = await Promise.all(this.#bases.map(revisionOf));
    if (sum(after) - sum(this.#revisions) !== this.#sent) throw new Error("a push was answered and has no revision");
  }

  #request(client: number): string {
    const acked = this.#last[client] as number;
    const place = client % this.#bases.length;
    const name = `${this.#name}-${client}`;
    const mutations = Array.from({ length: this.#mutations }, (_, i) => {
      const id = acked + i + 1;
      const insert = { op: "insert", collection: "tasks", record: { ...record(this.#made++), id: `${name}-${id}` } };
      return { id, base: this.#revisions[place], writes: [insert] };
    });
    this.#last[client] = acked + this.#mutations;
    return requestText("POST", `${this.#bases[place]}/push`, JSON.stringify({ client: name, acked, mutations }));
  }
}

/** 0 of a space that is not there yet. */
async function revisionOf(base: string): Promise<number> {
  return (await get<{ revision?: number }>(base)).revision ?? 0;
}
