/**
 * Tidemark in React: hooks over a client. They are safe under StrictMode and concurrent rendering, and render on a server
 * as what is still loading.
 *
 * @module
 */
import type { Collections } from "../model/schema.ts";
import { typedHooks } from "./hooks.ts";

export type { Hooks, QueryOptions, RecordResult } from "./hooks.ts";
export { typedHooks } from "./hooks.ts";
export type { QueryResult } from "./watch.ts";

/** The hooks for collections of any kind; `typedHooks` gives them the types of yours. */
export const { TidemarkProvider, useClient, useQuery, useRecord, useStatus, useMutate } = typedHooks<Collections>();
