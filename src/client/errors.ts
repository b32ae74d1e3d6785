export type ClientErrorCode =
  /** A mutation, query or subscription that is not well formed. Nothing was queued. */
  | "invalid"
  /** Larger than a server takes (M7). Nothing was queued. */
  | "too-large"
  /** The client has been closed. */
  | "closed"
  /** The store belongs to another principal (C9): open another store, or sign in as the one it belongs to. */
  | "other-principal"
  /** The permission to read the subscription's scope is missing or was taken away (P10). */
  | "revoked"
  /** The store belongs to another space. */
  | "other-space";

/** What a client tells the application that called it. */
export class ClientError extends Error {
  override name = "ClientError";
  readonly code: ClientErrorCode;
  /** Where in what was given, for instance `tasks/t1.title`. */
  readonly path: string | undefined;
  constructor(code: ClientErrorCode, message: string, path?: string) {
    super(path === undefined || path === "" ? message : `${path}: ${message}`);
    this.code = code;
    this.path = path;
  }
}

export type TransportFailure =
  /** No connection, or it was lost. */
  | "offline"
  /** Nothing came for too long. */
  | "late"
  /** Somebody else answered: a captive portal, a proxy, a wrong address. */
  | "foreign"
  /** The answer ended before its end. */
  | "cut";

/** A request that brought no answer of the server. It can be tried again. */
export class TransportError extends Error {
  override name = "TransportError";
  readonly failure: TransportFailure;
  constructor(failure: TransportFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** The live connection is gone. Nothing is known of the server: a pull finds out. */
export class ConnectionLost extends TransportError {
  override name = "ConnectionLost";
  constructor(cause?: unknown) {
    const why = cause instanceof Error ? `: ${cause.message}` : "";
    super("offline", `the live connection was lost${why}`, { cause });
  }
}

/** The caller gave a request up, for a reason of its own: no failure. */
export class Interrupted extends Error {
  override name = "Interrupted";
}

/** The server has to be pulled from before anything more is sent. */
export class PullFirst extends Error {
  override name = "PullFirst";
  /** The server's history may not be ours, so that past places have to be named (R2). */
  readonly diverged: boolean;
  constructor(message: string, diverged: boolean) {
    super(message);
    this.diverged = diverged;
  }
}
