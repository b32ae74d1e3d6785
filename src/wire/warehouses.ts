/** `GET …/warehouses`: the warehouses of the server's configuration that follow this space of it. Times are unix milliseconds. */
export interface WarehousesResponse {
  readonly warehouses: readonly WarehouseState[];
}

export interface WarehouseState {
  readonly name: string;
  readonly kind: "duckdb" | "postgres" | "parquet";
  readonly mode: "current" | "history" | "append";
  /** Null: by hand. */
  readonly schedule: string | { readonly cron: string; readonly timeZone?: string } | null;
  /** When the schedule has it next; null: not any more. */
  readonly due: number | null;
  readonly syncing: boolean;
  /** The last sync since the server was started that came to its end; null: there was none. */
  readonly last: WarehouseSync | null;
  /** The last one that failed, where none has come to its end since. */
  readonly failure: { readonly at: number; readonly cause: string } | null;
}

export interface WarehouseSync {
  readonly at: number;
  readonly revision: number;
  /** Changes that came. */
  readonly taken: number;
  /** Tables that were built anew. */
  readonly rebuilt: readonly string[];
  /** Tables that rest, by collection: the atom that got another type, and the record that brought it (X2). */
  readonly paused: {
    readonly [collection: string]: {
      readonly atom: string;
      readonly from: string;
      readonly to: string;
      readonly id: string;
    };
  };
}
