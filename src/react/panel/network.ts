/** A network that can be switched off; `fetch` and `WebSocket` are for `createClient`. */
export interface NetworkSwitch {
  readonly fetch: typeof globalThis.fetch;
  readonly WebSocket: typeof globalThis.WebSocket;
  switch(off: boolean): void;
  /** Calls the listener after each change, until the returned function is called. */
  readonly subscribe: (listener: () => void) => () => void;
  /** Whether it is off. */
  readonly snapshot: () => boolean;
}

/**
 * Takes the network away from a client, and from nothing else. It is remembered over a reload, and the tabs of a site are
 * switched together, since they share a client.
 *
 * @example
 * const network = networkSwitch();
 * const client = createClient({ url, space, fetch: network.fetch, WebSocket: network.WebSocket });
 */
export function networkSwitch(key = "tidemark-offline"): NetworkSwitch {
  const listeners = new Set<() => void>();
  let cut = new AbortController();
  if (localStorage.getItem(key) !== null) cut.abort();
  const turn = (off: boolean) => {
    if (off === cut.signal.aborted) return;
    if (off) cut.abort();
    else cut = new AbortController();
    for (const listener of listeners) listener();
  };
  addEventListener("storage", (event) => event.key === key && turn(event.newValue !== null));
  return {
    fetch: async (input, init = {}) => {
      const { signal } = cut;
      try {
        return await fetch(input, {
          ...init,
          signal: AbortSignal.any([signal, ...(init.signal ? [init.signal] : [])]),
        });
      } catch (error) {
        throw signal.aborted ? new TypeError("the network is switched off") : error;
      }
    },
    WebSocket: socketsOf(() => cut.signal),
    switch(off) {
      if (off) localStorage.setItem(key, "yes");
      else localStorage.removeItem(key);
      turn(off);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    snapshot: () => cut.signal.aborted,
  };
}

/** Sockets that close when the network is switched off, and do not open while it is. */
function socketsOf(signalNow: () => AbortSignal): typeof WebSocket {
  return class extends WebSocket {
    constructor(url: string | URL, protocols?: ConstructorParameters<typeof WebSocket>[1]) {
      super(url, protocols);
      const signal = signalNow();
      const close = () => this.close();
      if (signal.aborted) close();
      signal.addEventListener("abort", close);
      this.addEventListener("close", () => signal.removeEventListener("abort", close));
    }
  };
}
