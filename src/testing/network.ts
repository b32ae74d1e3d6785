import type { SocketConstructor } from "../client/channel.ts";
import type { Handshake } from "../server/index.ts";
import type { VirtualClock } from "./clock.ts";
import type { SeededRandom } from "./random.ts";
import { type Road, virtualSocket } from "./virtual-socket.ts";

/** How bad a network is. Probabilities are of each request; times are virtual milliseconds. */
export interface NetworkFaults {
  /** One way, least and most. Requests in flight at the same time overtake each other within it. */
  readonly delay: readonly [number, number];
  /** Lost on the way to the server: it never happened. */
  readonly loseRequest: number;
  /** Lost on the way back: it happened, and the client cannot know. */
  readonly loseResponse: number;
  /** Arrives twice; the second time up to `late` after the first, its answer goes nowhere. */
  readonly repeat: number;
  readonly late: number;
  /** The answer breaks off after some bytes: half the time with an error, half the time as if it were complete. */
  readonly cut: number;
  /** Of what is lost, the share that nobody reports: the client hears nothing for up to `silence`. */
  readonly silent: number;
  readonly silence: number;
}

/** A network that loses nothing, with a delay of 1 to 20 ms. */
export const CALM: NetworkFaults = {
  delay: [1, 20],
  loseRequest: 0,
  loseResponse: 0,
  repeat: 0,
  late: 0,
  cut: 0,
  silent: 0,
  silence: 0,
};

export type Handler = (request: Request) => Promise<Response>;

/** Judges the handshake of a live connection (`accept` of a server). */
export type Accept = (request: Request) => Promise<Handshake>;

/** A request as it reached the server, and what the server said to it, for whoever watches the wire. */
export interface Delivery {
  readonly from: string;
  readonly method: string;
  readonly url: string;
  readonly body: string | null;
  readonly status: number;
}

/** A network between clients and one server, in which everything that goes wrong is decided by the seed. */
export interface VirtualNetwork {
  /** May be changed at any time; what is in flight keeps what was drawn for it. */
  faults: NetworkFaults;
  /** Lets requests reach this handler from now on. `stop` breaks all that is in flight, like a process that died. */
  serve(handler: Handler, accept?: Accept): { stop(): void };
  /** All that is on its way to the server is lost: nothing outlives the machine that it was sent to. */
  forget(): void;
  /** A participant's place in the network. */
  join(name: string): Peer;
  /** Calls the listener with each request that a handler has answered. */
  watch(listener: (delivery: Delivery) => void): void;
}

export interface Peer {
  readonly fetch: typeof globalThis.fetch;
  readonly WebSocket: SocketConstructor;
  /** Nothing gets from here to the server (`up`), or from the server to here (`down`). */
  readonly partition: { up: boolean; down: boolean };
}

/** A connection carries many frames, so that each is in less danger than a request. */
const FRAME = 0.1;

const refuseSockets: Accept = async () => ({ refused: new Response(null, { status: 404 }) });

interface Served {
  readonly handler: Handler;
  readonly accept: Accept;
  /** Aborted when the server dies. */
  readonly gone: AbortController;
}

/** One request on its way, with all that was drawn for it. */
interface Exchange {
  readonly peer: string;
  readonly partition: Peer["partition"];
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

/**
 * Makes a network on a virtual clock. A client gets its `fetch` by `join(name).fetch`.
 *
 * @example
 * const network = virtualNetwork(clock, random.fork("network"));
 * network.serve((request) => server.handler(request));
 * const client = createClient({ url: "http://server", space: "acme", fetch: network.join("ann").fetch, clock });
 */
export function virtualNetwork(clock: VirtualClock, random: SeededRandom): VirtualNetwork {
  let served: Served | null = null;
  let machine = 0;
  const listeners: ((delivery: Delivery) => void)[] = [];

  const network: VirtualNetwork = {
    faults: CALM,
    serve(handler, accept = refuseSockets) {
      const mine: Served = { handler, accept, gone: new AbortController() };
      served = mine;
      return {
        stop() {
          if (served === mine) served = null;
          mine.gone.abort();
        },
      };
    },
    forget() {
      machine++;
    },
    join(name) {
      const partition = { up: false, down: false };
      const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
        const request = new Request(input, init);
        const body = request.body === null ? null : await request.text();
        const { url, method, headers } = request;
        const signal = init?.signal ?? request.signal;
        return until(signal, send({ peer: name, partition, url, method, headers, body, signal }));
      };
      return { partition, fetch, WebSocket: virtualSocket(() => road(name, partition)) };
    },
    watch: (listener) => void listeners.push(listener),
  };

  function oneWay(): Promise<void> {
    const [least, most] = network.faults.delay;
    return clock.sleep(least + random.fraction() * (most - least));
  }

  function road(peer: string, partition: Peer["partition"]): Road {
    const server = served;
    return {
      gone: server?.gone.signal ?? AbortSignal.abort(),
      async travel(way) {
        // What a partition holds up is sent again until it arrives, or somebody gives up.
        do await oneWay();
        while (partition[way]);
      },
      fate(way) {
        const { faults } = network;
        const lost = random.chance((way === "up" ? faults.loseRequest : faults.loseResponse) * FRAME);
        if (!lost && !random.chance(faults.cut * FRAME)) return "arrives";
        return random.chance(faults.silent) ? "vanishes" : "breaks";
      },
      async accept(request) {
        if (server === null || server !== served) throw new TypeError("nobody is there");
        const handshake = await until(server.gone.signal, server.accept(request));
        const status = "refused" in handshake ? handshake.refused.status : 101;
        for (const listener of listeners) listener({ from: peer, method: "GET", url: request.url, body: null, status });
        return handshake;
      },
    };
  }

  async function send(exchange: Exchange): Promise<Response> {
    const { faults } = network;
    const lost = random.chance(faults.loseRequest);
    const answerLost = random.chance(faults.loseResponse);
    const repeated = random.chance(faults.repeat) ? random.fraction() * faults.late : null;
    const cut = random.chance(faults.cut) ? Math.floor(2 ** (random.fraction() * 13)) : null;
    const politely = random.chance(0.5);
    const silence = random.chance(faults.silent) ? random.fraction() * faults.silence : 0;

    const sentTo = machine;
    await oneWay();
    if (repeated !== null) void deliverAgain(exchange, repeated);
    if (lost || machine !== sentTo || exchange.partition.up) throw await failure(silence);
    const server = served;
    if (server === null) throw await failure(0);
    const response = await until(server.gone.signal, deliver(server, exchange)).catch(async () => {
      throw await failure(silence);
    });
    await oneWay();
    if (answerLost || exchange.partition.down) {
      void response.body?.cancel();
      throw await failure(silence);
    }
    return new Response(carried(response, server, exchange, cut, politely), {
      status: response.status,
      headers: response.headers,
    });
  }

  async function deliver(server: Served, { peer, url, method, headers, body, signal }: Exchange): Promise<Response> {
    const response = await server.handler(new Request(url, { method, headers, body, signal }));
    for (const listener of listeners) listener({ from: peer, method, url, body, status: response.status });
    return response;
  }

  async function deliverAgain(exchange: Exchange, late: number): Promise<void> {
    const sentTo = machine;
    await clock.sleep(late);
    const server = served;
    if (server === null || machine !== sentTo) return;
    const response = await deliver(server, { ...exchange, signal: server.gone.signal }).catch(() => null);
    await response?.body?.cancel().catch(() => {});
  }

  /** What `fetch` throws where no answer came; said only after the silence. */
  async function failure(silence: number): Promise<TypeError> {
    if (silence > 0) await clock.sleep(silence);
    return new TypeError("fetch failed");
  }

  /** The body as it arrives at the client: piece by piece, late, and perhaps not all of it. */
  function carried(
    response: Response,
    server: Served,
    { partition, signal }: Exchange,
    cut: number | null,
    politely: boolean,
  ): ReadableStream | null {
    if (response.body === null) return null;
    const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    let left = cut ?? Number.POSITIVE_INFINITY;
    const broken = () => new TypeError("terminated");
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          try {
            const piece = await until(signal, until(server.gone.signal, reader.read()));
            if (piece.done) return controller.close();
            await until(signal, oneWay());
            if (server.gone.signal.aborted || partition.down) throw broken();
            if (piece.value.length < left) {
              left -= piece.value.length;
              return controller.enqueue(piece.value);
            }
            if (left > 0) controller.enqueue(piece.value.subarray(0, left));
            if (!politely) throw broken();
            void reader.cancel().catch(() => {});
            controller.close();
          } catch {
            void reader.cancel().catch(() => {});
            controller.error(signal.aborted ? signal.reason : broken());
          }
        },
        cancel: () => reader.cancel(),
      },
      { highWaterMark: 0 },
    );
  }

  return network;
}

/** The promise, or the signal's reason as soon as that is aborted. */
function until<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
