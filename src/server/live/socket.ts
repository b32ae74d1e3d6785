/** Why a connection was closed, where the server did it: the codes of RFC 6455 that fit. */
export const CLOSE = {
  /** Frames of another kind than text. */
  unsupported: 1003,
  /** No token in time, a bad one, or one that has expired; a permission that there is not. */
  policy: 1008,
  tooLarge: 1009,
  fault: 1011,
  /** The server ends. */
  restart: 1012,
  /** Too many connections. */
  later: 1013,
} as const;

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE];

/** What a live connection needs of its socket, so that `ws`, another library or a simulation can be one. */
export interface LiveSocket {
  /** Whether more waits to leave than should. Once it has left, `LivePeer.drained` is called. */
  readonly full: boolean;
  /** It is known whose it is: from here on it may send messages of full size. */
  welcome(): void;
  /** Sends one text frame, given as UTF-8. The bytes may be another connection's too: they are not to be changed. */
  send(frame: Uint8Array): void;
  /** Asks the other side for a sign of life; what it answers goes to `LivePeer.heard`. */
  ping(): void;
  /** No more messages are wanted until `resume`. */
  pause(): void;
  resume(): void;
  /** Closes once all that was sent has left. */
  close(code: CloseCode, reason: string): void;
  /** Ends at once. */
  terminate(): void;
}

/** What a socket tells its connection. */
export interface LivePeer {
  message(data: Uint8Array, binary?: boolean): void;
  /** All that was sent has left. */
  drained(): void;
  heard(): void;
  closed(): void;
}
