import { idFlaw } from "./names.ts";
import { atomOf, type Key, keyOf, type RecordData } from "./record.ts";
import type { Collection, Collections, ScopesOf } from "./schema.ts";

/** Scopes that come from another record (M8). */
export interface Inherit<R extends RecordData = RecordData> {
  /** The atom that holds the parent's id. */
  readonly atom: string;
  /** The parent's collection. */
  readonly from: string;
  /** The scopes of a record that names no parent. Absent: none. */
  readonly otherwise?: ScopesOf<R> | undefined;
}

/**
 * Puts a record into the scopes of another one, its parent (M8): a comment into those of its task, wherever that moves.
 *
 * @param atom holds the parent's id.
 * @param from the parent's collection, which may inherit itself, also from this one.
 * @param otherwise the scopes of a record that names no parent, as the root of a tree; none by default.
 * @example
 * const comments = collection({ scopes: inherit("taskId", "tasks") });
 * const folders = collection({ scopes: inherit("folderId", "folders", (r) => [`project/${r.project}`]) });
 */
export function inherit<R extends RecordData = RecordData>(
  atom: string,
  from: string,
  otherwise?: ScopesOf<R>,
): Inherit<R> {
  return Object.freeze({ atom, from, otherwise });
}

export function inheritanceOf({ scopes }: Collection): Inherit | null {
  return typeof scopes === "object" ? scopes : null;
}

/** The record that this one inherits from, whether it is there or not; null where it names none. */
export function parentOf(collection: Collection, data: RecordData): Key | null {
  const rule = inheritanceOf(collection);
  return rule === null ? null : parentNamed(rule, atomOf(data, rule.atom));
}

export function parentNamed({ from }: Inherit, id: unknown): Key | null {
  return idFlaw(id) === null ? keyOf(from, id as string) : null;
}

/** Who inherits from whom, by collection. */
export interface Heredity {
  /** Collections that others inherit from. */
  readonly parents: ReadonlySet<string>;
  /** Collections whose records may be their own ancestors. */
  readonly circular: ReadonlySet<string>;
}

const KNOWN = new WeakMap<Collections, Heredity>();

export function heredityOf(collections: Collections): Heredity {
  const known = KNOWN.get(collections);
  if (known !== undefined) return known;
  const parents = new Set<string>();
  const circular = new Set<string>();
  for (const [name, collection] of Object.entries(collections)) {
    const rule = inheritanceOf(collection);
    if (rule === null) continue;
    parents.add(rule.from);
    if (ancestry(collections, rule.from).includes(name)) circular.add(name);
  }
  const heredity = { parents, circular };
  KNOWN.set(collections, heredity);
  return heredity;
}

/** A collection, the one that it inherits from, and so on, each once. */
export function ancestry(collections: Collections, name: string): string[] {
  const line = new Set<string>();
  for (let at: string | undefined = name; at !== undefined && !line.has(at); ) {
    line.add(at);
    const collection: Collection | undefined = Object.hasOwn(collections, at) ? collections[at] : undefined;
    at = collection === undefined ? undefined : inheritanceOf(collection)?.from;
  }
  return [...line];
}

/** What is wrong with the collections' inheritance: each flaw with the collection that has it. */
export function inheritanceFlaws(collections: Collections): { readonly collection: string; readonly flaw: string }[] {
  return Object.entries(collections).flatMap(([collection, options]) => {
    const rule = inheritanceOf(options);
    const flaw = rule === null ? null : flawOf(collections, collection, rule);
    return flaw === null ? [] : [{ collection, flaw }];
  });
}

function flawOf(collections: Collections, name: string, { atom, from }: Inherit): string | null {
  if (!Object.hasOwn(collections, from)) return `expected a collection to inherit from: there is no ${from}`;
  const policy = collections[name]?.atoms?.[atom] ?? "server";
  if (policy !== "server" && policy !== "client")
    return `expected the policy "server" or "client" for ${atom}, which names the parent`;
  const line = ancestry(collections, name);
  const ends = line.some((each) => {
    const { scopes } = collections[each] as Collection;
    return typeof scopes !== "object" || scopes.otherwise !== undefined;
  });
  if (ends) return null;
  return `expected an end: ${[...line, inheritanceOf(collections[line.at(-1) as string] as Collection)?.from].join(
    " inherits from ",
  )}, so that no record is in a scope; give one of them scopes for records without a parent, as inherit("${atom}", "${from}", otherwise)`;
}
