import type { Add, Amend, Mutation, Write } from "../model/mutation.ts";
import { idFlaw, nameFlaw, valueFlaw } from "../model/names.ts";
import type { RecordData } from "../model/record.ts";
import type { Collections, RecordOf } from "../model/schema.ts";
import { isObject, type Json, type JsonObject } from "../util/json.ts";
import { utf8Length } from "../util/utf8.ts";
import { LIMITS } from "../wire/limits.ts";
import { ClientError } from "./errors.ts";

/** What a mutation may do to an atom: a new value, null to remove it, or an operator where the atom has its policy (W5). */
export type Atoms<R> = R extends unknown
  ? { readonly [A in keyof R as A extends "id" ? never : A]?: R[A] | null | Add | Amend }
  : never;

/** What `mutate` hands to its function. The writes apply together, in their order, under one revision. */
export interface Transaction<C extends Collections = Collections> {
  insert<N extends keyof C & string>(collection: N, record: RecordOf<C[N]>): void;
  /** Changes atoms. Where an `expect` does not hold on the server, the write is superseded (W5). */
  update<N extends keyof C & string>(
    collection: N,
    id: string,
    atoms: Atoms<RecordOf<C[N]>>,
    options?: { readonly expect?: JsonObject },
  ): void;
  delete<N extends keyof C & string>(collection: N, id: string): void;
}

/** Room for what surrounds the mutations of a push. */
const ENVELOPE = 4_096;

/**
 * Calls the function and takes down what it writes. Throws ClientError for what a server would call malformed, so that
 * it never gets into the queue (W7).
 */
export function drafted(collections: Collections | undefined, write: (tx: Transaction) => void): Write[] {
  const writes: Write[] = [];
  let open = true;
  const add = (made: Write) => {
    if (!open) throw new ClientError("closed", "this transaction is over; make its writes before the function returns");
    writes.push(checked(made, collections));
  };
  const returned: unknown = write({
    insert: (collection, record) =>
      add({ op: "insert", collection, record: copyOf(record as RecordData, `${collection}`) }),
    update: (collection, id, atoms, { expect } = {}) => {
      const record = copyOf({ ...(atoms as JsonObject), id }, `${collection}/${id}`);
      add({
        op: "update",
        collection,
        record,
        ...(expect !== undefined && { expect: copyOf(expect, `${collection}/${id}.expect`) }),
      });
    },
    delete: (collection, id) => add({ op: "delete", collection, id }),
  });
  open = false;
  if (returned instanceof Promise) {
    returned.catch(() => {});
    throw new ClientError("invalid", "the function given to mutate is synchronous; read what it needs before");
  }
  if (writes.length === 0) throw new ClientError("invalid", "a mutation writes something");
  if (writes.length > LIMITS.writes)
    throw new ClientError("too-large", `a mutation has at most ${LIMITS.writes} writes`);
  return writes;
}

/** The mutation as a whole fits into a request. */
export function checkSize(mutation: Omit<Mutation, "id">): void {
  if (utf8Length(JSON.stringify(mutation)) > LIMITS.body - ENVELOPE) {
    throw new ClientError("too-large", `a mutation has at most ${LIMITS.body - ENVELOPE} bytes; make several of it`);
  }
}

function checked(write: Write, collections: Collections | undefined): Write {
  const { collection } = write;
  refuse(nameFlaw(collection), "collection");
  if (collections !== undefined && !Object.hasOwn(collections, collection)) {
    throw new ClientError("invalid", `the collection ${collection} is not in the schema of this client`, "collection");
  }
  const id: unknown = write.op === "delete" ? write.id : write.record.id;
  refuse(idFlaw(id), `${collection}.id`);
  const path = `${collection}/${String(id)}`;
  if (write.op !== "delete") checkAtoms(write.record, path);
  if (write.expect !== undefined) checkAtoms(write.expect, `${path}.expect`);
  return write;
}

function checkAtoms(atoms: JsonObject, path: string): void {
  const names = Object.keys(atoms);
  if (names.length > LIMITS.atoms)
    throw new ClientError("too-large", `a record has at most ${LIMITS.atoms} atoms`, path);
  for (const atom of names) {
    refuse(nameFlaw(atom), `${path}.${atom}`);
    const flaw = valueFlaw(atoms[atom], { depth: LIMITS.depth });
    if (flaw !== null) throw new ClientError("invalid", flaw.reason, `${path}.${atom}${flaw.path}`);
  }
  if (utf8Length(JSON.stringify(atoms)) > LIMITS.record) {
    throw new ClientError("too-large", `a record has at most ${LIMITS.record} bytes`, path);
  }
}

function refuse(flaw: string | null, path: string): void {
  if (flaw !== null) throw new ClientError("invalid", flaw, path);
}

/**
 * The values as they are now, whatever the application does to its objects later, in the order of the canonical text, which
 * server and client then make with little work. Atoms that are `undefined` count as
 * not named; anything else that is not JSON is refused.
 */
function copyOf<O extends JsonObject>(object: O, path: string): O {
  if (!isObject(object)) throw new ClientError("invalid", "a record is an object", path);
  const copy: { [atom: string]: Json } = {};
  for (const atom of Object.keys(object).sort()) {
    const value = object[atom];
    if (value === undefined) continue;
    if (nameFlaw(atom) !== null) throw new ClientError("invalid", nameFlaw(atom) ?? "", `${path}.${atom}`);
    copy[atom] = plain(value, `${path}.${atom}`);
  }
  return copy as O;
}

function plain(value: Json, path: string): Json {
  if (typeof value === "bigint") throw new ClientError("invalid", "a value is JSON; write a bigint as a text", path);
  const flaw = valueFlaw(value, { depth: LIMITS.depth });
  if (flaw !== null) throw new ClientError("invalid", flaw.reason, `${path}${flaw.path}`);
  if (!isPlain(value))
    throw new ClientError("invalid", "a value is JSON; a Date or a Map has to be turned into it", path);
  return value === null || typeof value !== "object" ? value : (JSON.parse(JSON.stringify(value)) as Json);
}

/** Whether JSON can say it: no Date, Map or other object of a class, at any depth. */
function isPlain(value: Json): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isPlain);
}
