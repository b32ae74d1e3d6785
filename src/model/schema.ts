import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Json } from "../util/json.ts";
import type { Inherit } from "./inherit.ts";
import type { RecordData } from "./record.ts";

/** How two writes to one atom come together (W5). A function gets the writer's base value, the server's, the writer's. */
export type Policy = "server" | "client" | "sum" | "set" | ((base: Json, server: Json, client: Json) => Json);

/** Whoever asks: the principal that authentication named. */
export interface User {
  readonly id: string;
  /** Claims or whatever else `authenticate` gave; opaque to Tidemark. */
  readonly claims?: unknown;
  /** Milliseconds since 1970 at which what was shown of it ends, a token for one: so do its live connections (L4). */
  readonly expires?: number;
}

export type ScopesOf<R extends RecordData = RecordData> = (record: R) => readonly string[];

/**
 * One collection, as server and client both know it. All functions are synchronous and pure; one that throws makes the
 * mutation `rejected`.
 */
export interface Collection<R extends RecordData = RecordData> {
  /** Any Standard Schema; it checks the record as a whole and changes nothing. Absent: any atoms. */
  readonly schema?: StandardSchemaV1<unknown, unknown> | undefined;
  /** The scopes of a record, besides `*` (M5): a function of it, or those of another record (M8). Absent: none. */
  readonly scopes?: ScopesOf<R> | Inherit<R> | undefined;
  /** Policies of atoms; "server" where none is named. */
  readonly atoms?: { readonly [atom: string]: Policy } | undefined;
  /** A rule beside the scopes' permissions (W11): true, or a sentence that says why not. */
  readonly write?: ((before: R | null, after: R | null, user: User) => boolean | string) | undefined;
  /** Carries the type; never set. */
  readonly _record?: R;
}

// biome-ignore lint/suspicious/noExplicitAny: a collection of any record type; R stands in parameters, so no narrower type accepts all
export type Collections = { readonly [name: string]: Collection<any> };

/** What a server takes that was told of no collections at all: any of them, with any atoms, in no scope but `*` (W14). */
export const UNDECLARED: Collections = { "*": {} };

/** The collection of a name, where it is configured. */
export function collectionOf(collections: Collections, name: string): Collection | null {
  if (collections === UNDECLARED) return UNDECLARED["*"] as Collection;
  return Object.hasOwn(collections, name) ? (collections[name] as Collection) : null;
}

export function policyOf({ atoms }: Collection, atom: string): Policy {
  return atoms !== undefined && Object.hasOwn(atoms, atom) ? (atoms[atom] as Policy) : "server";
}

/** A record of a collection, as an application reads and writes it: an atom that is `undefined` counts as not named. */
export type RecordOf<C> = C extends Collection<infer R> ? (string extends keyof R ? R : Lenient<R>) : never;

type Lenient<R> = { [A in keyof R]: object extends Pick<R, A> ? R[A] | undefined : R[A] };

/** The atoms as a schema names them. One that is optional is absent or has a value: `undefined` is not JSON. */
type AtomsOf<Output> = { [A in keyof Output]: Exclude<Output[A], undefined> };

type SchemaRecord<S> =
  S extends StandardSchemaV1<unknown, infer Output>
    ? Output extends { id: string }
      ? AtomsOf<Output> extends infer R extends RecordData
        ? R
        : Output & RecordData
      : RecordData
    : RecordData;

/**
 * Declares a collection; the record type is inferred from the schema.
 *
 * @example
 * const cities = collection({ schema: City, scopes: (r) => [`country/${r.country}`] });
 */
export function collection<S extends StandardSchemaV1<unknown, unknown> | undefined = undefined>(
  options: {
    schema?: S;
  } & Omit<Collection<SchemaRecord<S>>, "schema" | "_record"> = {},
): Collection<SchemaRecord<S>> {
  return options as Collection<SchemaRecord<S>>;
}
