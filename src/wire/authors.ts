import { type OriginOf, type Origins, originName, originNamed } from "../model/origin.ts";
import type { Revision } from "../model/record.ts";

/** Of one record of a line: the place of an author in the line's table, its revision, and the atoms; none: all others. */
type WireOrigin = readonly [author: number, revision: Revision, mutation: number, ...atoms: string[]];

/**
 * Who wrote what a line tells, for whom asks for `authors` and may (S24). `authors`: each a user, a client and, where it
 * is another server than the one that answers, the identity of its space. `by`: for each record or id of the line, in
 * order; empty where nothing is known.
 */
export interface Authored {
  readonly authors?: readonly (readonly [user: string, client: string, server?: string])[];
  readonly by?: readonly (readonly WireOrigin[])[];
}

export function authoredOf(records: readonly (Origins | undefined)[]): Required<Authored> {
  const numbers = new Map<string, number>();
  const by = records.map((origins) =>
    (origins ?? []).map((origin): WireOrigin => {
      const name = originName(origin);
      const number = numbers.get(name) ?? numbers.size;
      numbers.set(name, number);
      return [number, origin.revision, origin.mutation ?? 0, ...(origin.atoms ?? [])];
    }),
  );
  const authors = [...numbers.keys()].map((name): [string, string, string?] => {
    const { user, client, server } = originNamed(name, 0);
    return server === undefined ? [user, client] : [user, client, server];
  });
  return { authors, by };
}

/** Who wrote a record of a line; undefined where the line does not say. What makes no sense says nothing. */
export function originsAt({ authors, by }: Authored, place: number): Origins | undefined {
  const told = by?.[place];
  if (!Array.isArray(told) || !Array.isArray(authors)) return undefined;
  const origins = told.flatMap(([number, revision, mutation, ...atoms]: WireOrigin): OriginOf[] => {
    const author = authors[number];
    if (author === undefined || !author.every((part: unknown) => typeof part === "string")) return [];
    if (!Number.isSafeInteger(revision)) return [];
    const [user, client, server] = author;
    const from = { ...(server !== undefined && { server }), revision, user, client };
    return [{ ...from, ...(mutation > 0 && { mutation }), ...(atoms.length > 0 && { atoms }) }];
  });
  return origins.length === 0 ? undefined : origins;
}

/** What a line says of one of its records, for a line of that record alone. */
export function authoredAt({ authors, by }: Authored, place: number): Authored {
  const told = by?.[place];
  return authors === undefined || told === undefined ? {} : { authors, by: [told] };
}
