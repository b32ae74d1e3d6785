// The "offline" switch: it takes the network away from the client, and from nothing else.

const KEY = "tidemark-tasks-offline";

/** What a client gets in place of the browser's network. It remembers over a reload that it is switched off. */
export class Network {
  #cut = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly WebSocket = socketsOf(this);

  constructor() {
    if (localStorage.getItem(KEY) !== null) this.#cut.abort();
  }

  get off(): boolean {
    return this.#cut.signal.aborted;
  }

  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  readonly fetch: typeof fetch = async (input, init = {}) => {
    const signal = AbortSignal.any([this.cut, ...(init.signal ? [init.signal] : [])]);
    try {
      return await fetch(input, { ...init, signal });
    } catch (error) {
      throw this.off ? new TypeError("the network is switched off") : error;
    }
  };

  switch(off: boolean): void {
    if (off === this.off) return;
    if (off) this.#cut.abort();
    else this.#cut = new AbortController();
    if (off) localStorage.setItem(KEY, "yes");
    else localStorage.removeItem(KEY);
    for (const listener of this.#listeners) listener();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): boolean => this.off;
}

/** Sockets that close when the network is switched off, and do not open while it is. */
function socketsOf(network: Network): typeof WebSocket {
  return class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      const { cut } = network;
      const close = () => this.close();
      if (cut.aborted) close();
      cut.addEventListener("abort", close);
      this.addEventListener("close", () => cut.removeEventListener("abort", close));
    }
  };
}
