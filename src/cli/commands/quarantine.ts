import type { Item, QuarantineOrder, QuarantineResponse, RunRow } from "../../ingest/index.ts";
import type { Json } from "../../util/json.ts";
import { askJson, type Space } from "../api.ts";
import { type Context, command } from "../command.ts";
import { misuse } from "../failure.ts";
import { INGEST_ARGS, openIngest, streamPath, streamsNamed, timeOf } from "../ingest/open.ts";
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
    const fields = args.do === "fix" ? fieldsOf(args.set) : {};
    if (args.do === "discard" && filter.number === undefined && filter.code === undefined && filter.path === undefined)
      throw misuse("quarantine discard needs a NUMBER, --code or --path.");
    const { space, close } = await openIngest(args, env, reads);
    try {
      const streams = (await streamsNamed(space, args.stream)).map(({ stream }) => stream);
      if (args.do === "list") return await list(space, streams, filter, out);
      const [stream, another] = streams;
      if (stream === undefined || another !== undefined || args.stream === undefined)
        throw misuse(`quarantine ${args.do} needs one stream: ${streams.join(", ")}.`);
      switch (args.do) {
        case "show":
          return await show(space, stream, needed(filter), out);
        case "fix":
          return await replayed(space, stream, { do: "fix", number: needed(filter), values: fields }, out);
        case "replay":
          return await replayed(space, stream, { do: "replay", ...someOf(filter) }, out);
        default:
          return await discard(space, stream, { do: "discard", ...someOf(filter) }, out);
      }
    } finally {
      await close();
    }
  },
});

interface Filter {
  readonly number?: number | undefined;
  readonly code?: string | undefined;
  readonly path?: string | undefined;
  readonly status?: string | undefined;
}

function filterOf(args: Omit<Filter, "number"> & { readonly number?: string | undefined }): Filter {
  const { number, code, path, status } = args;
  if (status !== undefined && !STATUSES.includes(status))
    throw misuse(`There is no status ${status}: ${STATUSES.join(", ")}.`);
  return {
    number: number === undefined ? undefined : parseWhole(number, "NUMBER", 1, Number.MAX_SAFE_INTEGER),
    code,
    path,
    status,
  };
}

function someOf({ number, code, path }: Filter) {
  return { ...(number !== undefined && { numbers: [number] }), ...(code && { code }), ...(path && { path }) };
}

function needed({ number }: Filter): number {
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

async function list(space: Space, streams: readonly string[], filter: Filter, out: Output): Promise<void> {
  const rows: string[][] = [];
  for (const stream of streams) {
    for await (const item of itemsOf(space, stream, filter)) {
      out.data({ stream, ...item });
      const { number, status, code, path, position, times, message } = item;
      rows.push([stream, String(number), status, code, path || "-", position, String(times), message]);
    }
  }
  const head = ["STREAM", "NUMBER", "STATUS", "CODE", "ATOM", "POSITION", "TIMES", "WHY"];
  out.print(rows.length === 0 ? "Nothing is in quarantine." : table([head, ...rows]));
}

async function* itemsOf(space: Space, stream: string, { code, path, status }: Filter): AsyncGenerator<Item> {
  const search = new URLSearchParams({ limit: "1000" });
  for (const [name, value] of Object.entries({ code, path, status })) if (value) search.set(name, value);
  for (;;) {
    const { items, next } = await askJson<QuarantineResponse>(space, `${streamPath(stream)}/quarantine?${search}`);
    yield* items;
    if (next === null) return;
    search.set("after", String(next));
  }
}

async function show(space: Space, stream: string, number: number, out: Output): Promise<void> {
  const item = await askJson<Item>(space, `${streamPath(stream)}/quarantine/${number}`);
  out.data({ stream, ...item });
  for (const line of linesOf(item)) out.print(line);
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

async function replayed(space: Space, stream: string, order: QuarantineOrder, out: Output): Promise<number> {
  const { run } = await askJson<{ run: RunRow | null }>(space, `${streamPath(stream)}/quarantine`, order);
  return tellReplay(run, out);
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

async function discard(space: Space, stream: string, order: QuarantineOrder, out: Output): Promise<void> {
  const { discarded } = await askJson<{ discarded: number }>(space, `${streamPath(stream)}/quarantine`, order);
  out.result(`${discarded} discarded; they are kept, and not tried again.`, { discarded });
}
