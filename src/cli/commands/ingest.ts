import type { RunOptions, RunRow, Task } from "../../ingest/index.ts";
import { type Context, command } from "../command.ts";
import { misuse } from "../failure.ts";
import { INGEST_ARGS, type OpenIngest, openIngest, tasksNamed, timeOf } from "../ingest/open.ts";
import { type Output, shown, table } from "../output.ts";

const ARGS = {
  do: { type: "positional", required: true, description: "run, status, runs, backfill, refresh, or origin" },
  stream: {
    type: "positional",
    required: false,
    description: "SOURCE.STREAM or SOURCE; by default all of the space. origin: COLLECTION/ID",
  },
  ...INGEST_ARGS,
  from: { type: "string", description: "backfill: from this time, ISO 8601", valueHint: "TIME" },
  to: { type: "string", description: "backfill: up to this time, which is not in it", valueHint: "TIME" },
  accept: { type: "boolean", description: "takes a batch that checks would hold" },
} as const;

/** Records between two lines that tell how far it is. */
const TOLD = 50_000;

export default command({
  name: "ingest",
  description: "Picks up what the configuration says comes in, and tells of the runs",
  lasts: true,
  args: ARGS,
  async run({ args, env, out, stop }: Context<typeof ARGS>) {
    const reads = ["status", "runs", "origin"].includes(args.do);
    if (!reads && !["run", "backfill", "refresh"].includes(args.do))
      throw misuse(`There is no ingest ${args.do}: run, status, runs, backfill, refresh or origin.`);
    const window = windowOf(args);
    const open = await openIngest(args, env, reads);
    try {
      if (args.do === "origin") return await origin(open, args.stream, out);
      const tasks = tasksNamed(open, args.stream);
      if (args.do === "status") return await status(open, tasks, out);
      if (args.do === "runs") return await runs(open, tasks, out);
      const options: RunOptions = {
        do: args.do === "refresh" ? "refresh" : "run",
        accept: args.accept === true,
        signal: stop,
        ...(window !== null && { window }),
      };
      return await runAll(open, tasks, options, out);
    } finally {
      await open.close();
    }
  },
});

function windowOf({ do: what, from, to }: { do: string; from?: string | undefined; to?: string | undefined }) {
  if (what !== "backfill") {
    if (from !== undefined || to !== undefined) throw misuse("--from and --to belong to `ingest backfill`.");
    return null;
  }
  if (from === undefined || to === undefined) throw misuse("ingest backfill needs --from TIME and --to TIME.");
  for (const time of [from, to])
    if (Number.isNaN(Date.parse(time))) throw misuse(`${time} is no time: write 2026-01-31.`);
  if (Date.parse(from) >= Date.parse(to)) throw misuse("--from lies before --to.");
  return { from, to };
}

/** Exit code 1 where a run was held or has failed. */
async function runAll(
  { ingest, space }: OpenIngest,
  tasks: readonly Task[],
  options: RunOptions,
  out: Output,
): Promise<number> {
  const rows: [string, RunRow][] = [];
  for (const { name } of tasks) {
    if (options.signal?.aborted) break;
    let told = 0;
    const progress: RunOptions["progress"] = ({ read }, phase) => {
      if (!out.live || (read < told + TOLD && read >= told)) return;
      told = read - (read % TOLD);
      out.note(`${name}: ${phase}, ${read} records`);
    };
    const row = await ingest.run(space, name, { ...options, progress });
    out.data({ stream: name, ...row });
    rows.push([name, row]);
  }
  out.print(runTable(rows));
  tellReasons(rows, out);
  return rows.every(([, { status: each }]) => each === "done") ? 0 : 1;
}

function runTable(rows: readonly (readonly [string, RunRow])[]): string {
  const head = [
    "STREAM",
    "RUN",
    "STARTED",
    "KIND",
    "STATUS",
    "READ",
    "NEW",
    "CHANGED",
    "FIXED",
    "REJECTED",
    "DELETED",
    "HELD",
  ];
  const cells = rows.map(([name, row]) => [
    name,
    String(row.run),
    timeOf(row.started),
    row.kind,
    row.status,
    ...[row.read, row.added, row.changed, row.fixed, row.rejected, row.deleted, row.held].map(String),
  ]);
  return table([head, ...cells]);
}

function tellReasons(rows: readonly (readonly [string, RunRow])[], out: Output): void {
  for (const [name, { run, status: each, reasons }] of rows)
    for (const reason of reasons) out.print(`${name} ${run}: ${each === "done" ? "" : `${each}: `}${reason}`);
}

async function runs({ ingest, space }: OpenIngest, tasks: readonly Task[], out: Output): Promise<void> {
  const rows: [string, RunRow][] = [];
  for (const { name } of tasks) for (const row of await ingest.runs(space, name)) rows.push([name, row]);
  for (const [stream, row] of rows) out.data({ stream, ...row });
  out.print(rows.length === 0 ? "Nothing has run yet." : runTable(rows));
  tellReasons(rows, out);
}

/** Exit code 1 where the last run of a stream was not done. */
async function status({ ingest, space }: OpenIngest, tasks: readonly Task[], out: Output): Promise<number> {
  const wanted = new Set(tasks.map(({ name }) => name));
  const all = (await ingest.status(space)).filter(({ task }) => wanted.has(task));
  for (const each of all) out.data(each);
  const rows = all.map(({ task, collection, deletes, state, last, quarantine }) => [
    task,
    collection,
    last?.status ?? "never ran",
    timeOf(state.succeeded),
    String(state.rows),
    deletes,
    Object.entries(quarantine)
      .map(([code, count]) => `${count} ${code}`)
      .join(", ") || "-",
  ]);
  out.print(table([["STREAM", "COLLECTION", "LAST RUN", "LAST DONE", "RECORDS", "DELETES", "QUARANTINE"], ...rows]));
  return all.every(({ last }) => last === null || last.status === "done" || last.status === "running") ? 0 : 1;
}

/** Where the atoms of a record came from (I9). */
async function origin({ ingest, space }: OpenIngest, record: string | undefined, out: Output): Promise<number> {
  const cut = record?.indexOf("/") ?? -1;
  if (record === undefined || cut < 1) throw misuse("ingest origin needs COLLECTION/ID.");
  const values = await ingest.lineage(space, record.slice(0, cut), record.slice(cut + 1));
  for (const value of values) out.data(value);
  const rows = values.map(({ atom, value, revision, author, from }) => [
    atom,
    shown(value),
    String(revision),
    from !== null
      ? `${from.source}.${from.stream} run ${from.run}`
      : author !== null
        ? `${author.user} ${author.client}`
        : "?",
    from?.position ?? "",
    from?.version ?? "",
  ]);
  out.print(
    rows.length === 0
      ? `There is no ${record}.`
      : table([["ATOM", "VALUE", "REVISION", "FROM", "POSITION", "RULES"], ...rows]),
  );
  return rows.length === 0 ? 1 : 0;
}
