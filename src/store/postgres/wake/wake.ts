/**
 * How the servers of one database tell each other of commits. It carries short texts, each to all others. Any may be lost,
 * come twice or late: whoever waits for news looks by itself every few seconds, so that a wake-up saves time and nothing else.
 */
export interface Wake {
  /** For people, without user and password. */
  readonly text: string;
  /** Opens a link on which `hear` is called with all that is sent from then on. Null: there never will be one. */
  connect(hear: (message: string) => void): Promise<WakeLink | null>;
}

/** One connection. It is not mended: when it is lost another one is opened. */
export interface WakeLink {
  /** Resolves when it is lost, or closed, with the cause for people. */
  readonly lost: Promise<string>;
  send(messages: readonly string[]): Promise<void>;
  close(): void;
}
