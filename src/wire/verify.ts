import type { KeyRange } from "../model/record.ts";
import type { PullRequest, SubscriptionRequest } from "./pull.ts";

/** `from` inclusive, `to` exclusive, null open; keys are `collection/id` by UTF-8 bytes. */
export interface VerifyRequest extends Pick<PullRequest, "client" | "schema" | "authors"> {
  readonly subscription: SubscriptionRequest;
  /** The replica's other subscriptions, brought to the same revision. */
  readonly others?: readonly SubscriptionRequest[] | undefined;
  readonly ranges: readonly KeyRange[];
  readonly fanout?: number | undefined;
  readonly leaf?: number | undefined;
}
