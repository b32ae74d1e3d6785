/** What a browser tells its pages and workers; nobody does in Node. */
type Target = Partial<Pick<typeof globalThis & EventTarget, "addEventListener" | "removeEventListener">>;

/** Calls the listener when the machine comes back to a network, until the returned function is called. */
export function onOnline(listener: () => void): () => void {
  const target = globalThis as Target;
  target.addEventListener?.("online", listener);
  return () => target.removeEventListener?.("online", listener);
}
