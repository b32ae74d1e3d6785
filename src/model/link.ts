import { type Json, type JsonObject, sameJson } from "../util/json.ts";
import type { Batch, Loaded } from "./batch.ts";
import type { Held } from "./draft.ts";
import { presentIn } from "./membership.ts";
import { type Mutation, type Outcome, type Rejection, targetOf, type Write } from "./mutation.ts";
import type { Origins } from "./origin.ts";
import type { Rules, SpaceReview } from "./push.ts";
import {
  type Author,
  atomOf,
  authorOf,
  authorParts,
  type Key,
  keyOf,
  keyParts,
  type RecordData,
  type Revision,
} from "./record.ts";
import { type Collection, type Collections, collectionOf, type User } from "./schema.ts";
import { type Sender, settle } from "./settle.ts";
import { Working } from "./working.ts";

const LINK = "link:";

/** The author of what a link brings: no principal, so that nobody can write in its name, and the link as its client. */
export function linkAuthor(name: string): Author {
  return authorOf("", LINK + name);
}

export function isOfLink(author: Author): boolean {
  const { user, client } = authorParts(author);
  return user === "" && client.startsWith(LINK);
}

/** What upstream has confirmed of a record, and what of it is still to be settled there (S2). */
export interface MirrorChange {
  readonly key: Key;
  /** As the mirror held it, and as it holds it now; null: not at all. */
  readonly before: RecordData | null;
  readonly after: RecordData | null;
  /** Writes to it that wait for their outcome: what they are about stays as it stands here. */
  readonly waiting: readonly Write[];
  /** Writes to it whose outcome has come: what they are about becomes what the mirror says. */
  readonly settled: readonly Write[];
  /** It is to become all that the mirror says, as it was set aside before (S6). */
  readonly whole: boolean;
  /** Scopes that it gets where its collection is not configured here (S6). */
  readonly scopes: readonly string[];
  /** Why it cannot be taken in whatever it holds; null: it can. */
  readonly barred: string | null;
  /** Who wrote it upstream, or further up; undefined: it is not known (S1). */
  readonly origins?: Origins | undefined;
}

/** What a link overwrote here that nobody upstream has been asked about: written here by somebody else. */
export interface Overwritten {
  readonly key: Key;
  readonly atoms: JsonObject;
  readonly author: Author;
}

export interface Followed {
  readonly batch: Batch;
  /** By record that is not as the mirror says, why it was refused here. */
  readonly refused: ReadonlyMap<Key, Rejection>;
  readonly overwritten: readonly Overwritten[];
}

/** What a link's revisions are decided by. */
export interface LinkRules {
  readonly author: Author;
  /** The revision of upstream that is brought: the origin of what is written, as the number of the entry (S14); 0: it has none. */
  readonly origin: Revision;
  /** The journal up to here has been queued for upstream; null: this link sends nothing. */
  readonly taken: Revision | null;
  /** The rule over the space as a whole, where it has one, and in whose name it is asked; each attempt begins it anew. */
  readonly rule?: {
    readonly user: User;
    begin(): { readonly review: SpaceReview; end(): void };
  };
}

/**
 * Makes the space what the mirror says (S1): at most one revision, in which upstream's value has priority for each atom that
 * has no write of ours on its way. What is equal already makes no change. A record that the schema refuses is left out.
 */
export function followMirror(
  loaded: Loaded,
  changes: readonly MirrorChange[],
  link: LinkRules,
  rules: Rules,
): Followed {
  const overwritten: Overwritten[] = [];
  const refused = new Map<Key, Rejection>();
  let writes: Write[] = [];
  const standing = new Working(loaded);
  for (const change of changes) {
    if (change.barred !== null) {
      refused.set(change.key, { code: "rule", message: change.barred, path: change.key });
      continue;
    }
    const { write, lost } = writeFor(change, standing.row(change.key), link);
    if (write !== null) writes.push(write);
    if (lost !== null) overwritten.push(lost);
  }
  const own = { ...rules, collections: taking(rules.collections, changes) };
  let batch = written(loaded, writes, link, own);
  if ("rejected" in batch) {
    writes = writes.filter((write) => {
      const alone = written(loaded, [write], link, own);
      if ("rejected" in alone) refused.set(keyOfTarget(write), alone.rejected);
      return !("rejected" in alone);
    });
    batch = written(loaded, writes, link, own);
  }
  // Records that are refused only together, as those that would be each other's ancestors.
  while ("rejected" in batch) {
    const { at, rejected } = culprit(writes, batch.rejected, (some) => written(loaded, some, link, own));
    const bad = writes[at] as Write;
    refused.set(keyOfTarget(bad), rejected);
    writes = writes.filter((write) => write !== bad);
    batch = written(loaded, writes, link, own);
  }
  return { batch, refused, overwritten: overwritten.filter(({ key }) => !refused.has(key)) };
}

/** The write at which writes that are good alone become too much: the last of the shortest run that is refused. */
function culprit(
  writes: readonly Write[],
  rejected: Rejection,
  attempt: (some: readonly Write[]) => Batch | { readonly rejected: Rejection },
): { readonly at: number; readonly rejected: Rejection } {
  let found = { at: writes.length - 1, rejected };
  let good = 1;
  while (good < found.at) {
    const count = Math.floor((good + found.at + 1) / 2);
    const answer = attempt(writes.slice(0, count));
    if ("rejected" in answer) found = { at: count - 1, rejected: answer.rejected };
    else good = count;
  }
  return found;
}

/** What has to be known to write these records, whatever becomes of them: as mutations that insert them. */
export function mutationOf(changes: readonly Pick<MirrorChange, "key" | "after">[]): Mutation {
  const writes = changes.map(({ key, after }): Write => {
    const { collection, id } = keyParts(key);
    return after === null ? { op: "delete", collection, id } : { op: "insert", collection, record: after };
  });
  return { id: 0, base: 0, writes };
}

function keyOfTarget(write: Write): Key {
  const { collection, id } = targetOf(write);
  return keyOf(collection, id);
}

/** Nothing that stands is newer than this: what upstream says is written over it. */
const NEWEST = Number.MAX_SAFE_INTEGER;

function written(
  loaded: Loaded,
  writes: readonly Write[],
  { author, origin, rule }: LinkRules,
  rules: Rules,
): Batch | { readonly rejected: Rejection } {
  const working = new Working(loaded);
  if (writes.length > 0) {
    const client = { author, last: 0, acked: 0, was: [], seen: rules.now };
    const sender: Sender = { user: rule?.user ?? { id: "" }, client, may: () => true };
    const begun = rule?.begin();
    let outcome: Outcome;
    try {
      const asked = begun === undefined ? rules : { ...rules, review: begun.review };
      outcome = settle(working, { id: origin, base: NEWEST, writes }, sender, asked);
    } finally {
      begun?.end();
    }
    if (working.lacking !== null) throw new LackingFamilies(working.lacking);
    if (outcome.status === "rejected") return { rejected: outcome };
  }
  return working.batch();
}

/** Descendants have to be loaded before it can be decided (M8). */
export class LackingFamilies extends Error {
  override name = "LackingFamilies";
  readonly families: ReadonlySet<Key>;
  constructor(families: ReadonlySet<Key>) {
    super("descendants have to be loaded");
    this.families = families;
  }
}

/** The write that brings a record to what the mirror says; null where it stays as it is. */
function writeFor(
  change: MirrorChange,
  held: Held | null,
  link: LinkRules,
): { readonly write: Write | null; readonly lost: Overwritten | null } {
  const { collection, id } = keyParts(change.key);
  const { after, origins } = change;
  const here = held?.data ?? null;
  const from = origins === undefined ? {} : { origins };
  const unsettled = unsettledOf(change, held, link);
  const kept = { write: null, lost: null };
  if (unsettled === "all") return kept;
  if (after === null) {
    if (here === null || unsettled.size > 0) return kept;
    return { write: { op: "delete", collection, id, ...from }, lost: lostOf(change, held, Object.keys(here)) };
  }
  if (here === null) return { write: { op: "insert", collection, record: after, ...from }, lost: null };
  const atoms: { [atom: string]: Json } = {};
  for (const atom of concerned(change, here, after)) {
    if (!unsettled.has(atom) && !sameJson(atomOf(here, atom), atomOf(after, atom))) atoms[atom] = atomOf(after, atom);
  }
  if (Object.keys(atoms).length === 0) return kept;
  const record = { ...atoms, id } as RecordData;
  return { write: { op: "update", collection, record, ...from }, lost: lostOf(change, held, Object.keys(atoms)) };
}

/** The atoms that may have to change: those that the mirror changed, and those of which an outcome has come. */
function concerned({ before, settled, whole }: MirrorChange, here: RecordData, after: RecordData): Set<string> {
  const all = () => new Set([...Object.keys(here), ...Object.keys(after)].filter((atom) => atom !== "id"));
  if (whole || before === null || settled.some(({ op }) => op !== "update")) return all();
  const names = new Set([...Object.keys(before), ...Object.keys(after)].filter((atom) => atom !== "id"));
  const changed = new Set([...names].filter((atom) => !sameJson(atomOf(before, atom), atomOf(after, atom))));
  for (const write of settled) for (const atom of atomsOf(write)) changed.add(atom);
  return changed;
}

function atomsOf(write: Write): string[] {
  return write.op === "delete" ? [] : Object.keys(write.record).filter((atom) => atom !== "id");
}

/** The atoms with a write of ours that upstream has not settled; "all": the record itself was made or deleted here. */
function unsettledOf(
  { before, waiting, whole }: MirrorChange,
  held: Held | null,
  { taken }: LinkRules,
): "all" | ReadonlySet<string> {
  const atoms = new Set<string>();
  for (const write of waiting) {
    if (write.op !== "update") return "all";
    for (const atom of atomsOf(write)) atoms.add(atom);
  }
  if (taken === null || held === null) return atoms;
  if (held.data === null) return before !== null && !whole && held.revision > taken ? "all" : atoms;
  if (held.created > taken && !isOfLink(held.creator)) return "all";
  for (const [atom, { revision, author }] of held.stamps) {
    if (revision > taken && !isOfLink(author)) atoms.add(atom);
  }
  return atoms;
}

/** What somebody wrote here and the link overwrites, where no outcome tells it. */
function lostOf(
  { key, before, settled }: MirrorChange,
  held: Held | null,
  names: readonly string[],
): Overwritten | null {
  if (settled.length > 0 || held === null || held.data === null) return null;
  const lost: { [atom: string]: Json } = {};
  let author: Author | null = null;
  for (const atom of names) {
    const stamp = held.stamps.get(atom);
    if (atom === "id" || stamp === undefined || isOfLink(stamp.author)) continue;
    const value = atomOf(held.data, atom);
    if (before !== null && sameJson(value, atomOf(before, atom))) continue;
    lost[atom] = value;
    author = stamp.author;
  }
  return author === null ? null : { key, atoms: lost, author };
}

/**
 * The collections as a link writes to them: the schema is asked; write rules, which are for users, and policies, which are
 * upstream's to apply, are not. One that is not configured here is stored as it comes.
 */
function taking(collections: Collections, changes: readonly MirrorChange[]): Collections {
  const own: { [name: string]: Collection } = {};
  for (const [name, { schema, scopes }] of Object.entries(collections)) own[name] = { schema, scopes };
  const scopes = new Map(changes.map((change) => [change.key, change.scopes]));
  for (const { key } of changes) {
    const { collection } = keyParts(key);
    if (Object.hasOwn(own, collection)) continue;
    const known = collectionOf(collections, collection) !== null;
    own[collection] = known ? {} : { scopes: ({ id }) => scopes.get(keyOf(collection, id)) ?? [] };
  }
  return own;
}

/** The writes by which an entry of the journal goes upstream, operators as operators (S2). */
export function writesOf(
  changes: readonly {
    readonly collection: string;
    readonly id: string;
    readonly before: JsonObject | null;
    readonly after: JsonObject | null;
    readonly operators?: JsonObject | undefined;
  }[],
  collections: Collections,
): Write[] {
  return changes.map(({ collection, id, before, after, operators }): Write => {
    if (after === null) return { op: "delete", collection, id };
    const record = { ...after, ...operators, id } as RecordData;
    if (before === null) return { op: "insert", collection, record };
    const policies = collectionOf(collections, collection)?.atoms ?? {};
    const asked = Object.keys(after).filter(
      (atom) => Object.hasOwn(policies, atom) && typeof policies[atom] === "function",
    );
    const from = Object.fromEntries(asked.map((atom) => [atom, before[atom] ?? null]));
    return { op: "update", collection, record, ...(asked.length > 0 && { from }) };
  });
}

/** Whether a record is, or was until after a revision, in one of these scopes or patterns. */
export function isWithin(scopes: Pick<Held, "scopes">["scopes"], linked: readonly string[], after: Revision): boolean {
  const present = presentIn(scopes);
  return [...scopes].some(
    ([scope, { revision }]) => (present.has(scope) || revision > after) && linked.some((name) => covers(name, scope)),
  );
}

/** Whether a scope or pattern covers another. */
export function covers(pattern: string, scope: string): boolean {
  if (pattern === scope || pattern === "*") return true;
  return pattern.endsWith("*") && scope.startsWith(pattern.slice(0, -1));
}
