import {
  createContext,
  createElement,
  type ReactNode,
  useCallback,
  useContext,
  useMemo,
  useSyncExternalStore,
} from "react";
import type { Client, Query, Status, SubscriptionHandle } from "../client/index.ts";
import type { Collections, RecordOf } from "../model/schema.ts";
import { LOADING, type QueryResult, watchesOf } from "./watch.ts";

/** A record, null where there is none (or none that this replica holds), undefined as long as the store is being asked. */
export type RecordResult<R> = R | null | undefined;

export interface QueryOptions {
  /** What has to be filled for the result to be `ready`; by default all subscriptions that the client has. */
  readonly subscription?: SubscriptionHandle;
}

const Context = createContext<Client | null>(null);

/** Gives a client to the components below it. It neither starts nor closes the client: that is who made it. */
export function TidemarkProvider<C extends Collections>(props: { client: Client<C>; children?: ReactNode }): ReactNode {
  return createElement(Context.Provider, { value: props.client as unknown as Client }, props.children);
}

/** The client of the provider above. Throws where there is none. */
export function useClient(): Client {
  const client = useContext(Context);
  if (client === null) throw new Error("no TidemarkProvider above this component; put one around the application");
  return client;
}

/**
 * The records of a query, kept up to date. The query may be written in place: it is compared by content. Records and list
 * are the same objects as long as they say the same.
 *
 * @example
 * const { records, ready } = useQuery({ collection: "tasks", where: { done: false }, orderBy: "due" });
 * if (!ready) return <p>Loading …</p>;
 */
export function useQuery(query: Query, { subscription }: QueryOptions = {}): QueryResult<never> {
  const client = useClient();
  const name = JSON.stringify(query);
  // The query is compared by content.
  const watched = useMemo(() => watchesOf(client).query(query, subscription), [client, name, subscription?.key]);
  return useSyncExternalStore(watched.subscribe, watched.snapshot, loading) as QueryResult<never>;
}

/** One record, kept up to date. It costs no scan, other than a query for its id. */
export function useRecord(collection: string, id: string): RecordResult<never> {
  const client = useClient();
  const watched = useMemo(() => watchesOf(client).record(collection, id), [client, collection, id]);
  return useSyncExternalStore(watched.subscribe, watched.snapshot, unknown) as RecordResult<never>;
}

/** What the client can honestly say of itself (C2). */
export function useStatus(): Status {
  const { status } = watchesOf(useClient());
  return useSyncExternalStore(status.subscribe, status.snapshot, connecting);
}

/** `client.mutate`, as the same function in every render. */
export function useMutate(): Client["mutate"] {
  const client = useClient();
  return useCallback<Client["mutate"]>((write, options) => client.mutate(write, options), [client]);
}

// A server that renders pages holds no replica: a page comes to life with what the browser holds.
const loading = () => LOADING;
const unknown = () => undefined;
const connecting = (): Status => CONNECTING;
const CONNECTING: Status = Object.freeze({
  state: "connecting",
  cause: null,
  revision: 0,
  asOf: null,
  pending: 0,
  copies: {},
});

/** The hooks, with the types of an application's collections. */
export interface Hooks<C extends Collections> {
  readonly TidemarkProvider: (props: { client: Client<C>; children?: ReactNode }) => ReactNode;
  readonly useClient: () => Client<C>;
  readonly useQuery: <N extends keyof C & string>(
    query: Query<N>,
    options?: QueryOptions,
  ) => QueryResult<RecordOf<C[N]>>;
  readonly useRecord: <N extends keyof C & string>(collection: N, id: string) => RecordResult<RecordOf<C[N]>>;
  readonly useStatus: () => Status;
  readonly useMutate: () => Client<C>["mutate"];
}

const hooks = { TidemarkProvider, useClient, useQuery, useRecord, useStatus, useMutate };

/**
 * The same hooks, typed by the collections of a schema: names are checked, and records have their types.
 *
 * @example
 * export const { TidemarkProvider, useQuery, useMutate } = typedHooks<typeof collections>();
 */
export function typedHooks<C extends Collections>(): Hooks<C> {
  return hooks as unknown as Hooks<C>;
}
