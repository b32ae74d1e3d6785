import type { Item, ItemFilter, ItemStatus, RunRow, Task } from "../../ingest/index.ts";
import type { Json } from "../../util/json.ts";
import { type Context, command } from "../command.ts";
import { Failure, misuse } from "../failure.ts";
import { INGEST_ARGS, type OpenIngest, openIngest, tasksNamed, timeOf } from "../ingest/open.ts";
import { type Output, shown, table } from "../output.ts";
import { parseWhole } from "../values.ts";

const ARGS = {
  do: { type: "positional", required: true, description: "list, show, fix, replay, or discard" },
  stream: { type: "positional", required: false, description: "SOURCE.STREAM" },
  number: { type: "positional", required: false, description: "the item, as list tells it" },
  ...INGEST_ARGS,
  code: { type: "string", description: "only items with this code, such as schema", valueHint: "CODE" },
  path: { type: "string", description: "only items about this atom", valueHint: "ATOM" },
  status: {
    type: "string",
    description: "list: unsettled (default), open, waiting, fixed, replayed, superseded, discarded, all",
    valueHint: "STATUS",
  },
  set: { type: "string", description: 'fix: fields as JSON, such as {"name":"Ada"}', valueHint: "JSON" },
} as const;

const STATUSES = ["unsettled", "open", "waiting", "fixed", "replayed", "superseded", "discarded", "all"];

export default command({
  name: "quarantine",
  description: "Records that could not be taken in: why, and how they come in after all",
  args: ARGS,
  async run({ args, env, out }: Context<typeof ARGS>) {
    const reads = args.do === "list" || args.do === "show";
    if (!reads && !["fix", "replay", "discard"].includes(args.do))
      throw misuse(`There is no quarantine ${args.do}: list, show, fix, replay or discard.`);
    const filter = filterOf(args);
    const open = await openIngest(args, env, reads);
    try {
      const tasks = tasksNamed(open, args.stream);
      if (args.do === "list") return await list(open, tasks, filter, out);
      const [task, another] = tasks;
      if (task === undefined || another !== undefined || args.stream === undefined)
        throw misuse(`quarantine ${args.do} needs one stream: ${tasks.map(({ name }) => name).join(", ")}.`);
      switch (args.do) {
        case "show":
          return await show(open, task, needed(filter), out);
        case "fix":
          return await fix(open, task, needed(filter), fieldsOf(args.set), out);
        case "replay":
          return tellReplay(await open.ingest.replay(open.space, task.name, filter), out);
        default:
          return await discard(open, task, filter, out);
      }
    } finally {
      await open.close();
    }
  },
});

interface FilterArgs {
  readonly number?: string | undefined;
  readonly code?: string | undefined;
  readonly path?: string | undefined;
  readonly status?: string | undefined;
}

function filterOf({ number, code, path, status }: FilterArgs): ItemFilter {
  if (status !== undefined && !STATUSES.includes(status))
    throw misuse(`There is no status ${status}: ${STATUSES.join(", ")}.`);
  return {
    ...(number !== undefined && { numbers: [parseWhole(number, "NUMBER", 1, Number.MAX_SAFE_INTEGER)] }),
    ...(code !== undefined && { code }),
    ...(path !== undefined && { path }),
    ...(status !== undefined && { status: status as ItemStatus }),
  };
}

function needed({ numbers }: ItemFilter): number {
  const [number] = numbers ?? [];
  if (number === undefined) throw misuse("This needs the NUMBER of an item: see quarantine list.");
  return number;
}

function fieldsOf(text: string | undefined): { [field: string]: Json } {
  try {
    const value = JSON.parse(text ?? "") as Json;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as { [field: string]: Json };
  } catch {
    // It is told below, with what was expected.
  }
  throw misuse("quarantine fix needs --set '{\"field\": value}', with the names that the source has.");
}

async function list(
  { ingest, space }: OpenIngest,
  tasks: readonly Task[],
  filter: ItemFilter,
  out: Output,
): Promise<void> {
  const rows: string[][] = [];
  for (const { name } of tasks) {
    for await (const item of ingest.items(space, name, filter)) {
      out.data({ stream: name, ...item });
      const { number, status, code, path, position, times, message } = item;
      rows.push([name, String(number), status, code, path || "-", position, String(times), message]);
    }
  }
  const head = ["STREAM", "NUMBER", "STATUS", "CODE", "ATOM", "POSITION", "TIMES", "WHY"];
  out.print(rows.length === 0 ? "Nothing is in quarantine." : table([head, ...rows]));
}

async function show({ ingest, space }: OpenIngest, { name }: Task, number: number, out: Output): Promise<void> {
  for await (const item of ingest.items(space, name, { numbers: [number], status: "all" })) {
    out.data({ stream: name, ...item });
    for (const line of linesOf(item)) out.print(line);
    return;
  }
  throw new Failure(`There is no item ${number} in ${name}.`);
}

function linesOf(item: Item): string[] {
  const { number, status, stage, position, key, run, version, times, firstSeen, lastSeen, flaws, value, raw } = item;
  return [
    `${number}: ${status}, refused at ${stage} in run ${run} by the rules ${version}`,
    `at ${position}, key ${key === null ? "unknown" : key.join("/")}, ${times} times from ${timeOf(firstSeen)} to ${timeOf(lastSeen)}`,
    ...flaws.map(({ code, path, message }) => `  ${code}${path === "" ? "" : ` ${path}`}: ${message}`),
    ...Object.entries(value ?? {}).map(([field, each]) => `  ${field} = ${shown(each)}`),
    ...(raw === undefined ? [] : [`  raw: ${raw}`]),
  ];
}

async function fix(
  { ingest, space }: OpenIngest,
  { name }: Task,
  number: number,
  values: { [field: string]: Json },
  out: Output,
): Promise<number> {
  const row = await ingest.fix(space, name, number, values);
  if (row === null) throw new Failure(`There is no item ${number} in ${name} that is not settled.`);
  return tellReplay(row, out);
}

/** Exit code 1 where something was refused again. */
function tellReplay(row: RunRow | null, out: Output): number {
  if (row === null) {
    out.result("There was nothing to replay.", { replayed: 0 });
    return 0;
  }
  const { read, added, changed, unchanged, stale, rejected } = row;
  const text = `${read} replayed: ${added} new, ${changed} changed, ${unchanged} as they were, ${stale} older than what is here, ${rejected} refused again`;
  out.result(text, row);
  return rejected > 0 ? 1 : 0;
}

async function discard({ ingest, space }: OpenIngest, { name }: Task, filter: ItemFilter, out: Output): Promise<void> {
  if (Object.keys(filter).length === 0) throw misuse("quarantine discard needs a NUMBER, --code or --path.");
  const count = await ingest.discard(space, name, filter);
  out.result(`${count} discarded; they are kept, and not tried again.`, { discarded: count });
}
