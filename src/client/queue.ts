import type { Mutation, Outcome, Write } from "../model/mutation.ts";
import { type Key, keyParts, type RecordData } from "../model/record.ts";
import type { Collections } from "../model/schema.ts";
import type { Json } from "../util/json.ts";
import { checkSize } from "./draft.ts";
import { ClientError } from "./errors.ts";
import type { Local } from "./local.ts";
import { type Pending, SETTLED, type Settled } from "./state.ts";
import type { Row } from "./store/store.ts";
import { keyOfWrite } from "./view.ts";

/** A mutation that has been made: its two answers (C3). */
export interface Mutated {
  /** Resolves when it is durable on the device and shown; rejects, with nothing queued, where it cannot be. */
  readonly local: Promise<void>;
  /** Resolves with its outcome, when the server has answered and the replica has caught up with it. */
  readonly settled: Promise<Outcome>;
}

interface Waiting {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/** What a mutation is to do. */
export interface Draft {
  readonly writes: readonly Write[];
  readonly whole: boolean;
  /** The name by which a tab asks for it. */
  readonly call?: string;
  /** It was asked for before, of another leader; "kept": and was durable. */
  readonly again?: "sent" | "kept" | undefined;
}

/** Takes mutations in, makes them durable, and tells what became of them. */
export class Queue {
  readonly #waiting = new Map<number, Waiting>();

  mutate(local: Promise<Local>, collections: Collections, draft: Draft): Mutated {
    const waiting = Promise.withResolvers<Outcome>();
    const done = local.then((ready) => this.#enqueue(ready, collections, draft, waiting));
    done.catch((error: unknown) => waiting.reject(error));
    // An application that looks at neither promise has still been told, by the events.
    done.catch(() => {});
    waiting.promise.catch(() => {});
    return { local: done, settled: waiting.promise };
  }

  /** A mutation is over. */
  settled({ seq, mutation }: Pending, outcome: Outcome, local: Local): void {
    this.#waiting.get(seq)?.resolve(outcome);
    this.#waiting.delete(seq);
    if (outcome.status !== "applied") local.events.emit(outcome.status, { mutation, outcome });
  }

  /** Nobody will learn any more what became of these; they are still in the store. */
  close(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  async #enqueue(local: Local, collections: Collections, draft: Draft, waiting: Waiting): Promise<void> {
    const { writes, whole, call } = draft;
    await local.gate.exclusive(async () => {
      if (await this.#isKnown(local, draft, waiting)) return;
      const rows = await local.showBase({ mutation: { base: 0, writes } });
      const at = new Date(local.clock.now()).toISOString();
      const mutation: Omit<Mutation, "id"> = {
        ...based(local, collections, writes, rows),
        at,
        ...(whole && { whole }),
      };
      checkSize(mutation);
      const read = (key: Key) => shownOf(local, rows, key);
      for (const [key, data] of local.view.preview(mutation, read)) checkSchema(collections, key, data);
      const { meta } = local;
      // Under an id that is about to change, a number would be somebody else's.
      const number = meta.renew === null ? meta.issued + 1 : 0;
      const pending: Pending = {
        seq: meta.nextSeq,
        ...(call !== undefined && { call }),
        number,
        mutation,
        outcome: null,
        under: null,
        held: false,
        refused: null,
      };
      this.#waiting.set(pending.seq, waiting);
      try {
        const next = { nextSeq: meta.nextSeq + 1, ...(number > 0 && { issued: number }) };
        await local.commit({ meta: next, added: pending });
      } catch (error) {
        this.#waiting.delete(pending.seq);
        throw error;
      }
    });
  }

  /** Whether an earlier leader took it in: then it is waited for, or over already. */
  async #isKnown(local: Local, { call, again }: Draft, waiting: Waiting): Promise<boolean> {
    if (again === undefined) return false;
    const pending = [...local.pending.values()].find((each) => each.call === call);
    if (pending !== undefined) {
      this.#waiting.set(pending.seq, waiting);
      return true;
    }
    const settled = await settledAs(local, call);
    if (settled !== undefined) waiting.resolve(settled.outcome);
    else if (again === "kept") throw new ClientError("closed", "what became of this mutation is no longer known here");
    return settled !== undefined;
  }
}

async function settledAs(local: Local, call: string | undefined): Promise<Settled | undefined> {
  const settled = (await local.store.notes(SETTLED)).map(([, note]) => note as unknown as Settled);
  return settled.find((each) => each.call === call);
}

function shownOf(local: Local, rows: ReadonlyMap<Key, Row | undefined>, key: Key): RecordData | null {
  const over = local.view.over(key);
  return over === undefined ? (rows.get(key)?.data ?? null) : over;
}

/** The writes with what their writer knew: the revision of each record (W1), and the values where a policy is a function (W5). */
function based(
  local: Local,
  collections: Collections,
  writes: readonly Write[],
  rows: ReadonlyMap<Key, Row | undefined>,
): { base: number; writes: Write[] } {
  const bases = writes.map((write) => local.baseOf(rows.get(keyOfWrite(write))));
  const base = bases[0] ?? 0;
  const complete = writes.map((write, i): Write => {
    const own = bases[i] === base ? {} : { base: bases[i] };
    return { ...write, ...own, ...fromOf(local, collections, write, rows) };
  });
  return { base, writes: complete };
}

function fromOf(
  local: Local,
  collections: Collections,
  write: Write,
  rows: ReadonlyMap<Key, Row | undefined>,
): Pick<Write, "from"> {
  if (write.op !== "update" || !Object.hasOwn(collections, write.collection)) return {};
  const policies = collections[write.collection]?.atoms ?? {};
  const seen = shownOf(local, rows, keyOfWrite(write));
  const from: { [atom: string]: Json } = {};
  for (const atom of Object.keys(write.record)) {
    if (Object.hasOwn(policies, atom) && typeof policies[atom] === "function") from[atom] = seen?.[atom] ?? null;
  }
  return Object.keys(from).length > 0 ? { from } : {};
}

/** The record as a whole against its collection's schema, as the server will look at it (W7). */
function checkSchema(collections: Collections, key: Key, data: RecordData | null): void {
  const { collection } = keyParts(key);
  const schema = Object.hasOwn(collections, collection) ? collections[collection]?.schema : undefined;
  if (schema === undefined || data === null) return;
  const result = schema["~standard"].validate(data);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new ClientError("invalid", `the schema of ${collection} has to be synchronous`);
  }
  const issue = result.issues?.[0];
  if (issue === undefined) return;
  const steps = (issue.path ?? []).map((step) => `.${String(typeof step === "object" ? step.key : step)}`);
  throw new ClientError("invalid", issue.message, key + steps.join(""));
}
