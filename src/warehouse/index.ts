export type { Column, Pause } from "./columns.ts";
export type { Treatment, Treatments } from "./personal.ts";
export { type Answer, type Difference, type Sink, WarehouseError, type WarehouseErrorCode } from "./sink.ts";
export { duckdbSink } from "./sinks/duckdb.ts";
export { parquetSink } from "./sinks/parquet.ts";
export { postgresSink } from "./sinks/postgres.ts";
export type { Mode } from "./state.ts";
export {
  flawOf,
  openWarehouse,
  type Report,
  type Run,
  type VerifyReport,
  type Warehouse,
  type WarehouseOptions,
  type WarehouseStatus,
} from "./warehouse.ts";
export type { Progress } from "./work.ts";
