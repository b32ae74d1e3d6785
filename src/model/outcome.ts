import type { ClientRow, Head, OutcomeRow } from "./batch.ts";
import { pointOf, readPoint } from "./cursor.ts";
import { GENESIS } from "./entry.ts";
import { contentOf, type Mutation, type Outcome } from "./mutation.ts";
import type { PushRequest, Refusal } from "./push.ts";
import type { Revision } from "./record.ts";

/** A mutation with the digest of its content; those up to the client's last are repetitions. */
export interface Numbered {
  readonly mutation: Mutation;
  readonly content: string;
}

/** The mutations of a push in their order, or why none of them applies (W6). */
export function numbered(
  mutations: readonly Mutation[],
  last: number,
  known: ReadonlyMap<number, OutcomeRow> | undefined,
): readonly Numbered[] | Refusal {
  const list: Numbered[] = [];
  const fresh = new Map<number, string>();
  for (const mutation of mutations) {
    const { id } = mutation;
    const content = contentOf(mutation);
    if (id > last + fresh.size + 1) {
      return refusal(
        "gap",
        `mutation ${id} came before ${last + fresh.size + 1}; send the missing ones first`,
        last,
        id,
      );
    }
    const first = fresh.get(id) ?? known?.get(id)?.content;
    if (first !== undefined && first !== content) {
      return refusal(
        "rewound",
        `mutation ${id} was settled with another content; take a new client id and send it under that`,
        last,
        id,
      );
    }
    if (id > last) fresh.set(id, content);
    list.push({ mutation, content });
  }
  return list;
}

/** The first outcome of a mutation that came before; `unknown` where it is kept no longer (W6). */
export function knownOutcome(id: number, row: OutcomeRow | undefined, head: Revision): Outcome {
  return row?.outcome ?? { id, status: "unknown", revision: head };
}

/** Whether the replica has what this server does not: a cursor of another history, or a base to come (W12). */
export function divergence(
  space: string,
  { cursor, mutations }: PushRequest,
  head: Revision,
  { horizon }: Head,
  hashOf: (revision: Revision) => string | undefined,
  last: number,
): Refusal | null {
  const refused = (what: string, id: number | undefined) =>
    refusal("diverged", `${what}; pull first, so that the replica learns what this server has`, last, id);
  if (cursor !== undefined) {
    const point = readPoint(space, cursor);
    if (point === null) return refused("the cursor is none of this space", mutations[0]?.id);
    const hash = point.revision === 0 ? GENESIS : hashOf(point.revision);
    const forgotten = hash === undefined && point.revision < horizon.tombstones;
    const shared = hash !== undefined && pointOf(point.revision, hash).hash === point.hash;
    if (!shared && !forgotten)
      return refused("the cursor is of a history that this server does not have", mutations[0]?.id);
  }
  for (const { id, base, writes } of mutations) {
    if (base > head || writes.some((write) => (write.base ?? 0) > head))
      return refused(`the base of mutation ${id} is beyond the head`, id);
  }
  return null;
}

/** The client's row with what a push says about the past: outcomes that arrived, and who it was before (W2). */
export function introduced(
  client: ClientRow,
  { acked = 0 }: PushRequest,
  former: { readonly row: ClientRow; readonly revision: Revision } | null,
  now: number,
): ClientRow {
  const was = former === null ? client.was : inherited(client, former.row, former.revision);
  return { ...client, acked: Math.max(client.acked, Math.min(acked, client.last)), was, seen: now };
}

/** Former clients that are remembered for one; of more only the newest count, so that a row stays small. */
const FORMER = 100;

function inherited(client: ClientRow, former: ClientRow, revision: Revision): ClientRow["was"] {
  const revisions = new Map(client.was.map((one) => [one.author, one.revision]));
  for (const one of [...former.was, { author: former.author, revision }]) {
    if (one.author !== client.author) revisions.set(one.author, Math.max(one.revision, revisions.get(one.author) ?? 0));
  }
  return [...revisions].map(([author, upTo]) => ({ author, revision: upTo })).slice(-FORMER);
}

/**
 * Up to which revision the writes of a former client are its successor's: as of mutation `through`. Null where that can
 * no longer be known. Of a client that has settled no more than `through`, everything is, up to the head.
 */
export function inheritedUpTo(
  former: ClientRow,
  through: number,
  outcome: OutcomeRow | undefined,
  head: Revision,
): Revision | null {
  return former.last <= through ? head : (outcome?.outcome.revision ?? null);
}

export function refusal(
  refused: Refusal["refused"],
  detail: string,
  lastMutation: number,
  id: number | undefined,
): Refusal {
  return id === undefined ? { refused, detail, lastMutation } : { refused, detail, lastMutation, id };
}
