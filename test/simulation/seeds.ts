/** Seeds that once found something: what it was, so that it stays found. */
export const FOUND: readonly { readonly seed: string; readonly what: string }[] = [];
