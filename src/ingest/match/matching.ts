import type { Accepted, Entities, EntityTask, Placement } from "../entities.ts";
import { INGEST, taskName } from "../names.ts";
import { type BlockKey, blocksOf, pairOf } from "./block.ts";
import { type Census, noCensus } from "./census.ts";
import type { Question } from "./cluster.ts";
import { Crosswalk, type Member } from "./crosswalk.ts";
import { type MatchDeclaration, type MatchRules, matchRules } from "./declaration.ts";
import { Golden } from "./golden.ts";
import { type Matched, matchBatch } from "./match.ts";
import { type MemberKey, prepare } from "./record.ts";
import type { SurviveRules } from "./survive.ts";

export interface MatchingOptions extends MatchDeclaration {
  /** What stands of each atom where several source records are one; by default the newest. */
  readonly survive?: SurviveRules;
  /** How telling the fields are, taken by `censusOf` from a set like this one. By default what their kinds say. */
  readonly census?: Census;
}

/** The step by which source records become records of a collection, with what a person needs to change its decisions. */
export interface Matching extends Entities {
  readonly rules: MatchRules;
  readonly survive: SurviveRules;
  /** Null: what the kinds of the fields say. */
  readonly census: Census | null;
}

/**
 * Finds source records that are the same thing, of all streams that fill the collection, and makes one record of them (I8).
 *
 * @example
 * clean(crm, { collection: "customers", match: matching({
 *   exact: ["email"],
 *   fields: { given: "name", family: "name", street: "street", zip: "postcode", born: "date", phone: "phone" },
 *   survive: { default: newest, email: trust("crm", "survey") },
 * }) })
 */
export function matching(options: MatchingOptions): Matching {
  const { survive = {}, census = null, ...declaration } = options;
  const rules = matchRules(declaration);
  const names = Object.entries(survive).map(([atom, { name }]) => [atom, name]);
  const version = JSON.stringify(["matching", rules, names, census]);
  return {
    version,
    rules,
    survive,
    census,
    async place(accepted, reader, task) {
      const crosswalk = new Crosswalk(task.collection, reader);
      const step = await crosswalk.open();
      const golden = new Golden(crosswalk, task.collection, survive, step);
      return await placed(accepted, task, rules, {
        crosswalk,
        golden,
        census: censusFor({ rules, census }, crosswalk.size + accepted.length),
      });
    },
    async entitiesOf(names, reader, task) {
      const of = new Map(names.map((name) => [memberKey(task, name), name]));
      const members = await new Crosswalk(task.collection, reader).members(of.keys());
      return new Map(members.map(({ key, entity }) => [of.get(key) as string, entity]));
    },
    async sourcesOf(id, reader, { collection, root }) {
      const [entity] = await new Crosswalk(collection, reader).entities([id]);
      const prefix = `${root.slice(INGEST.length)}`;
      return (entity?.members ?? []).flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
    },
  };
}

/** The census for a collection that has grown since: the more records there are, the likelier two are alike by chance. */
export function censusFor({ rules, census }: Pick<Matching, "rules" | "census">, records: number): Census {
  const known = census ?? noCensus(rules);
  return { ...known, records: Math.max(known.records, records) };
}

/** Whether a collection is matched, so that duplicates can be listed, merged and split. */
export function isMatching(entities: Entities | undefined): entities is Matching {
  return entities !== undefined && "rules" in entities && "survive" in entities;
}

interface Standing {
  readonly crosswalk: Crosswalk;
  readonly golden: Golden;
  readonly census: Census;
}

/** The key of a source record among those of all streams. */
export function memberKey(task: Pick<EntityTask, "source" | "stream">, name: string): MemberKey {
  return `${taskName(task.source, task.stream)}/${name}`;
}

async function placed(
  accepted: readonly Accepted[],
  task: EntityTask,
  rules: MatchRules,
  { crosswalk, golden, census }: Standing,
): Promise<Placement> {
  const names = new Map(accepted.map((each) => [memberKey(task, each.name), each.name]));
  const before = new Map((await crosswalk.members(names.keys())).map((member) => [member.key, member]));
  const batch = accepted.flatMap((each) => memberOf(each, task, rules, before) ?? []);
  const gone = [...before.values()].filter(({ key }) => !batch.some((member) => member.key === key));
  crosswalk.grow(batch.length - before.size);
  await reindex(crosswalk, rules, before.values(), batch);

  const near = await neighbours(crosswalk, rules, batch, gone);
  const touched = new Set([...before.values()].map(({ entity }) => entity));
  const entities = await golden.load(new Set([...near.values()].map(({ entity }) => entity).concat([...touched])));
  const keys = new Set([...near.keys(), ...batch.map(({ key }) => key)]);
  for (const { key } of gone) keys.delete(key);
  const together = entities.map(({ members }) => members.filter((key) => keys.has(key)));
  const all = new Map([...near, ...batch.map((member) => [member.key, member] as const)]);
  const matched = matchBatch(
    batch,
    {
      records: [...near.values()].filter(({ key }) => keys.has(key)),
      standing: { together, apart: apartOf([...all.values()]) },
      census,
    },
    rules,
  );
  await remake(matched, new Set(batch.map(({ key }) => key)), all, new Set(gone.map(({ entity }) => entity)), {
    crosswalk,
    golden,
    census,
  });
  for (const { key } of gone) crosswalk.put(crosswalk.names.member(key), null);
  for (const question of matched.ask) ask(crosswalk, question);
  const placements = new Map<string, string>();
  for (const { key, entity } of await crosswalk.members(batch.map(({ key }) => key)))
    placements.set(names.get(key) as string, entity);
  for (const { key, entity } of gone) placements.set(names.get(key) as string, entity);
  return {
    entities: placements,
    flaws: new Map(),
    changes: golden.changes((key) => names.get(key) ?? null),
    notes: crosswalk.written,
    expects: crosswalk.expects,
  };
}

function memberOf(
  { name, id, after, at }: Accepted,
  task: EntityTask,
  rules: MatchRules,
  before: ReadonlyMap<MemberKey, Member>,
): Member | null {
  if (after === null) return null;
  const key = memberKey(task, name);
  const record = { key, source: taskName(task.source, task.stream), at, value: after };
  const blocks = blocksOf(prepare(record, rules), rules);
  const known = before.get(key);
  const { entity = "", was = null, apart = [] } = known ?? {};
  return { ...record, entity, own: id, was, apart, blocks };
}

/** Writes in which blocks records are found now. */
async function reindex(
  crosswalk: Crosswalk,
  rules: MatchRules,
  before: Iterable<Member>,
  after: readonly Member[],
): Promise<void> {
  const wanted = new Map<BlockKey, { add: Set<MemberKey>; remove: Set<MemberKey> }>();
  const of = (block: BlockKey) => {
    const entry = wanted.get(block) ?? { add: new Set(), remove: new Set() };
    wanted.set(block, entry);
    return entry;
  };
  for (const { key, blocks } of before) for (const block of blocks) of(block).remove.add(key);
  for (const { key, blocks } of after) for (const block of blocks) of(block).add.add(key);
  for (const [block, members] of await crosswalk.blocks(wanted.keys())) {
    const { add, remove } = of(block);
    const next = new Set([...members.filter((key) => !remove.has(key)), ...add]);
    const limit = block.startsWith("=") ? next.size : rules.maxBlock + 1;
    const kept = [...next].slice(0, limit);
    if (kept.length === members.length && kept.every((key, i) => key === members[i])) continue;
    crosswalk.put(crosswalk.names.block(block), kept.length === 0 ? null : kept);
  }
}

/** The source records that share a block with the batch, and those that are one with them or with the batch. */
async function neighbours(
  crosswalk: Crosswalk,
  rules: MatchRules,
  batch: readonly Member[],
  gone: readonly Member[],
): Promise<Map<MemberKey, Member>> {
  const blocks = await crosswalk.blocks(batch.flatMap((member) => member.blocks));
  const small = [...blocks].filter(([key, members]) => key.startsWith("=") || members.length <= rules.maxBlock);
  const fresh = new Set(batch.map(({ key }) => key));
  const found = await crosswalk.members(small.flatMap(([, members]) => members.filter((key) => !fresh.has(key))));
  const concerned = [...found, ...batch, ...gone].flatMap(({ entity }) => (entity === "" ? [] : [entity]));
  const entities = await crosswalk.entities(concerned);
  const mates = await crosswalk.members(entities.flatMap(({ members }) => members.filter((key) => !fresh.has(key))));
  return new Map([...found, ...mates].map((member) => [member.key, member]));
}

function apartOf(members: readonly Member[]): Set<string> {
  return new Set(members.flatMap(({ key, apart }) => apart.map((other) => pairOf(key, other))));
}

/** Makes the records anew of the clusters that the batch is in, and of those that lost a source record. */
async function remake(
  { clusters }: Matched,
  fresh: ReadonlySet<MemberKey>,
  all: ReadonlyMap<MemberKey, Member>,
  shrunk: ReadonlySet<string>,
  { crosswalk, golden }: Standing,
): Promise<void> {
  const emptied = new Set(shrunk);
  for (const keys of clusters) {
    const members = keys.map((key) => all.get(key) as Member);
    for (const { entity } of members) emptied.delete(entity);
    if (!keys.some((key) => fresh.has(key)) && !members.some(({ entity }) => shrunk.has(entity))) continue;
    const former = await golden.load(new Set(members.flatMap(({ entity }) => (entity === "" ? [] : [entity]))));
    const [oldest] = [...former].sort((a, b) => a.since - b.since || (a.id < b.id ? -1 : 1));
    const first = members[0] as Member;
    const id = oldest?.id ?? (await golden.free(first.own, first.key));
    const now = members.map((member) => joined(member, id));
    for (const [i, member] of now.entries()) {
      if (fresh.has(member.key) || member !== members[i]) crosswalk.put(crosswalk.names.member(member.key), member);
    }
    for (const other of former) if (other.id !== id) golden.make(other.id, []);
    golden.make(id, now);
  }
  await golden.load(emptied);
  for (const id of emptied) golden.make(id, []);
}

/** A source record as part of an entity; what it was before is kept, so that a merge can be undone. */
export function joined(member: Member, entity: string): Member {
  if (member.entity === entity) return member;
  return { ...member, entity, was: member.entity === "" ? null : member.entity };
}

function ask(crosswalk: Crosswalk, question: Question): void {
  crosswalk.put(crosswalk.names.question(pairOf(question.a, question.b)), question);
}
