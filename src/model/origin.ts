import { type Author, authorParts, type Origin, type RecordData, type Revision } from "./record.ts";

/** The origin of these atoms; without `atoms`, of all that no other one names, and of a deletion. */
export interface OriginOf extends Origin {
  readonly atoms?: readonly string[];
}

/** The origins of one record's change. What none of them is about has an origin that is not known. */
export type Origins = readonly OriginOf[];

/** Of an atom, or, as null, of the deletion. */
export function originIn(origins: Origins | undefined, atom: string | null): Origin | undefined {
  if (origins === undefined) return undefined;
  const found =
    (atom === null ? undefined : origins.find(({ atoms }) => atoms?.includes(atom))) ??
    origins.find(({ atoms }) => atoms === undefined);
  if (found === undefined) return undefined;
  const { atoms: _, ...origin } = found;
  return origin;
}

/** The origins of these atoms, each once: without names where all have one and the same. Undefined: none is known. */
export function originsOf(
  atoms: readonly (readonly [atom: string, origin: Origin | undefined])[],
): Origins | undefined {
  const groups = new Map<string, { readonly origin: Origin; readonly atoms: string[] }>();
  let known = 0;
  for (const [atom, origin] of atoms) {
    if (origin === undefined) continue;
    known++;
    const name = JSON.stringify([origin.server, origin.revision, origin.user, origin.client, origin.mutation]);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, { origin, atoms: [atom] });
    else group.atoms.push(atom);
  }
  if (groups.size === 0) return undefined;
  const all = [...groups.values()];
  if (all.length === 1 && known === atoms.length) return all.map(({ origin }) => origin);
  return all.map((group) => ({ ...group.origin, atoms: group.atoms }));
}

/** The origins of a record after a patch that brought `later`: also of the atoms that the patch removed. */
export function patchedOrigins(
  earlier: Origins | undefined,
  later: Origins | undefined,
  data: RecordData,
  patch: RecordData,
): Origins | undefined {
  const names = new Set([...Object.keys(data), ...Object.keys(patch)].filter((atom) => atom !== "id"));
  return originsOf([...names].map((atom) => [atom, originIn(Object.hasOwn(patch, atom) ? later : earlier, atom)]));
}

/** Those that name no server are of this one; where that is not known, they would seem to be of the server that keeps them. */
export function originsFrom(server: string | undefined, origins: Origins | undefined): Origins | undefined {
  return origins?.flatMap((origin) => {
    const from = origin.server ?? server;
    return from === undefined ? [] : [{ ...origin, server: from }];
  });
}

/** What was written under this author here, and came from nowhere else. */
export function ownOrigin(author: Author, revision: Revision, mutation?: number): Origin {
  return { revision, ...authorParts(author), ...(mutation !== undefined && mutation > 0 && { mutation }) };
}

/** Whom an origin names, as one text like an `Author`: user, client and server. */
export function originName({ user, client, server }: Origin): string {
  return `${user}\n${client}\n${server ?? ""}`;
}

export function originNamed(name: string, revision: Revision, mutation?: number): Origin {
  const [user = "", client = "", server = ""] = name.split("\n");
  const known = { ...(server !== "" && { server }), revision, user, client };
  return mutation === undefined ? known : { ...known, mutation };
}
