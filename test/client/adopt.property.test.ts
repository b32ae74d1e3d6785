import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countedIn } from "../../src/client/content.ts";
import { Emitter } from "../../src/client/events.ts";
import { exchange } from "../../src/client/exchange.ts";
import { Local } from "../../src/client/local.ts";
import { memoryStore } from "../../src/client/store/memory.ts";
import { sqliteStore } from "../../src/client/store/sqlite/index.ts";
import type { ClientStore } from "../../src/client/store/store.ts";
import { subscribed, unsubscribed } from "../../src/client/subscribe.ts";
import { virtualClock } from "../../src/testing/clock.ts";
import { seededRandom } from "../../src/testing/random.ts";
import type { Line } from "../../src/wire/lines.ts";
import { folderOf } from "../support/folder.ts";
import { begin, copy, delta, end } from "./support.ts";

/** A store in memory that takes no line over: each record of a copy becomes a row by itself. */
function rowByRow(): ClientStore {
  return { ...memoryStore(), spans: async () => [] };
}

const SCOPES = ["a", "b", "c"];
const IDS = Array.from({ length: 12 }, (_, i) => `r${String(i).padStart(2, "0")}`);

/** What the server does between two answers: which records come into a scope, change, or leave it. */
const steps = fc.array(
  fc.record({
    writes: fc.array(
      fc.record({ scope: fc.constantFrom(...SCOPES), id: fc.constantFrom(...IDS), leaves: fc.boolean() }),
      { maxLength: 12 },
    ),
    /** Written while the copies of the next answer are under way. */
    late: fc.array(
      fc.record({ scope: fc.constantFrom(...SCOPES), id: fc.constantFrom(...IDS), leaves: fc.boolean() }),
      {
        maxLength: 4,
      },
    ),
    /** Scopes that are subscribed, ended, or copied anew before the next answer. */
    toggles: fc.array(fc.constantFrom(...SCOPES), { maxLength: 2 }),
    again: fc.constantFrom(null, ...SCOPES),
    page: fc.integer({ min: 1, max: 5 }),
  }),
  { minLength: 1, maxLength: 5 },
);
type Step = (typeof steps extends fc.Arbitrary<infer T> ? T : never)[number];

/** What the server holds: by id, the version of each record and its scopes. */
class Server {
  revision = 0;
  readonly held = new Map<string, { at: number; scopes: Set<string> }>();
  readonly #log: { revision: number; scope: string; id: string }[] = [];

  write({ scope, id, leaves }: Step["writes"][number]): void {
    const record = this.held.get(id) ?? { at: 0, scopes: new Set() };
    this.revision++;
    record.at = this.revision;
    if (leaves) record.scopes.delete(scope);
    else record.scopes.add(scope);
    this.held.set(id, record);
    for (const each of [...record.scopes, scope]) this.#log.push({ revision: this.revision, scope: each, id });
  }

  records(scope: string) {
    const ids = IDS.filter((id) => this.held.get(id)?.scopes.has(scope));
    return ids.map((id) => ({ id, version: this.held.get(id)?.at ?? 0 }));
  }

  *copyOf(scope: string, page: number, at: number): Generator<Line> {
    yield copy(scope);
    const records = this.records(scope);
    for (let i = 0; i < records.length; i += page) {
      yield { op: "put", collection: "items", at, records: records.slice(i, i + page) } as Line;
      yield { op: "mark", key: scope, cursor: `${scope} mark ${at} ${i}` };
    }
  }

  *since(scope: string, revision: number): Generator<Line> {
    const ids = this.#log.filter((each) => each.scope === scope && each.revision > revision).map(({ id }) => id);
    for (const id of new Set(ids)) {
      const record = this.held.get(id);
      const present = record?.scopes.has(scope);
      const at = this.revision;
      if (present) yield { op: "put", collection: "items", at, records: [{ id, version: record?.at ?? 0 }] } as Line;
      else yield { op: "remove", collection: "items", at, ids: [id] };
    }
  }
}

/** A run of answers, given to one replica. */
async function run(store: ClientStore, all: readonly Step[]): Promise<object[]> {
  const server = new Server();
  const options = { store, clock: virtualClock(), random: seededRandom("adopt"), events: new Emitter(), space: "acme" };
  const { local } = await Local.open({ ...options, collections: {}, onSettled: () => {} });
  const states: object[] = [];
  for (const step of all) {
    for (const scope of step.toggles) {
      if (local.subscriptionOf(scope) !== undefined) await unsubscribed(local, scope);
      else await subscribed(local, { key: scope, scope, collections: null, where: null });
    }
    for (const write of step.writes) server.write(write);
    const since = server.revision;
    const asked = [...local.subscriptions.values()];
    const lines: Line[] = [begin(since)];
    const copied = asked.filter(({ key, cursor }) => cursor === null || key === step.again);
    for (const { key } of copied) lines.push(...server.copyOf(key, step.page, since));
    for (const write of step.late) server.write(write);
    for (const { key, revision } of asked) {
      const anew = copied.some((each) => each.key === key);
      lines.push(
        anew ? copy(key, "") : delta(key, revision ?? 0),
        ...server.since(key, anew ? since : (revision ?? 0)),
      );
    }
    const cursors = Object.fromEntries(asked.map(({ key }) => [key, { cursor: `${key} ${server.revision}` }]));
    lines.push(end(server.revision, cursors));
    await exchange(local, asked, received(lines));
    const rows = await store.scan(null, null, 999);
    const numbers = asked.map(({ number }) => number);
    const counted = await countedIn(local, numbers, { from: null, to: null });
    for (const { number, fingerprint } of local.subscriptions.values()) {
      if (fingerprint !== null) expect(fingerprint).toEqual(counted.get(number));
    }
    for (const { key, number } of asked) {
      const held = rows.filter(({ holders }) => holders.includes(number)).map(({ data }) => data);
      expect(held).toEqual(server.records(key));
    }
    states.push({ rows, counted: [...counted] });
  }
  await store.close();
  return states;
}

async function* received(lines: readonly Line[]) {
  for (const line of lines) yield { text: JSON.stringify(line), line };
}

describe("lines of a copy that are taken over as they came", () => {
  it("[P4] [P13] leave every replica with what it holds where each record is applied by itself", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const expected = await run(rowByRow(), all);
        expect(await run(memoryStore(), all)).toEqual(expected);
        expect(await run(sqliteStore({ path: join(folderOf(), "replica.db") }), all)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });
});
