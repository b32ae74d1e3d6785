import type { Json, JsonObject } from "../util/json.ts";

export type LinkState = "running" | "waiting" | "crashing" | "refused" | "paused";

/** How a link stands (S8). Times are ISO 8601 in UTC. */
export interface LinkStatus {
  readonly name: string;
  /** It stands in the server's configuration; otherwise it was added to the running server (S13). */
  readonly configured: boolean;
  /** Upstream: the address of the server, its space, and what of it is followed. */
  readonly url: string;
  readonly space: string;
  readonly scopes: readonly string[];
  readonly direction: "pull" | "both";
  /** When it runs; null: all the time. */
  readonly schedule: string | null;
  readonly state: LinkState;
  readonly cause: string | null;
  readonly since: string;
  /** The states before, the newest first. */
  readonly history: readonly { readonly state: LinkState; readonly cause: string | null; readonly at: string }[];
  /** Complete to this revision of upstream, which it had at `asOf`. */
  readonly revision: number;
  readonly asOf: string | null;
  /** Mutations without an outcome, and revisions of the journal that have not been looked at yet. */
  readonly queued: number;
  readonly unsent: number;
  /** Records that are set aside, and losses that are logged. */
  readonly aside: number;
  readonly conflicts: number;
  /** Of what is set aside, what waits for `confirm` (U5). */
  readonly held: number;
  /** Whether upstream says who wrote what (S24); null: it has not answered yet. */
  readonly authors: boolean | null;
  /** Upstream and those above it, as it last said. */
  readonly path: readonly string[];
}

export interface LinksResponse {
  readonly links: readonly LinkStatus[];
}

/** What lost against upstream (S2), and what this space refused (S6). */
export interface LinkDetails extends LinkStatus {
  readonly conflictLog: readonly WireConflict[];
  readonly asideLog: readonly {
    readonly collection: string;
    readonly id: string;
    readonly code: string;
    readonly message: string;
    readonly at: string;
  }[];
}

export interface WireConflict {
  readonly number: number;
  readonly at: string;
  readonly collection: string;
  readonly id: string;
  readonly op: "insert" | "update" | "delete";
  readonly atoms: JsonObject;
  readonly author: { readonly user: string; readonly client: string } | null;
  readonly revision: number | null;
  readonly upstream: Json;
  readonly reason: string;
}

export type LinkOrder =
  | { readonly do: "pause" | "resume" | "verify" | "confirm" }
  /** Ends the link for good. The records that it brought stay as they are, or go (S13). */
  | { readonly do: "remove"; readonly data: RemovedData };

export type RemovedData = "keep" | "delete";

/** A link that is kept in the store, beside those of the configuration (S13). */
export interface LinkAddition {
  readonly name: string;
  readonly url: string;
  readonly space?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly direction?: "pull" | "both" | undefined;
  readonly schedule?: string | { readonly cron: string; readonly timeZone?: string | undefined } | undefined;
  /** Whether it brings upstream's users as well, and by role there the role here (U2, U5). */
  readonly users?: "none" | "directory" | "verifier" | undefined;
  readonly roles?: { readonly [upstream: string]: string } | undefined;
}

/** What `POST …/links` takes. */
export interface LinkRequest extends LinkAddition {
  /** The one-time code of `tidemark link invite` upstream: the link is registered before it is kept (S7). */
  readonly code?: string | undefined;
}
