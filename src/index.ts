/**
 * What an application and its server share, and the client: all of it runs in a browser. The server is `tidemark/server`.
 *
 * @module
 */
export * from "./client/index.ts";
export type { Filter, Operators } from "./model/filter.ts";
export type { Mutation, Outcome, RejectedCode, Superseded, SupersededReason, Write } from "./model/mutation.ts";
export type { RecordData, Revision } from "./model/record.ts";
export type { Collection, Collections, Policy, RecordOf, User } from "./model/schema.ts";
