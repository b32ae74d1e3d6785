import { canonical, frozen } from "../util/json.ts";
import type { ClientRow } from "./batch.ts";
import { verdictOf, type Writer } from "./conflict.ts";
import { Draft, type Held, type Net } from "./draft.ts";
import type { SaltedChange } from "./entry.ts";
import { moved, presentIn } from "./membership.ts";
import { type Mutation, type Outcome, type Superseded, targetOf, type Write } from "./mutation.ts";
import type { Rules } from "./push.ts";
import { type Key, keyOf, type RecordData, type Revision, type Stamp } from "./record.ts";
import { type Collection, collectionOf, type User } from "./schema.ts";
import {
  checkMove,
  checkRule,
  checkSchema,
  checkSize,
  checkTouch,
  type MayWrite,
  Rejected,
  scopesOf,
} from "./validate.ts";
import type { Working } from "./working.ts";

/** Who sends a mutation. */
export interface Sender {
  readonly user: User;
  readonly client: ClientRow;
  readonly may: MayWrite;
}

/** A record as the mutation leaves it, with its change where there is one. */
interface Result {
  readonly held: Held;
  readonly change: SaltedChange | null;
}

/** Settles one mutation that was not settled before: all of it that holds applies as one revision, or nothing does. */
export function settle(working: Working, mutation: Mutation, sender: Sender, rules: Rules): Outcome {
  const { id } = mutation;
  const { revision: head } = working.head;
  try {
    const refusal = rules.refusal?.(sender.client.author, id);
    if (refusal) throw new Rejected(refusal.code, refusal.message, refusal.path);
    const { drafts, superseded } = drafted(working, mutation, sender, rules);
    if (superseded.length > 0 && mutation.whole) return { id, status: "superseded", revision: head, superseded };
    const results: Result[] = [];
    for (const draft of drafts) {
      const result = finished(draft, mutation, sender, head + 1, rules);
      if (result !== null) results.push(result);
    }
    const changes = results.flatMap(({ change }) => change ?? []);
    for (const { held } of results) working.putRow(held);
    if (changes.length > 0) working.append(sender.client.author, id, rules.now, changes);
    const revision = working.head.revision;
    return superseded.length > 0
      ? { id, status: "superseded", revision, superseded }
      : { id, status: "applied", revision };
  } catch (error) {
    if (error instanceof Rejected) return { id, status: "rejected", revision: head, ...error.rejection };
    throw error;
  }
}

/** The mutation's writes, one after the other, on copies of the records that they are about. */
function drafted(
  working: Working,
  mutation: Mutation,
  sender: Sender,
  rules: Rules,
): { drafts: Iterable<Draft>; superseded: Superseded[] } {
  const drafts = new Map<Key, Draft>();
  const superseded: Superseded[] = [];
  for (const [i, write] of mutation.writes.entries()) {
    const { collection: name, id } = targetOf(write);
    const path = `writes[${i}]`;
    const collection = configured(rules, name, path);
    const key = keyOf(name, id);
    const draft = drafts.get(key) ?? opened(working, name, id, sender, path);
    drafts.set(key, draft);
    draft.path = path;
    const writer = writerOf(write, mutation, sender.client);
    const verdict = verdictOf(write, draft, writer, collection, rules.limits.depth);
    if (verdict.does === "fail") throw new Rejected(verdict.code, verdict.reason, `${path}.record.${verdict.atom}`);
    if (verdict.does === "lose")
      superseded.push({ collection: name, id, atoms: verdict.atoms, reason: verdict.reason });
    else draft.apply(verdict, sender.client.author, working.head.revision + 1);
    if (verdict.does === "update" && verdict.superseded.length > 0) {
      superseded.push({ collection: name, id, atoms: verdict.superseded, reason: "newer" });
    }
  }
  return { drafts: drafts.values(), superseded };
}

function configured(rules: Rules, name: string, path: string): Collection {
  const collection = collectionOf(rules.collections, name);
  if (collection !== null) return collection;
  throw new Rejected(
    "unknown-collection",
    `the collection ${name} is not configured on this server`,
    `${path}.collection`,
  );
}

function opened(working: Working, collection: string, id: string, { may }: Sender, path: string): Draft {
  const held = working.row(keyOf(collection, id));
  if (held !== null && held.data !== null) checkTouch(presentIn(held.scopes), may, path);
  return new Draft(collection, id, held, path);
}

function writerOf(write: Write, mutation: Mutation, client: ClientRow): Writer {
  return {
    base: write.base ?? mutation.base,
    lost: mutation.lost,
    owns: (author, revision) =>
      author === client.author || client.was.some((former) => former.author === author && revision <= former.revision),
  };
}

/** The record as the mutation leaves it, once all checks have passed (W7, W11); null where there is nothing to write. */
function finished(draft: Draft, mutation: Mutation, sender: Sender, revision: Revision, rules: Rules): Result | null {
  const { author } = sender.client;
  const stamp: Stamp = mutation.lost === undefined ? { revision, author } : { revision, author, lost: mutation.lost };
  const net = draft.net();
  const { held } = draft;
  if (net === null) {
    return held !== null && draft.confirms
      ? { held: { ...held, stamps: draft.stampsAfter(null, stamp) }, change: null }
      : null;
  }
  const { collection, id, data } = draft;
  const text = data === null ? null : canonical(frozen(data));
  const stamps = draft.stampsAfter(net, stamp);
  const scopes = checked(draft, data, text, stamps.size, sender, rules);
  const made = net.before === null || (net.after !== null && draft.remade);
  const created = made
    ? { created: revision, creator: author }
    : { created: held?.created ?? 0, creator: held?.creator ?? author };
  const members = moved(draft.members, scopes, revision);
  return {
    held: { collection, id, revision, ...created, text, data, stamps, scopes: members },
    change: { change: changeOf(draft, net), salt: rules.salt() },
  };
}

/** The scopes of the record as it is to be; null: it is deleted. */
function checked(
  draft: Draft,
  data: RecordData | null,
  text: string | null,
  atoms: number,
  sender: Sender,
  rules: Rules,
): ReadonlySet<string> | null {
  const { collection: name, path, held } = draft;
  const collection = configured(rules, name, path);
  const before = held?.data ?? null;
  let scopes: ReadonlySet<string> | null = null;
  if (data !== null && text !== null) {
    checkSize(text, atoms, rules.limits, path);
    checkSchema(name, collection, data, `${path}.record`);
    scopes = scopesOf(name, collection, data, rules.limits, path);
  }
  checkMove(before === null ? null : presentIn(draft.members), scopes, sender.may, path);
  checkRule(name, collection, before, data, sender.user, path);
  return scopes;
}

function changeOf({ collection, id }: Draft, { before, after, operators }: Net): SaltedChange["change"] {
  return operators === undefined ? { collection, id, before, after } : { collection, id, before, after, operators };
}
