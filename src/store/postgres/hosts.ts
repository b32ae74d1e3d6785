import { Socket } from "node:net";
import type postgres from "postgres";

type Settings = Pick<postgres.Sql["options"], "host" | "port" | "path" | "target_session_attrs"> & {
  /** Where the user brings one of his own. */
  readonly socket?: unknown;
};

interface Host {
  readonly host: string;
  readonly port: number;
}

/** What a session is told. */
interface Told {
  onClose(): void;
  onUnfit?: ((why: string) => void) | undefined;
}

/**
 * The hosts of an address, one for each session: the one that was of use last, or, where that could not be reached or is a
 * standby, the next. A session connects once. The driver by itself (postgres 3.4) goes round hosts that refuse, and connects
 * again to one that closes before it has answered, for ever and without a pause; and it takes a standby for "read-write".
 */
export class Hosts {
  /** For people. */
  readonly text: string;
  readonly #settings: Settings;
  readonly #all: readonly Host[];
  readonly #wanted: Settings["target_session_attrs"];
  #at = 0;

  constructor(settings: Settings) {
    const { host, port, path, target_session_attrs: wanted } = settings;
    this.#settings = settings;
    this.#all = host.map((name, i) => ({ host: name, port: port[i] as number }));
    this.text = path || this.#all.map((one) => `${one.host}:${one.port}`).join(",");
    // A server can do nothing with a standby.
    this.#wanted = wanted === "read-write" || (!wanted && host.length > 1) ? "primary" : wanted;
  }

  /** Settings of the driver for one session, to be merged with others. */
  next({ onClose, onUnfit }: Told) {
    const at = this.#at;
    const { host, port } = this.#all[at] as Host;
    const wanted = this.#wanted;
    let used = false;
    let answered = false;
    let fit = true;
    const passed = () => {
      if (!(answered && fit) && this.#at === at) this.#at = (at + 1) % this.#all.length;
    };
    return {
      host: [host],
      port: [port],
      target_session_attrs: wanted,
      // A map of its own, so that all are told anew.
      parameters: {},
      onparameter(name: string, value: string) {
        answered = true;
        if (name !== "in_hot_standby" || value !== "on" || wanted !== "primary") return;
        fit = false;
        onUnfit?.(`${host}:${port} is a standby`);
      },
      socket: (options: unknown) => {
        if (!used) {
          used = true;
          return this.#connect(options, host, port);
        }
        passed();
        throw new Error(`${host}:${port} closed the connection before it had answered`);
      },
      onclose() {
        passed();
        onClose();
      },
    };
  }

  /** A socket that connects; what is written to it waits until it has. */
  #connect(options: unknown, host: string, port: number): unknown {
    const { socket: own, path } = this.#settings;
    if (own) return (own as (options: unknown) => unknown)(options);
    const socket = new Socket();
    // The driver takes the name for TLS from here.
    return path ? socket.connect(path) : Object.assign(socket.connect(port, host), { host, port });
  }
}
