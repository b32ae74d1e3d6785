import type { HeadResponse } from "../../wire/head.ts";
import { askJson } from "../api.ts";
import { command, listOf, SPACE_ARGS } from "../command.ts";
import { misuse } from "../failure.ts";
import { table } from "../output.ts";
import { openWhere } from "../where.ts";

export default command({
  name: "head",
  description: "Says what revision a space is at",
  args: {
    where: { type: "positional", required: true, description: "a server's address, a data folder or postgres://…" },
    scope: { type: "string", description: "also count and fingerprint these scopes", valueHint: "S,S" },
    at: {
      type: "string",
      description: "the revision at this time instead, such as 2026-11-22T20:00Z",
      valueHint: "TIME",
    },
    ...SPACE_ARGS,
  },
  async run({ args, env, out }) {
    const query = new URLSearchParams();
    for (const scope of listOf(args.scope ?? "")) query.append("scope", scope);
    if (args.at !== undefined) query.set("at", isoTime(args.at));
    const { space, close } = await openWhere(args.where, args, env);
    try {
      const head = await askJson<HeadResponse>(space, query.size === 0 ? "" : `?${query}`);
      out.result(table(rowsOf(head)), head);
    } finally {
      await close();
    }
  },
});

function isoTime(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime()))
    throw misuse(`--at takes a time such as 2026-11-22T20:00Z, not ${JSON.stringify(text)}.`);
  return time.toISOString();
}

function rowsOf(head: HeadResponse): string[][] {
  const rows = [
    ["space", head.space],
    ["revision", String(head.revision)],
    ["committed", head.at ?? "never"],
    ["journal kept", `after revision ${head.horizon.journal}`],
    ["deltas possible", `from revision ${head.horizon.tombstones}`],
  ];
  for (const [scope, { count, digest }] of Object.entries(head.scopes ?? {})) {
    rows.push([`scope ${scope}`, `${count} records, digest ${digest}`]);
  }
  return rows;
}
