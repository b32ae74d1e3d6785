import type { Json } from "../util/json.ts";
import type { Chronicle } from "./chronicle.ts";
import { type Atoms, covers, type OracleCollections, same, scopesIn } from "./oracle.ts";
import type { Device, Issue } from "./simulated-device.ts";
import type { SimulatedServer } from "./simulated-server.ts";

/** At rest everybody holds the same: the store what its journal says (M6), each replica what its subscriptions hold (P1). */
export async function contentFlaws(
  server: SimulatedServer,
  devices: readonly Device[],
  collections: OracleCollections,
): Promise<string[]> {
  const { chronicle } = server;
  const { records, hashes } = await server.content();
  const flaws = differences("the store", records as Map<string, Atoms>, chronicle.records);
  for (const { revision, hash } of chronicle.entries) {
    if (hashes.has(revision) && hashes.get(revision) !== hash) flaws.push(`[M6] revision ${revision} has another hash`);
  }
  for (const device of devices) {
    const wishes = [...device.wishes.values()];
    const look = (key: string) => chronicle.records.get(key) ?? null;
    const expected = [...chronicle.records].filter(([key, atoms]) =>
      wishes.some((wish) => covers(scopesIn(collections, key, look), wish, key, atoms)),
    );
    flaws.push(...differences(device.name, await held(device, collections), new Map(expected)));
  }
  return flaws;
}

async function held(device: Device, collections: OracleCollections): Promise<Map<string, Atoms>> {
  const held = new Map<string, Atoms>();
  for (const collection of Object.keys(collections)) {
    for (const record of (await device.client?.query({ collection })) ?? [])
      held.set(`${collection}/${record.id}`, record);
  }
  return held;
}

function differences(who: string, held: ReadonlyMap<string, Atoms>, expected: ReadonlyMap<string, Atoms>): string[] {
  const flaws: string[] = [];
  for (const [key, atoms] of expected) {
    const mine = held.get(key);
    if (mine === undefined) flaws.push(`[P1] ${who} misses ${key}`);
    else if (!same(mine as Json, atoms as Json))
      flaws.push(`[P1] ${who} has ${JSON.stringify(mine)}, not ${JSON.stringify(atoms)}`);
  }
  for (const key of held.keys())
    if (!expected.has(key)) flaws.push(`[P1] ${who} has ${key}, which should not be there`);
  return flaws;
}

/** At rest every mutation that was made has come to something, and everybody was told the truth about it. */
export function fateFlaws(chronicle: Chronicle, devices: readonly Device[]): string[] {
  return devices.flatMap((device) => device.issues.flatMap((issue) => fateFlaw(chronicle, device, issue) ?? []));
}

function fateFlaw(chronicle: Chronicle, { name, shared }: Device, issue: Issue): string | null {
  const { tag, local, settled, told, forgotten, whole } = issue;
  const outcomes = chronicle.outcomesOf(tag);
  const statuses = new Set(outcomes.map(({ status }) => status));
  const there = chronicle.applied.has(tag);
  const flaw = (text: string) =>
    `${text}: ${name} ${JSON.stringify({ ...issue, told: [...told] })}, outcomes ${JSON.stringify(outcomes)}`;
  const effective = outcomes.filter(({ status }) => status === "applied" || (status === "superseded" && !whole));
  if (effective.length > 1 && !shared) return flaw("[R2] a mutation that was not lost was carried out again");
  if (there && !shared && whole && statuses.has("superseded")) return flaw("[W4] a part of a whole mutation applied");
  // Whoever was told that nothing of it applies is not to expect it in a restored server, either (R2).
  if (told.size > 0) return null;
  if (local && !forgotten && outcomes.length === 0) return flaw("[W10] a durable mutation has come to nothing");
  if (statuses.has("applied") && !there) return flaw("[W8] an applied mutation is not there");
  if (statuses.has("superseded") && !whole && !there)
    return flaw("[W1] the rest of a superseded mutation is not there");
  if (settled?.status === "applied" && !there && !forgotten) return flaw("[W8] an acknowledged write is gone");
  return null;
}
