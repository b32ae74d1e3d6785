import type { Batch, ClientRow, Loaded, OutcomeRow, Wanted } from "./batch.ts";
import { cursorRevision } from "./cursor.ts";
import { heredityOf, parentOf } from "./inherit.ts";
import { targetOf, type Write } from "./mutation.ts";
import { divergence, inheritedUpTo, introduced, knownOutcome, type Numbered, numbered, refusal } from "./outcome.ts";
import type { Push, PushRequest, PushResponse, PushResult, Refusal, Rules } from "./push.ts";
import { type Author, authorOf, type Key, keyOf, type Revision } from "./record.ts";
import { type Collections, collectionOf } from "./schema.ts";
import { type Sender, settle } from "./settle.ts";
import { recordTables } from "./tables.ts";
import { guarded } from "./validate.ts";
import { Working } from "./working.ts";

/** What one commit is to write, and the answers to its pushes, in their order. */
export interface Decision extends Batch {
  readonly results: readonly PushResult[];
}

/** A decision needs the descendants of records whose descendants were not loaded (M8): load them, and decide again. */
export class Lacking extends Error {
  override name = "Lacking";
  /** All of which this decision needs the descendants. */
  readonly families: ReadonlySet<Key>;
  constructor(families: ReadonlySet<Key>) {
    super("descendants have to be loaded");
    this.families = families;
  }
}

/**
 * What has to be loaded to decide these pushes.
 * - `lacking`: whose descendants an earlier attempt lacked; otherwise those are loaded of which it is likely that they move.
 */
export function wantedOf(
  pushes: readonly Push[],
  { collections, limits }: Pick<Rules, "collections" | "limits">,
  create: boolean,
  lacking: ReadonlySet<Key> | null = null,
): Wanted {
  const keys = new Set<Key>();
  const families = new Set<Key>(lacking);
  const { parents } = heredityOf(collections);
  const authors = new Set<Author>();
  const outcomes: { author: Author; from: number; to: number }[] = [];
  const hashes = new Set<Revision>();
  for (const { user, request } of pushes) {
    const author = authorOf(user.id, request.client);
    authors.add(author);
    const { mutations, was, cursor } = request;
    for (const { writes } of mutations) {
      for (const write of writes) {
        const { collection, id } = targetOf(write);
        const key = keyOf(collection, id);
        keys.add(key);
        if (parents.size === 0) continue;
        const parent = sentParent(write, collections);
        if (parent !== null) keys.add(parent);
        if (lacking === null && parents.has(collection) && (write.op !== "update" || parent !== null))
          families.add(key);
      }
    }
    if (mutations.length > 0) outcomes.push({ author, ...span(mutations) });
    if (was !== undefined) {
      const former = authorOf(user.id, was.client);
      authors.add(former);
      outcomes.push({ author: former, from: was.through, to: was.through });
    }
    const revision = cursor === undefined ? null : cursorRevision(cursor);
    if (revision !== null) hashes.add(revision);
  }
  return { keys, families: { of: families, most: limits.descendants }, authors, outcomes, hashes: [...hashes], create };
}

/** The parent that a write names; null where it names none. */
function sentParent(write: Write, collections: Collections): Key | null {
  const collection = collectionOf(collections, write.collection);
  return write.op === "delete" || collection === null ? null : parentOf(collection, write.record);
}

function span(mutations: PushRequest["mutations"]): { from: number; to: number } {
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const { id } of mutations) {
    from = Math.min(from, id);
    to = Math.max(to, id);
  }
  return { from, to };
}

/**
 * Turns pushes, one after the other, into what one commit writes: pure and synchronous. The result is the same however
 * pushes are grouped into batches. A push that is refused applies nothing, and leaves the others alone.
 *
 * @throws Lacking where too little was loaded.
 */
export function decide(loaded: Loaded, pushes: readonly Push[], rules: Rules): Decision {
  const working = new Working(loaded);
  for (const transaction of loaded.tables ?? []) recordTables(working, transaction, rules);
  const results = pushes.map((push) => decideOne(working, push, rules));
  if (working.lacking !== null) throw new Lacking(working.lacking);
  return { ...working.batch(), results };
}

function decideOne(working: Working, push: Push, rules: Rules): PushResult {
  const { user, request } = push;
  const author = authorOf(user.id, request.client);
  const before = working.client(author) ?? { author, last: 0, acked: 0, was: [], seen: rules.now };
  const list = admitted(working, request, before, rules);
  if ("refused" in list) return list;
  const client = introduced(before, request, formerOf(working, push), rules.now);
  const sender: Sender = { user, client, may: permissionOf(push, rules) };
  const outcomes: PushResponse["outcomes"][number][] = [];
  let last = client.last;
  for (const { mutation, content } of list) {
    const { id } = mutation;
    if (id <= last) {
      outcomes.push(knownOutcome(id, working.outcome(author, id), working.head.revision));
      continue;
    }
    const outcome = settle(working, mutation, sender, rules);
    working.putOutcome({ author, id, content, outcome, time: rules.now });
    outcomes.push(outcome);
    last = id;
  }
  working.putClient({ ...client, last });
  return { revision: working.head.revision, lastMutation: last, outcomes };
}

/** The mutations of a push in order, or why none of them applies (W6, W12, A8). */
function admitted(
  working: Working,
  request: PushRequest,
  client: ClientRow,
  rules: Rules,
): readonly Numbered[] | Refusal {
  const { mutations, acked = 0 } = request;
  const { last } = client;
  const { head } = working.loaded;
  const diverged = divergence(
    rules.space,
    request,
    working.head.revision,
    head,
    (revision) => working.hashOf(revision),
    last,
  );
  if (diverged !== null) return diverged;
  const known = new Map<number, OutcomeRow>();
  for (const { id } of mutations) {
    const row = working.outcome(client.author, id);
    if (row !== undefined) known.set(id, row);
  }
  const list = numbered(mutations, last, known);
  if ("refused" in list) return list;
  const next = Math.max(last, span(mutations).to);
  const unacked = next - Math.max(client.acked, Math.min(acked, last));
  if (next > last && unacked > rules.limits.unacked) {
    const detail = `a client has at most ${rules.limits.unacked} outcomes that it has not acknowledged; send acked first`;
    return refusal("rate-limited", detail, last, mutations[0]?.id);
  }
  return list;
}

/** The client that the sender was before, for the same principal, and up to which revision its writes count (W2). */
function formerOf(working: Working, { user, request }: Push): { row: ClientRow; revision: Revision } | null {
  if (request.was === undefined) return null;
  const author = authorOf(user.id, request.was.client);
  const row = working.client(author);
  if (row === null) return null;
  const { through } = request.was;
  const revision = inheritedUpTo(row, through, working.outcome(author, through), working.head.revision);
  return revision === null ? null : { row, revision };
}

/** Asks `authorize` once for each scope in a push (W11, A3). Anything but true is no. */
function permissionOf({ user }: Push, { authorize, space }: Rules): Sender["may"] {
  const answers = new Map<string, boolean>();
  return (scope) => {
    const known = answers.get(scope);
    if (known !== undefined) return known;
    const answer = guarded("authorize", "", () => authorize(user, { do: "write", space, scope })) === true;
    answers.set(scope, answer);
    return answer;
  };
}
