import { z } from "zod";
import { spaceFlaw, subscribedFlaw } from "../model/names.ts";

/** One warehouse: a replica of a space in a database for reports (section X). */
export interface WarehouseConfig {
  /** Where it is kept: exactly one of a file of DuckDB, an address of PostgreSQL, a folder of Parquet files. */
  readonly duckdb?: string;
  readonly postgres?: string;
  readonly parquet?: string;
  /** The server that it follows; by default the one of this configuration. */
  readonly url?: string;
  /** Default "main". */
  readonly space?: string;
  /** Default "current". */
  readonly mode?: "current" | "history" | "append";
  /** Default "*". */
  readonly scope?: string;
  /** All of them by default. */
  readonly collections?: readonly string[];
  /** What leaves of which atom. Absent: everything, as it is. Given: nothing but what it names (X3). */
  readonly atoms?: { readonly [collection: string]: { readonly [atom: string]: "plain" | "mask" | "hash" | "omit" } };
  /** The secret of "hash", at least 32 characters. */
  readonly key?: string | (() => string);
  /** Whether the row of a deleted record stays, marked. Default "soft". */
  readonly deletes?: "soft" | "hard";
  /** Cron, in the time zone beside it (UTC by default): `serve` syncs it then. Absent: by hand. */
  readonly schedule?: string | { readonly cron: string; readonly timeZone?: string };
  /** A bearer token, or a function that gives the present one. */
  readonly token?: string | (() => string | Promise<string>);
}

/** By the warehouse's name. */
export type WarehousesConfig = { readonly [name: string]: WarehouseConfig };

const cron = z.string().min(9, { error: 'expected a cron expression such as "0 3 * * *"' });

function secret(expected: string) {
  return z.union([z.string(), z.custom((value) => typeof value === "function")], { error: `expected ${expected}` });
}

function named(flawOf: (name: string) => string | null) {
  return z.string().superRefine((name, context) => {
    const flaw = flawOf(name);
    if (flaw !== null) context.addIssue({ code: "custom", message: flaw });
  });
}

const treatment = z.enum(["plain", "mask", "hash", "omit"], { error: 'expected "plain", "mask", "hash" or "omit"' });

export const warehousesSchema = z.record(
  z.string(),
  z
    .strictObject({
      duckdb: z.string().optional(),
      postgres: z.string().startsWith("postgres", { error: "expected an address such as postgres://…" }).optional(),
      parquet: z.string().optional(),
      url: z.url({ error: "expected an address such as https://example.org" }).optional(),
      space: named(spaceFlaw).optional(),
      mode: z.enum(["current", "history", "append"], { error: 'expected "current", "history" or "append"' }).optional(),
      scope: named(subscribedFlaw).optional(),
      collections: z.array(z.string()).min(1, { error: "expected a collection" }).optional(),
      atoms: z.record(z.string(), z.record(z.string(), treatment)).optional(),
      key: secret("a secret, or a function that gives it").optional(),
      deletes: z.enum(["soft", "hard"], { error: 'expected "soft" or "hard"' }).optional(),
      schedule: z.union([cron, z.strictObject({ cron, timeZone: z.string().optional() })]).optional(),
      token: secret("a token").optional(),
    })
    .superRefine(({ duckdb, postgres, parquet }, context) => {
      if ([duckdb, postgres, parquet].filter((place) => place !== undefined).length !== 1)
        context.addIssue({ code: "custom", message: "expected exactly one of duckdb, postgres and parquet" });
    }),
);
