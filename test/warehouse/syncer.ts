// A process that syncs a warehouse over and over, until it is killed: node syncer.ts URL KIND PLACE MODE REFRESH
import { duckdbSink, openWarehouse, parquetSink, postgresSink } from "../../src/warehouse/index.ts";

const [url = "", kind = "", place = "", mode = "", refresh = ""] = process.argv.slice(2);
const sinks = { duckdb: duckdbSink, postgres: postgresSink, parquet: parquetSink };
const sink = sinks[kind as keyof typeof sinks](place);
const warehouse = openWarehouse({ url, space: "acme", sink, mode: mode as "current" | "history", page: 500 });
const say = () => process.stdout.write("on\n");

say();
if (refresh === "refresh") await warehouse.refresh(undefined, { onProgress: say });
for (;;) {
  const { rebuilt } = await warehouse.sync({ onProgress: say });
  process.stdout.write(rebuilt.includes("damaged") ? "damaged\n" : "on\n");
}
