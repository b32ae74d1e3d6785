/** A BroadcastChannel, as far as it is used here. */
export interface Channel {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/** What of a browser tabs stand on. */
export interface Surroundings {
  channel(name: string): Channel;
  /** Holds a lock, as soon as nobody else does, until the promise is settled. Its tab's death releases it, too. */
  lock(name: string, signal: AbortSignal, hold: () => Promise<void>): Promise<void>;
  /** Calls one of these when the page is about to be stopped, frozen or put aside, and when it goes on. */
  onLife(stops: () => void, goesOn: () => void): () => void;
}

interface Globals {
  readonly navigator?: { readonly locks?: Locks };
  readonly BroadcastChannel?: new (name: string) => Channel;
  readonly document?: EventTarget;
  readonly addEventListener?: EventTarget["addEventListener"];
  readonly removeEventListener?: EventTarget["removeEventListener"];
}

interface Locks {
  request(name: string, options: { signal: AbortSignal }, hold: () => Promise<void>): Promise<void>;
}

/** Null where tabs cannot find each other: without Web Locks, which pages from an insecure origin lack. */
export function surroundings(): Surroundings | null {
  const { navigator, BroadcastChannel, document, addEventListener, removeEventListener } =
    globalThis as unknown as Globals;
  const locks = navigator?.locks;
  if (locks === undefined || BroadcastChannel === undefined) return null;
  return {
    channel: (name) => new BroadcastChannel(name),
    lock: (name, signal, hold) => locks.request(name, { signal }, hold),
    onLife(stops, goesOn) {
      document?.addEventListener("freeze", stops);
      document?.addEventListener("resume", goesOn);
      addEventListener?.("pagehide", stops);
      addEventListener?.("pageshow", goesOn);
      return () => {
        document?.removeEventListener("freeze", stops);
        document?.removeEventListener("resume", goesOn);
        removeEventListener?.("pagehide", stops);
        removeEventListener?.("pageshow", goesOn);
      };
    },
  };
}
