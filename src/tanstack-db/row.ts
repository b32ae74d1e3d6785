/** The names that a type lists, without an index signature. */
type Named<R> = { [A in keyof R as string extends A ? never : A]: R[A] };

/**
 * A record as TanStack DB's queries and drafts see it: the atoms that its schema names, `id` among them. Of a collection
 * without a schema it is the record as it is.
 */
export type Row<R extends object> = keyof Named<R> extends "id" ? R : Named<R>;
