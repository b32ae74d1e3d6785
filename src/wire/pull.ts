import type { Filter } from "../model/filter.ts";

/** What a replica asks of one scope. */
export interface SubscriptionRequest {
  readonly scope: string;
  /** Null or absent asks for a copy. */
  readonly cursor?: string | null | undefined;
  /** By default the scope. Unique within a request. */
  readonly key?: string | undefined;
  readonly collections?: readonly string[] | undefined;
  readonly where?: Filter | undefined;
  /** Asks for count and digest also where there is a `where`. */
  readonly fingerprint?: boolean | undefined;
}

export interface PullRequest {
  readonly client?: string | undefined;
  readonly subscriptions: readonly SubscriptionRequest[];
  /** Seconds to hold the answer until there is news. */
  readonly wait?: number | undefined;
  /** Copies may come as addresses of pages (P17). */
  readonly pages?: boolean | undefined;
  /** Lines are to say who wrote what they tell, where the caller may know (S24). */
  readonly authors?: boolean | undefined;
  /** The version of the schema that the client speaks (C8). */
  readonly schema?: number | undefined;
  /** Past cursors, to find out what a restored server has in common with this replica (R2). */
  readonly known?: readonly string[] | undefined;
}
