export { collection } from "../model/schema.ts";
export {
  type Client,
  type ClientOptions,
  createClient,
  type SubscribeOptions,
  type SubscriptionHandle,
} from "./client.ts";
export type { Atoms, Transaction } from "./draft.ts";
export { ClientError, type ClientErrorCode, TransportError, type TransportFailure } from "./errors.ts";
export type { Events, Recovery, Settlement } from "./events.ts";
export type { Query } from "./query.ts";
export type { Mutated } from "./queue.ts";
export type { StateName, Status } from "./status.ts";
export { type ClientStore, StoreError } from "./store/store.ts";
export type { Difference, VerifiedSubscription, VerifyReport } from "./verify.ts";
