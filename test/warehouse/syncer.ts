// A process that brings a warehouse to the head, and is killed on the way: node syncer.ts '{ url, kind, … }'
import type { Mode } from "../../src/warehouse/index.ts";
import { duckdbSink, openWarehouse, parquetSink, postgresSink } from "../../src/warehouse/index.ts";
import { type Death, dieAt } from "./mortal.ts";

export interface Life {
  readonly url: string;
  readonly kind: "duckdb" | "postgres" | "parquet";
  readonly place: string;
  readonly mode: Mode;
  readonly verb: "sync" | "refresh";
  /** Null: it lives to its end. */
  readonly death: Death | null;
}

const { url, kind, place, mode, verb, death } = JSON.parse(process.argv[2] as string) as Life;
if (death !== null) dieAt(death, kind === "postgres" ? Number(new URL(place).port) : null);
const sink = { duckdb: duckdbSink, postgres: postgresSink, parquet: parquetSink }[kind](place);
const warehouse = openWarehouse({ url, space: "acme", sink, mode, page: 500 });
const { rebuilt } = verb === "refresh" ? await warehouse.refresh() : await warehouse.sync();
// Damage is put right by itself (X7), and would hide what a kill has done.
if (rebuilt.includes("damaged")) process.stdout.write("damaged");
await warehouse.close();
