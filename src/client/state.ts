import type { Filter } from "../model/filter.ts";
import type { Fingerprint } from "../model/fingerprint.ts";
import type { Mutation, Outcome, Write } from "../model/mutation.ts";
import type { Revision } from "../model/record.ts";
import { canonical, type Json } from "../util/json.ts";
import type { ClientStore } from "./store/store.ts";

/** What a client remembers besides records. Every object is replaced, never changed. */
export interface Meta {
  readonly space: string;
  /** The client id under which mutations are sent now. */
  readonly client: string;
  /** Whom the store belongs to, as the server names it; null before the first contact (C9). */
  readonly principal: string | null;
  /** The tidemark: all subscriptions that have been filled are complete to here. */
  readonly revision: Revision;
  /** The last number given to a mutation under `client`. */
  readonly issued: number;
  /** Outcomes up to this number are kept here durably. */
  readonly acked: number;
  /** The former client id, until the server has heard of it (W2). */
  readonly was: { readonly client: string; readonly through: number } | null;
  /**
   * A new client id is to be taken before anything new is sent (R3). Mutations up to `through` may have been settled
   * under the present one, and are sent again under it to learn their outcomes; null: the server has to be asked.
   */
  readonly renew: { readonly through: number | null } | null;
  readonly nextSubscription: number;
  /** Local numbers of mutations: the order in which they were made. */
  readonly nextSeq: number;
}

/** How far a copy has come (C15). `done` does not fall, and does not exceed `total`. */
export type CopyProgress = {
  /** Records that have arrived. */
  readonly done: number;
  /** Records that there are, as the server said when the copy began or went on; null: it could not say without counting. */
  readonly total: number | null;
};

/** A subscription and how far it is filled. It lives until it is unsubscribed, restarts included. */
export interface Subscription {
  readonly number: number;
  readonly key: string;
  readonly scope: string;
  readonly collections: readonly string[] | null;
  readonly where: Filter | null;
  /** What to ask with next; of a mark, where lines are staged; null: a copy. */
  readonly cursor: string | null;
  /** Complete to here; null: never filled. Kept while a new copy is under way, since the old content is still shown. */
  readonly revision: Revision | null;
  /** Lines of a broken answer are staged, and the cursor goes on behind them. */
  readonly staging: "copy" | "delta" | null;
  /** How far a copy that is staged has come. */
  readonly copied?: CopyProgress | null;
  /** Of the records that it holds, kept up with every change; null: of lines taken over as they came, not counted yet. */
  readonly fingerprint: Fingerprint | null;
  /** What is held may be wrong, whatever its revision: the next copy replaces it unseen. */
  readonly distrust: boolean;
  /** The server has refused it; it is asked for again when somebody asks (P10). */
  readonly revoked: boolean;
}

/** A mutation that the server has not settled, or whose revision has not arrived yet. */
export interface Pending {
  readonly seq: number;
  /** By what another tab asked for it, so that it is known again when the tab asks once more (C4). */
  readonly call?: string;
  /** Its number under the present client id; 0: none yet, as the id is about to change. */
  readonly number: number;
  readonly mutation: Omit<Mutation, "id">;
  readonly outcome: Outcome | null;
  /** The client id under which it was settled; null before. */
  readonly under: string | null;
  /** The base holds it already, though its outcome has not arrived. */
  readonly held: boolean;
  /** The server finds it malformed (W7): it is sent again without writes. */
  readonly refused: {
    readonly code: "invalid-record" | "too-large";
    readonly message: string;
    readonly path: string;
  } | null;
}

/** What a server has acknowledged is kept for a while, in case that it loses it (R2). */
export interface Settled {
  readonly seq: number;
  readonly call?: string;
  readonly client: string;
  readonly number: number;
  readonly mutation: Omit<Mutation, "id">;
  readonly outcome: Outcome;
  /** When its outcome was complete here, milliseconds since 1970. */
  readonly time: number;
}

/** A place in the history where this replica has been. */
export interface Past {
  readonly revision: Revision;
  readonly cursor: string;
}

export interface State {
  readonly meta: Meta | null;
  readonly subscriptions: readonly Subscription[];
  readonly pending: readonly Pending[];
  /** Newest first. */
  readonly known: readonly Past[];
}

export const META = "meta";
export const KNOWN = "known";
export const SETTLED = "settled/";

/** Padded, so that names sort as numbers do. */
export function subscriptionNote(number: number): string {
  return `subscription/${padded(number)}`;
}
export function pendingNote(seq: number): string {
  return `pending/${padded(seq)}`;
}
export function settledNote(seq: number): string {
  return `${SETTLED}${padded(seq)}`;
}

function padded(number: number): string {
  return String(number).padStart(16, "0");
}

/** The state as a note. All of it is JSON by its types. */
export function noteOf(state: Meta | Subscription | Pending | Settled | readonly Past[]): Json {
  return state as unknown as Json;
}

export async function loadState(store: ClientStore): Promise<State> {
  const one = async (name: string) => (await store.notes(name, 1))[0]?.[1] ?? null;
  const all = async (prefix: string) => (await store.notes(prefix)).map(([, value]) => value);
  return {
    meta: (await one(META)) as unknown as Meta | null,
    subscriptions: (await all("subscription/")) as unknown as Subscription[],
    pending: (await all("pending/")) as unknown as Pending[],
    known: ((await one(KNOWN)) ?? []) as unknown as Past[],
  };
}

export function sameCoverage(a: Subscription, b: Pick<Subscription, "scope" | "collections" | "where">): boolean {
  const text = ({ scope, collections, where }: typeof b) => canonical([scope, collections, where as Json]);
  return text(a) === text(b);
}

/** The mutation as it is sent. */
export function wireMutation({ number, mutation, refused }: Pending): Mutation {
  return { id: number, ...mutation, writes: refused === null ? mutation.writes : [] };
}

/** The same mutation with no base beyond a revision. */
export function withBaseAtMost(mutation: Omit<Mutation, "id">, most: Revision): Omit<Mutation, "id"> {
  const writes = mutation.writes.map((write): Write => {
    return write.base === undefined || write.base <= most ? write : { ...write, base: most };
  });
  return { ...mutation, base: Math.min(mutation.base, most), writes };
}
