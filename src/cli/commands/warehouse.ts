import type { Pause, Report, Progress as Taken, Warehouse, WarehouseStatus } from "../../warehouse/index.ts";
import { type Context, command, JSON_ARG, listOf } from "../command.ts";
import { loadConfig } from "../config.ts";
import { Failure, misuse } from "../failure.ts";
import { type Output, shown, table } from "../output.ts";
import { configured, openConfigured } from "../warehouses.ts";

const ARGS = {
  do: { type: "positional", required: true, description: "sync, status, refresh, verify or query" },
  name: { type: "positional", required: true, description: "the warehouse, as the configuration names it" },
  sql: { type: "positional", required: false, description: "query: what to ask of its tables" },
  config: { type: "string", description: "the configuration; tidemark.config.ts by default", valueHint: "FILE" },
  server: {
    type: "string",
    description: "the server, where the configuration names none",
    valueHint: "URL",
    default: "http://127.0.0.1:4848",
  },
  token: { type: "string", description: "a bearer token (or TIDEMARK_TOKEN)", valueHint: "T" },
  collections: { type: "string", description: "refresh: only these, with commas between", valueHint: "A,B" },
  ...JSON_ARG,
} as const;

/** What a progress bar counts, where it is not known how much there is. */
const UNKNOWN = 0;

export default command({
  name: "warehouse",
  description: "Keeps a replica of a space in DuckDB, PostgreSQL or Parquet, and asks it",
  args: ARGS,
  lasts: true,
  async run({ args, env, out, stop }: Context<typeof ARGS>) {
    const { config } = await loadConfig(args.config, env);
    const token = args.token ?? env.TIDEMARK_TOKEN;
    const warehouse = await openConfigured(
      { ...(token !== undefined && { token }), ...configured(config, args.name) },
      args.server,
      () => out.note(`Another process has ${args.name} open, a sync perhaps: waiting for it.`),
    ).catch(failed);
    try {
      return await run(warehouse, args, out, stop);
    } catch (error) {
      return failed(error);
    } finally {
      await warehouse.close();
    }
  },
});

async function run(warehouse: Warehouse, args: Context<typeof ARGS>["args"], out: Output, signal: AbortSignal) {
  switch (args.do) {
    case "sync":
      return told(args.name, await watched(out, (onProgress) => warehouse.sync({ signal, onProgress })), out);
    case "refresh": {
      const collections = args.collections === undefined ? undefined : listOf(args.collections);
      return told(
        args.name,
        await watched(out, (onProgress) => warehouse.refresh(collections, { signal, onProgress })),
        out,
      );
    }
    case "status":
      return tellStatus(args.name, await warehouse.status(), out);
    case "verify":
      return await verify(args.name, warehouse, out, signal);
    case "query":
      return await query(warehouse, args.sql, out);
    default:
      throw misuse(`There is no warehouse ${args.do}: sync, status, refresh, verify or query.`);
  }
}

function failed(error: unknown): never {
  if (error instanceof Error && error.name === "WarehouseError") {
    const { code } = error as Error & { code?: string };
    throw new Failure(
      `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`,
      code === "invalid" ? 2 : 1,
      { cause: error },
    );
  }
  throw error;
}

async function watched<T>(out: Output, work: (onProgress: (taken: Taken) => void) => Promise<T>): Promise<T> {
  const progress = out.progress("warehouse", UNKNOWN, "records");
  try {
    return await work(({ taken, phase, revision }) => progress.update(taken, `${phase}, to revision ${revision}`));
  } finally {
    progress.stop();
  }
}

/** Exit code 1 where a table rests. */
function told(name: string, report: Report, out: Output): number {
  const { revision, taken, rebuilt, paused } = report;
  const why = rebuilt.length === 0 ? "" : `, built anew (${rebuilt.join(", ")})`;
  out.result(`${name} is at revision ${revision}: ${taken} records came${why}.`, report);
  for (const [collection, pause] of Object.entries(paused)) out.print(sentenceOf(name, collection, pause));
  return Object.keys(paused).length === 0 ? 0 : 1;
}

function sentenceOf(name: string, collection: string, { atom, from, to, id }: Pause): string {
  return (
    `${collection} rests: ${atom} was ${from}, and is ${to} in ${collection}/${id}. ` +
    `\`tidemark warehouse refresh ${name} --collections ${collection}\` makes the column JSON.`
  );
}

function tellStatus(name: string, status: WarehouseStatus | null, out: Output): number {
  out.data(status);
  if (status === null) {
    out.print(`${name} has never been synced.`);
    return 0;
  }
  const { mode, revision, syncedAt, building, tables, untagged, place } = status;
  out.print(`${name}: ${mode} in ${place}, at revision ${revision}, synced ${syncedAt ?? "never"}`);
  if (building !== null) out.print(`A new generation is being built: ${building}.`);
  const rows = tables.map(({ name: each, columns }) => [
    each,
    columns.map((column) => `${column.name} ${column.type}`).join(", "),
  ]);
  if (rows.length > 0) out.print(table([["TABLE", "COLUMNS"], ...rows]));
  for (const [collection, atoms] of Object.entries(untagged))
    out.print(`${collection}: not tagged, and so not here: ${atoms.join(", ")}`);
  const resting = tables.flatMap(({ collection, paused }) =>
    paused === null ? [] : [sentenceOf(name, collection, paused)],
  );
  for (const sentence of resting) out.print(sentence);
  return resting.length === 0 ? 0 : 1;
}

/** Exit code 1 where it differs from the space. */
async function verify(name: string, warehouse: Warehouse, out: Output, signal: AbortSignal): Promise<number> {
  const report = await watched(out, (onProgress) => warehouse.verify({ signal, onProgress }));
  const { revision, compared, differences, skipped } = report;
  out.data(report);
  for (const { collection, id, what, columns } of differences)
    out.print(`${collection}/${id}: ${what}${columns.length === 0 ? "" : ` in ${columns.join(", ")}`}`);
  for (const collection of skipped) out.print(`${collection} rests, and was not compared.`);
  const found = differences.length === 0 ? "holds what the space holds" : `differs in ${differences.length} records`;
  out.print(`${name} ${found}: ${compared} records at revision ${revision}.`);
  return differences.length + skipped.length === 0 ? 0 : 1;
}

async function query(warehouse: Warehouse, sql: string | undefined, out: Output): Promise<void> {
  if (sql === undefined)
    throw misuse('tidemark warehouse query needs what to ask, such as "SELECT count(*) FROM items".');
  const { columns, rows } = await warehouse.query(sql).catch((error: unknown) => {
    if (error instanceof Error && error.name === "WarehouseError") throw error;
    throw new Failure(`The query failed: ${(error as Error).message.split("\n")[0]}.`);
  });
  for (const row of rows) out.data(row);
  const cells = rows.map((row) => columns.map((column) => shown(row[column])));
  out.print(table([[...columns], ...cells]));
}
