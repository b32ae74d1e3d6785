import type {
  LiftResponse,
  LineageResponse,
  RunRow,
  RunsResponse,
  SourceDifference,
  StreamOrder,
  StreamStatus,
  Verification,
} from "../../ingest/index.ts";
import { askJson, type Space } from "../api.ts";
import { type Context, command } from "../command.ts";
import { misuse } from "../failure.ts";
import { INGEST_ARGS, openIngest, streamPath, streamsNamed, timeOf } from "../ingest/open.ts";
import { ordered } from "../ingest/order.ts";
import { type Output, shown, table } from "../output.ts";

const ARGS = {
  do: {
    type: "positional",
    required: true,
    description: "run, status, runs, backfill, refresh, verify, origin, or lift",
  },
  stream: {
    type: "positional",
    required: false,
    description: "SOURCE.STREAM or SOURCE; by default all of the space. origin, lift: COLLECTION/ID",
  },
  ...INGEST_ARGS,
  from: { type: "string", description: "backfill: from this time, ISO 8601", valueHint: "TIME" },
  to: { type: "string", description: "backfill: up to this time, which is not in it", valueHint: "TIME" },
  accept: { type: "boolean", description: "takes a batch that checks would hold" },
} as const;

const READS = ["status", "runs", "origin", "verify"];
const WRITES = ["run", "backfill", "refresh", "lift"];

export default command({
  name: "ingest",
  description: "Picks up what the configuration says comes in, and tells of the runs",
  lasts: true,
  args: ARGS,
  async run({ args, env, out, stop }: Context<typeof ARGS>) {
    const reads = READS.includes(args.do);
    if (!reads && !WRITES.includes(args.do))
      throw misuse(`There is no ingest ${args.do}: run, status, runs, backfill, refresh, verify, origin or lift.`);
    const order = orderOf(args);
    const open = await openIngest(args, env, reads);
    // Ended by Ctrl-C, a run of this process leaves its row before it goes.
    const end = () => void open.close();
    stop.addEventListener("abort", end, { once: true });
    try {
      const { space } = open;
      if (args.do === "origin") return await origin(space, args.stream, out);
      if (args.do === "lift") return await lift(space, args.stream, out);
      const streams = await streamsNamed<StreamStatus>(space, args.stream);
      if (args.do === "status") return status(streams, out);
      if (args.do === "runs") return await runs(space, streams, out);
      if (args.do === "verify") return await verifyAll(space, streams, stop, out);
      return await runAll(space, streams, order, stop, out);
    } finally {
      await open.close();
    }
  },
});

interface OrderArgs {
  readonly do: string;
  readonly accept?: boolean | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

function orderOf({ do: what, accept = false, from, to }: OrderArgs): StreamOrder {
  if (what !== "backfill") {
    if (from !== undefined || to !== undefined) throw misuse("--from and --to belong to `ingest backfill`.");
    return { do: what === "refresh" ? "refresh" : "run", accept };
  }
  if (from === undefined || to === undefined) throw misuse("ingest backfill needs --from TIME and --to TIME.");
  for (const time of [from, to])
    if (Number.isNaN(Date.parse(time))) throw misuse(`${time} is no time: write 2026-01-31.`);
  if (Date.parse(from) >= Date.parse(to)) throw misuse("--from lies before --to.");
  return { do: "backfill", from, to, accept };
}

/** Exit code 1 where a run was held or has failed. */
async function runAll(
  space: Space,
  streams: readonly StreamStatus[],
  order: StreamOrder,
  stop: AbortSignal,
  out: Output,
): Promise<number> {
  const rows: [string, RunRow][] = [];
  for (const { stream } of streams) {
    if (stop.aborted) break;
    const { run } = await ordered(space, stream, order, out);
    if (run === undefined) continue;
    out.data({ stream, ...run });
    rows.push([stream, run]);
  }
  out.print(runTable(rows));
  tellReasons(rows, out);
  return rows.length === streams.length && rows.every(([, { status: each }]) => each === "done") ? 0 : 1;
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

async function runs(space: Space, streams: readonly StreamStatus[], out: Output): Promise<void> {
  const rows: [string, RunRow][] = [];
  for (const { stream } of streams) {
    const answer = await askJson<RunsResponse>(space, `${streamPath(stream)}/runs`);
    for (const row of answer.runs) rows.push([stream, row]);
  }
  for (const [stream, row] of rows) out.data({ stream, ...row });
  out.print(rows.length === 0 ? "Nothing has run yet." : runTable(rows));
  tellReasons(rows, out);
}

/** Exit code 1 where the last run of a stream was not done. */
function status(streams: readonly StreamStatus[], out: Output): number {
  for (const each of streams) out.data(each);
  const rows = streams.map(({ stream, collection, deletes, state, last, due, quarantine }) => [
    stream,
    collection,
    last?.status ?? "never ran",
    timeOf(state.succeeded),
    due === null ? "when asked" : timeOf(due),
    String(state.rows),
    deletes,
    Object.entries(quarantine)
      .map(([code, count]) => `${count} ${code}`)
      .join(", ") || "-",
  ]);
  const head = ["STREAM", "COLLECTION", "LAST RUN", "LAST DONE", "NEXT", "RECORDS", "DELETES", "QUARANTINE"];
  out.print(table([head, ...rows]));
  return streams.every(({ last }) => last === null || last.status === "done" || last.status === "running") ? 0 : 1;
}

/** Exit code 1 where something differs. */
async function verifyAll(
  space: Space,
  streams: readonly StreamStatus[],
  stop: AbortSignal,
  out: Output,
): Promise<number> {
  let differ = 0;
  for (const { stream } of streams) {
    if (stop.aborted) return 1;
    const { verification } = await ordered(space, stream, { do: "verify" }, out);
    if (verification === undefined) continue;
    out.data(verification);
    differ += tellVerification(verification, out);
  }
  return differ === 0 ? 0 : 1;
}

function tellVerification({ stream, read, same, counts, whole, differences }: Verification, out: Output): number {
  const { missing, gone, different, quarantine } = counts;
  const count = missing + gone + different + quarantine;
  const what = `${missing} missing here, ${gone} gone there, ${different} different, ${quarantine} in quarantine`;
  out.print(`${stream}: ${read} read, ${same} the same, ${count === 0 ? "nothing differs" : what}`);
  if (!whole) out.print(`${stream}: the source gives no complete pass, so that what is gone from it is not known.`);
  const rows = differences.map((each) => [each.kind, each.key?.join("/") ?? "-", each.position ?? "-", whyOf(each)]);
  if (rows.length > 0) out.print(table([["WHAT", "KEY", "POSITION", "WHY"], ...rows]));
  if (count > rows.length) out.print(`… and ${count - rows.length} more`);
  return count;
}

function whyOf({ atoms = {}, code, message, item }: SourceDifference): string {
  const values = Object.entries(atoms).map(
    ([atom, { source, here }]) => `${atom}: ${shown(source)}, here ${shown(here)}`,
  );
  const refused = code === undefined ? [] : [`${item === undefined ? "" : `item ${item}: `}${code}: ${message ?? ""}`];
  return [...values, ...refused].join(", ");
}

/** Where the atoms of a record came from (I9). */
async function origin(space: Space, record: string | undefined, out: Output): Promise<number> {
  const [collection, id] = namedRecord("origin", record).map(encodeURIComponent);
  const { values } = await askJson<LineageResponse>(space, `/ingest/lineage/${collection}/${id}`);
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

/** Lets a record that was erased come in again (K8). Exit code 1 where none of it was kept out. */
async function lift(space: Space, record: string | undefined, out: Output): Promise<number> {
  const [collection, id] = namedRecord("lift", record);
  const { lifted } = await askJson<LiftResponse>(space, "/ingest/lift", { collection, id });
  out.data({ collection, id, lifted });
  out.print(
    lifted === 0
      ? `Nothing of ${record} is kept out.`
      : `${lifted} source records of ${record} come in again: with the next complete pass, or now with tidemark ingest refresh.`,
  );
  return lifted === 0 ? 1 : 0;
}

function namedRecord(what: string, record = ""): [collection: string, id: string] {
  const cut = record.indexOf("/");
  if (cut < 1) throw misuse(`ingest ${what} needs COLLECTION/ID.`);
  return [record.slice(0, cut), record.slice(cut + 1)];
}
