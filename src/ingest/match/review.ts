import type { EntityReader, Placement } from "../entities.ts";
import { pairOf } from "./block.ts";
import type { Question } from "./cluster.ts";
import { Crosswalk, type Entity, type Member } from "./crosswalk.ts";
import { Golden } from "./golden.ts";
import { censusFor, joined, type Matching } from "./matching.ts";
import { type MemberKey, prepare } from "./record.ts";
import { type Evidence, Scorer } from "./score.ts";

/** What a person decides is written as what a run decides. `changed`: the records that it is about. */
export interface Decided extends Pick<Placement, "changes" | "notes" | "expects"> {
  readonly changed: readonly string[];
}

/** Two source records that may be the same, the records that they are part of now, and what speaks for it and against. */
export interface OpenQuestion extends Question {
  readonly entities: readonly [string, string];
  readonly evidence: readonly Evidence[];
}

/** A person asked for what cannot be: the message says why, and what can. */
export class ReviewError extends Error {
  override name = "ReviewError";
}

/**
 * The review list: pairs that a person is to decide, the likeliest first. They are compared anew, so that those that have
 * become one, were set apart, or are no longer alike, are not in it.
 */
export async function questions(
  collection: string,
  matching: Pick<Matching, "rules" | "census">,
  reader: EntityReader,
  limit = 1_000,
): Promise<OpenQuestion[]> {
  const { rules } = matching;
  const crosswalk = new Crosswalk(collection, reader);
  await crosswalk.open();
  const found = await reader.notesUnder(crosswalk.names.questions, limit);
  const all = found.map(([, text]) => JSON.parse(text) as Question);
  const members = await crosswalk.members(all.flatMap(({ a, b }) => [a, b]));
  const of = new Map(members.map((member) => [member.key, member]));
  const scorer = new Scorer(rules, censusFor(matching, crosswalk.size));
  const open = all.flatMap((question): OpenQuestion[] => {
    const [a, b] = [of.get(question.a), of.get(question.b)];
    if (a === undefined || b === undefined || a.entity === b.entity || a.apart.includes(b.key)) return [];
    const { score, evidence } = scorer.compare(prepare(a, rules), prepare(b, rules));
    if (score < rules.ask && !question.exact) return [];
    return [{ ...question, score, evidence, entities: [a.entity, b.entity] }];
  });
  return open.sort((x, y) => y.score - x.score || (x.a < y.a ? -1 : 1));
}

/** An entity with its source records; null: there is none of this id. */
export async function entityOf(
  collection: string,
  id: string,
  reader: EntityReader,
): Promise<{ readonly entity: Entity; readonly members: readonly Member[] } | null> {
  const crosswalk = new Crosswalk(collection, reader);
  const [entity] = await crosswalk.entities([id]);
  return entity === undefined ? null : { entity, members: await crosswalk.members(entity.members) };
}

/** Makes one record of several, in one revision: the first stays. Nothing undoes it but `split`. */
export async function merge(
  collection: string,
  ids: readonly string[],
  { survive }: Pick<Matching, "survive">,
  reader: EntityReader,
): Promise<Decided> {
  const { crosswalk, golden } = await opened(collection, survive, reader);
  const [first, ...others] = await named(golden, collection, ids);
  if (first === undefined || others.length === 0) throw new ReviewError("merge takes two different records or more");
  const members = await crosswalk.members([first, ...others].flatMap((entity) => entity.members));
  const keys = new Set(members.map(({ key }) => key));
  const now = members.map((member) => {
    const apart = member.apart.filter((key) => !keys.has(key));
    return { ...joined(member, first.id), apart };
  });
  for (const member of now) crosswalk.put(crosswalk.names.member(member.key), member);
  for (const { id } of others) golden.make(id, []);
  golden.make(first.id, now);
  return decided(crosswalk, golden, [first.id, ...others.map(({ id }) => id)]);
}

/**
 * Takes source records out of a record, in one revision, and keeps them apart from then on. Those that were one before a
 * merge are that again, under the id that they had. Without `keys`: all that came by merges, which undoes these.
 */
export async function split(
  collection: string,
  id: string,
  keys: readonly MemberKey[],
  { survive }: Pick<Matching, "survive">,
  reader: EntityReader,
): Promise<Decided> {
  const { crosswalk, golden } = await opened(collection, survive, reader);
  const [entity] = await named(golden, collection, [id]);
  if (entity === undefined) throw new ReviewError("split takes a record");
  const members = await crosswalk.members(entity.members);
  const stranger = keys.find((key) => !entity.members.includes(key));
  if (stranger !== undefined)
    throw new ReviewError(`${stranger} is no part of ${collection}/${id}: it has ${entity.members.join(", ")}`);
  const leaving = members.filter(({ key, was }) => (keys.length > 0 ? keys.includes(key) : was !== null && was !== id));
  if (leaving.length === 0)
    throw new ReviewError(`no merge made ${collection}/${id}: name the source records to take out`);
  if (leaving.length === members.length) throw new ReviewError(`nothing would be left of ${collection}/${id}`);

  const groups = new Map<string, Member[]>([[id, members.filter((member) => !leaving.includes(member))]]);
  for (const member of leaving) {
    const former = member.was ?? "";
    const group = former === "" ? `own ${member.key}` : `was ${former}`;
    groups.set(group, [...(groups.get(group) ?? []), member]);
  }
  const changed = [id];
  for (const [group, own] of groups) {
    const [first] = own as [Member];
    const target = group === id ? id : await golden.free(first.was ?? first.own, first.key);
    if (target !== id) changed.push(target);
    const outside = members.filter((member) => !own.includes(member)).map(({ key }) => key);
    const now = own.map((member) => ({
      ...member,
      entity: target,
      was: target === id ? member.was : null,
      apart: [...new Set([...member.apart, ...outside])].sort(),
    }));
    for (const member of now) {
      crosswalk.put(crosswalk.names.member(member.key), member);
      for (const other of outside) crosswalk.put(crosswalk.names.question(pairOf(member.key, other)), null);
    }
    golden.make(target, now);
  }
  return decided(crosswalk, golden, changed);
}

async function opened(collection: string, survive: Matching["survive"], reader: EntityReader) {
  const crosswalk = new Crosswalk(collection, reader);
  const step = await crosswalk.open();
  return { crosswalk, golden: new Golden(crosswalk, collection, survive, step) };
}

async function named(golden: Golden, collection: string, ids: readonly string[]): Promise<Entity[]> {
  const found = await golden.load(ids);
  const missing = ids.find((id) => !found.some((entity) => entity.id === id));
  if (missing !== undefined)
    throw new ReviewError(`${collection}/${missing} was not made of source records, or is not there`);
  return [...new Set(ids)].flatMap((id) => found.find((entity) => entity.id === id) ?? []);
}

function decided(crosswalk: Crosswalk, golden: Golden, changed: readonly string[]): Decided {
  return { changes: golden.changes(() => null), notes: crosswalk.written, expects: crosswalk.expects, changed };
}
