import { must } from "../util/assert.ts";
import { canonical, frozen } from "../util/json.ts";
import type { ClientRow } from "./batch.ts";
import { verdictOf, type Writer } from "./conflict.ts";
import { Draft, type Held, type Net } from "./draft.ts";
import type { SaltedChange } from "./entry.ts";
import { Lineage, type Placed, placedOf, tooManyOf } from "./lineage.ts";
import { moved, presentIn, rescoped } from "./membership.ts";
import { type Mutation, type Outcome, type Superseded, targetOf, type Write } from "./mutation.ts";
import type { Rules } from "./push.ts";
import { type Key, keyOf, type Revision, type Stamp } from "./record.ts";
import { type Collection, collectionOf, type User } from "./schema.ts";
import {
  checkMove,
  checkRule,
  checkSchema,
  checkSize,
  checkTouch,
  guarded,
  type MayWrite,
  Rejected,
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
    const stamp = stampOf(mutation, sender, head + 1);
    const changed = [...drafts].map((draft) => changedBy(draft, stamp, rules));
    const lineage = new Lineage(
      working,
      changed.flatMap(({ placed }) => placed ?? []),
      rules,
    );
    const results = changed.flatMap((each) => finished(each, lineage, stamp, sender, rules) ?? []);
    const moving = movingOf(working, lineage, rules);
    const changes = results.flatMap(({ change }) => change ?? []);
    reviewed(changed, sender, rules);
    for (const { held } of results) working.putRow(held);
    for (const [key, scopes] of moving) {
      const held = must(working.row(key), "a descendant that moves is there");
      working.putRow({ ...held, scopes: rescoped(held.scopes, scopes, head + 1) ?? held.scopes });
    }
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
    if (mutation.lost !== undefined && draft.held?.erased !== undefined && draft.data === null) {
      // What was erased does not come back out of a history that a restore has lost (K2).
      superseded.push({ collection: name, id, atoms: namesOf(write), reason: "missing" });
      continue;
    }
    const writer = writerOf(write, mutation, sender.client);
    const verdict = verdictOf(write, draft, writer, collection, rules.limits.depth);
    if (verdict.does === "fail") throw new Rejected(verdict.code, verdict.reason, `${path}.record.${verdict.atom}`);
    if (verdict.does === "lose")
      superseded.push({ collection: name, id, atoms: verdict.atoms, reason: verdict.reason });
    else {
      const origins = write.origins ?? (mutation.origin && [mutation.origin]);
      draft.apply(verdict, sender.client.author, working.head.revision + 1, origins);
    }
    if (verdict.does === "update" && verdict.superseded.length > 0) {
      superseded.push({ collection: name, id, atoms: verdict.superseded, reason: "newer" });
    }
  }
  return { drafts: drafts.values(), superseded };
}

function namesOf(write: Write): string[] {
  return write.op === "delete" ? [] : Object.keys(write.record).filter((atom) => atom !== "id");
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

/** A draft with what the mutation did to it. */
interface Changed {
  readonly draft: Draft;
  readonly net: Net | null;
  /** Null: nothing that could move it. */
  readonly placed: Placed | null;
  readonly text: string | null;
  readonly stamps: ReadonlyMap<string, Stamp>;
}

function stampOf({ lost }: Mutation, { client: { author } }: Sender, revision: Revision): Stamp {
  return lost === undefined ? { revision, author } : { revision, author, lost };
}

/** What the mutation did to a record, checked by itself (W7). */
function changedBy(draft: Draft, stamp: Stamp, rules: Rules): Changed {
  const net = draft.net();
  const stamps = draft.stampsAfter(net, stamp);
  if (net === null) return { draft, net, placed: null, text: null, stamps };
  const { collection: name, data, path } = draft;
  const collection = configured(rules, name, path);
  const text = data === null ? null : canonical(frozen(data));
  if (data !== null && text !== null) {
    checkSize(text, stamps.size, rules.limits, path);
    checkSchema(name, collection, data, `${path}.record`);
  }
  return { draft, net, placed: placedOf(draft, collection, rules), text, stamps };
}

/** The record as the mutation leaves it, once all checks have passed (W11); null where there is nothing to write. */
function finished(
  { draft, net, placed, text, stamps }: Changed,
  lineage: Lineage,
  { revision, author }: Stamp,
  sender: Sender,
  rules: Rules,
): Result | null {
  const { held, collection, id, data, path } = draft;
  if (net === null || placed === null) {
    return held !== null && draft.confirms ? { held: { ...held, stamps }, change: null } : null;
  }
  const scopes = lineage.scopesOf(keyOf(collection, id));
  const before = held?.data ?? null;
  checkMove(before === null ? null : presentIn(draft.members), scopes, sender.may, path);
  checkRule(collection, configured(rules, collection, path), before, data, sender.user, path);
  const made = net.before === null || (net.after !== null && draft.remade);
  const created = made
    ? { created: revision, creator: author }
    : { created: held?.created ?? 0, creator: held?.creator ?? author };
  const members = moved(draft.members, scopes, revision);
  return {
    held: { collection, id, revision, ...created, text, data, stamps, parent: placed.parent, scopes: members },
    change: { change: changeOf(draft, net), salt: rules.salt() },
  };
}

/** The descendants that the mutation moves (M8). What was not loaded is noted, so that all is decided again. */
function movingOf(working: Working, lineage: Lineage, rules: Rules): ReadonlyMap<Key, ReadonlySet<string>> {
  const needed = lineage.families();
  if (needed.length === 0) return new Map();
  const most = rules.limits.descendants;
  const { families } = working.loaded;
  const loaded = needed.every((key) => families.get(key)?.loaded === true);
  // What was counted is true only until a mutation has changed something.
  const known = loaded || working.isUnchanged;
  const count = loaded ? lineage.tooMany(needed, most) : known ? tooManyOf(families, needed, most) : null;
  if (count !== null) throw tooMany(count, most);
  working.need(needed, loaded);
  return loaded ? lineage.moving() : new Map();
}

/** What concerns the space as a whole is asked last, since what it allows counts as done. */
function reviewed(changed: readonly Changed[], { user }: Sender, { review }: Rules): void {
  if (review === undefined) return;
  const proposals = changed
    .filter(({ net }) => net !== null)
    .map(({ draft: { collection, id, held, data } }) => ({ collection, id, before: held?.data ?? null, after: data }));
  if (proposals.length === 0) return;
  const answer = guarded("the rule of this space", "", () => review(proposals, user));
  if (answer !== true) throw new Rejected("rule", answer, changed[0]?.draft.path ?? "");
}

function tooMany(count: number, most: number): Rejected {
  const found = count >= 10 * most ? `${count} or more` : String(count);
  const detail = `${found} records inherit their scopes from here, and at most ${most} move at once: move them in parts`;
  return new Rejected("too-many-descendants", detail, "writes");
}

function changeOf(draft: Draft, net: Net): SaltedChange["change"] {
  const { collection, id } = draft;
  const { before, after, operators } = net;
  const origin = draft.originsOf(net);
  return {
    ...{ collection, id, before, after },
    ...(operators !== undefined && { operators }),
    ...(origin !== undefined && { origin }),
  };
}
