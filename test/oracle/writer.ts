import type { Mutation, Outcome, Write } from "../../src/model/mutation.ts";
import type { Oracle } from "../../src/testing/oracle.ts";
import type { SeededRandom } from "../../src/testing/random.ts";
import { randomWrites } from "../../src/testing/workload.ts";
import type { PushResponse } from "../../src/wire/push.ts";
import type { Place } from "./place.ts";

const AUTHORS = ["ann", "bob", "cleo", "dan"];

/** Several clients that write, each with its numbers; what the server says of it is compared with the oracle at once. */
export class Writer {
  /** The last number of each author. */
  numbers = new Map<string, number>();
  private readonly oracle: Oracle;
  private readonly place: Place;
  private readonly workload: SeededRandom;
  private readonly count: (what: string) => void;
  private tag = 0;

  constructor(oracle: Oracle, place: Place, workload: SeededRandom, count: (what: string) => void) {
    this.oracle = oracle;
    this.place = place;
    this.workload = workload;
    this.count = count;
  }

  async push(): Promise<void> {
    const { workload } = this;
    const count = workload.chance(0.8) ? 1 : workload.between(2, 4);
    await this.send(
      workload.pick(AUTHORS),
      Array.from({ length: count }, () => this.mutation()),
    );
  }

  private async send(author: string, drafts: readonly Omit<Mutation, "id">[]): Promise<void> {
    const { oracle, numbers } = this;
    const acked = numbers.get(author) ?? 0;
    const mutations = drafts.map((draft, i) => ({ id: acked + i + 1, ...draft }));
    const last = acked + mutations.length;
    numbers.set(author, last);
    const response = await this.place.post("push", { client: author, acked, mutations });
    const answer = (await response.json()) as PushResponse;
    if (response.status !== 200) throw new Error(`a push was refused: ${JSON.stringify(answer)}`);
    if (answer.lastMutation !== last) throw new Error(`lastMutation is ${answer.lastMutation} after mutation ${last}`);
    for (const [i, mutation] of mutations.entries()) this.judge(author, mutation, answer.outcomes[i]);
    if (answer.revision !== oracle.head)
      throw new Error(`the head is ${answer.revision}, by the oracle ${oracle.head}`);
    this.count("pushes");
  }

  /** A new record far behind in key order, or the end of one: pages show it, and a moment later it is gone (P5). */
  async flash(): Promise<void> {
    const { workload, oracle } = this;
    const shown = [...oracle.view(oracle.head, { scope: "*" }).keys()].filter((key) => key.startsWith("tasks/z"));
    const key = shown.length > 0 && workload.chance(0.6) ? workload.pick(shown) : `tasks/z${this.tag++}`;
    const id = key.slice("tasks/".length);
    const record = { id, title: "a flash", status: "open", project: workload.pick(["p1", "p2"]), team: "red" };
    const write: Write = shown.includes(key)
      ? { op: "delete", collection: "tasks", id }
      : { op: "insert", collection: "tasks", record };
    await this.send(workload.pick(AUTHORS), [{ base: oracle.head, writes: [write] }]);
  }

  /** Somebody is erased: who is there, or who has gone (K2). */
  async erase(): Promise<void> {
    const { workload, oracle } = this;
    const keys = [
      ...oracle.view(workload.chance(0.7) ? oracle.head : workload.between(0, oracle.head), { scope: "*" }).keys(),
    ];
    if (keys.length === 0) return;
    const key = workload.pick(keys);
    const at = key.indexOf("/");
    const [collection, id] = [key.slice(0, at), key.slice(at + 1)];
    const response = await this.place.post("erase", { collection, id });
    const answer = (await response.json()) as { revision: number };
    if (response.status !== 200) throw new Error(`an erasure was refused: ${JSON.stringify(answer)}`);
    const there = oracle.record(oracle.head, key) !== null;
    oracle.erase(key, there || answer.revision > oracle.head);
    if (answer.revision !== oracle.head)
      throw new Error(`the head is ${answer.revision} after an erasure, by the oracle ${oracle.head}`);
    this.count(there ? "erased" : "erased after it was deleted");
  }

  private mutation(): Omit<Mutation, "id"> {
    const { workload, oracle } = this;
    const base = Math.max(0, oracle.head - (workload.chance(0.6) ? 0 : workload.below(12)));
    const known = workload.chance(0.5) ? base : oracle.head;
    const writes = randomWrites(workload, `w${this.tag}`, this.tag++, (key) => oracle.record(known, key));
    const own = writes.map((write) => (workload.chance(0.1) ? { ...write, base: workload.between(0, base) } : write));
    return { base, writes: own, ...(workload.chance(0.15) ? { whole: true } : {}) };
  }

  /** An outcome must be what the oracle's own application of the mutation gives (W1 to W5). */
  private judge(author: string, mutation: Mutation, outcome: Outcome | undefined): void {
    const before = this.oracle.head;
    const verdict = this.oracle.apply(author, mutation);
    const flaw = (text: string) => new Error(`${text}: ${JSON.stringify({ mutation, outcome, verdict })}`);
    if (outcome === undefined || outcome.id !== mutation.id) throw flaw("no outcome");
    if (outcome.status !== verdict.status) throw flaw("another status");
    if (outcome.revision !== this.oracle.head) throw flaw(`another revision than ${this.oracle.head}`);
    const listed = outcome.status === "superseded" ? outcome.superseded : [];
    const text = (key: string, atoms: readonly string[], reason: string) => `${key} ${[...atoms].sort()} ${reason}`;
    const server = listed.map((item) => text(`${item.collection}/${item.id}`, item.atoms, item.reason)).sort();
    const oracle = verdict.superseded.map((item) => text(item.key, item.atoms, item.reason)).sort();
    if (JSON.stringify(server) !== JSON.stringify(oracle)) throw flaw("other things superseded");
    this.count(verdict.status);
    if (this.oracle.head === before) this.count("without a revision");
  }
}
