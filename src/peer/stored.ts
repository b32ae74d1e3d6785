import { type Batch, NOTHING_WANTED, NOTHING_WRITTEN } from "../model/batch.ts";
import type { Collections } from "../model/schema.ts";
import type { LinkHost } from "../server/links.ts";
import { type LinkConfig, type LinkPlan, plansOf } from "../server/links-config.ts";
import { SCOPES_NOTE, scopesNote } from "../server/rescope.ts";
import type { Store } from "../store/store.ts";
import type { LinkAddition, RemovedData } from "../wire/links.ts";
import { IDENTITY } from "./identity.ts";
import { leaseName, placeName, rootOf, STORED, storedName, under } from "./names.ts";

/** Links that a space may have beside those of the configuration. */
const MOST = 1_000;

/** A link that was added to a running server: kept in the space's notes, without any secret (S13). */
export interface StoredLink {
  readonly config: LinkAddition;
  /** The space that it was added to, where that is another: here it brings accounts (U5). */
  readonly home?: string;
  /** It is being removed, and what becomes of its records; null: it is not. */
  readonly removing: RemovedData | null;
}

export async function storedLinks(store: Store, space: string): Promise<ReadonlyMap<string, StoredLink>> {
  const answer = await store.read(space, [{ kind: "notes-between", ...under(STORED), limit: MOST }]);
  return new Map(
    (answer?.results[0] ?? []).map(([name, text]) => [name.slice(STORED.length), JSON.parse(text) as StoredLink]),
  );
}

/** The link of this name, of the configuration or of the store; null: there is none. */
export async function planOf({ settings, store }: LinkHost, space: string, name: string): Promise<LinkPlan | null> {
  const configured = settings.links.get(space)?.find((plan) => plan.name === name);
  const stored = configured === undefined ? (await storedLinks(store, space)).get(name) : undefined;
  if (stored === undefined) return configured ?? null;
  return storedPlan(space, name, stored);
}

/** What a link that is kept in a space fills it with. */
export function storedPlan(
  space: string,
  name: string,
  { config, home = space }: Omit<StoredLink, "removing">,
): LinkPlan {
  const plan = plansOf(home, name, config as LinkConfig).find(([into]) => into === space);
  if (plan === undefined) throw new Error(`the link ${name} of ${home} brings nothing into ${space}`);
  return plan[1];
}

/** The names of all links into a space. */
export async function linkNames({ settings, store }: LinkHost, space: string): Promise<readonly string[]> {
  const configured = (settings.links.get(space) ?? []).map(({ name }) => name);
  return [...new Set([...configured, ...(await storedLinks(store, space)).keys()])];
}

/** Collections of a space that are tables of the database (section T): no link writes them. */
export function adoptedIn({ settings }: LinkHost, space: string): ReadonlySet<string> {
  return new Set(settings.adopt?.get(space)?.tables.map(({ collection }) => collection));
}

interface Keeping extends Omit<StoredLink, "removing"> {
  readonly collections: Collections;
  /** The identity that the space has, or has from now on. */
  readonly identity: string;
  /** What is kept of its registration, with the link or not at all. */
  readonly notes?: ReadonlyMap<string, string>;
}

/** Keeps a link; false where there is one of that name already, or the space has another identity by now. */
export async function keepLink(
  store: Store,
  space: string,
  { config, home, collections, identity, notes = new Map() }: Keeping,
): Promise<boolean> {
  const name = storedName(config.name);
  const wanted = { ...NOTHING_WANTED, notes: [name, IDENTITY, SCOPES_NOTE], create: true };
  const batch = await store.write(space, wanted, (loaded): Batch & { kept: boolean } => {
    const known = loaded.notes?.get(IDENTITY) ?? identity;
    if (loaded.notes?.has(name) === true || known !== identity) return { ...NOTHING_WRITTEN, kept: false };
    const link: StoredLink = { config, removing: null, ...(home !== undefined && { home }) };
    const written = new Map([...notes, [IDENTITY, identity], [name, JSON.stringify(link)]]);
    // A space that this made is of the `scopes` of today (C8).
    if (loaded.head.revision === 0 && !loaded.notes?.has(SCOPES_NOTE))
      written.set(SCOPES_NOTE, scopesNote(collections));
    return { ...NOTHING_WRITTEN, notes: written, kept: true };
  });
  return batch?.kept ?? false;
}

/**
 * From now on the link is being removed, by whoever holds its lease, which this takes for a holder: nobody who ran it
 * writes anything more. A link that no configuration names any longer is removed by what it left.
 */
export async function markRemoval(
  store: Store,
  space: string,
  link: string,
  data: RemovedData,
  lease: { readonly holder: string; readonly until: number },
): Promise<void> {
  const names = [storedName(link), placeName(link)];
  await store.write(space, { ...NOTHING_WANTED, notes: names }, (loaded): Batch => {
    const text = loaded.notes?.get(storedName(link));
    const direction = loaded.notes?.has(placeName(link)) ? ("both" as const) : ("pull" as const);
    const known =
      text === undefined ? { config: { name: link, url: "", direction } } : (JSON.parse(text) as StoredLink);
    const notes = new Map([
      [storedName(link), JSON.stringify({ ...known, removing: data } satisfies StoredLink)],
      [leaseName(link), JSON.stringify(lease)],
    ]);
    return { ...NOTHING_WRITTEN, notes };
  });
}

/** Whether there is anything that a link of this name left. */
export async function hasLeft(store: Store, space: string, link: string): Promise<boolean> {
  const answer = await store.read(space, [{ kind: "notes-between", ...under(rootOf(link)), limit: 1 }]);
  return (answer?.results[0].length ?? 0) > 0;
}
