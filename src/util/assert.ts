/** A broken invariant of Tidemark itself: never the fault of input. */
export class InvariantError extends Error {
  override name = "InvariantError";
}

export function assert(condition: boolean, text: string): asserts condition {
  if (!condition) throw new InvariantError(text);
}

/** The value, which by an invariant is there. */
export function must<T>(value: T | null | undefined, text: string): T {
  if (value === null || value === undefined) throw new InvariantError(text);
  return value;
}

export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${JSON.stringify(value)}`);
}
