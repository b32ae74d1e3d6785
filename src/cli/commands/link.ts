import type { Write } from "../../model/mutation.ts";
import type { RecordData } from "../../model/record.ts";
import { randomName, systemRandom } from "../../util/random.ts";
import type { HeadResponse } from "../../wire/head.ts";
import type { LinkDetails, LinkOrder, LinkStatus, LinksResponse, RemovedData, WireConflict } from "../../wire/links.ts";
import type { PushResponse } from "../../wire/push.ts";
import { askJson, type Space } from "../api.ts";
import { type Context, command, SPACE_ARGS } from "../command.ts";
import { Failure, misuse } from "../failure.ts";
import { grantLink, listGranted, revokeLink } from "../link/grants.ts";
import { additionOf, addLink, removeLink } from "../links.ts";
import { type Output, shown, table } from "../output.ts";
import { parseWhole } from "../values.ts";
import { remoteSpace } from "../where.ts";

/** Records that a verification names. */
const SHOWN = 20;

const DOES: readonly string[] = [
  ...["list", "show", "conflicts", "pause", "resume", "verify", "confirm", "add", "remove", "apply"],
  ...["invite", "granted", "revoke"],
];

const ARGS = {
  do: {
    type: "positional",
    required: true,
    description:
      "list, show, conflicts, pause, resume, verify, confirm what is held, add, remove, or apply a lost write again; upstream: invite, granted, revoke",
  },
  server: { type: "positional", required: true, description: "the address of the server that follows another" },
  name: { type: "positional", required: false, description: "the link; revoke: its id" },
  what: {
    type: "positional",
    required: false,
    description: "add: the address upstream; apply: the number of the conflict, as show tells it",
  },
  upstream: { type: "string", description: "add: the space upstream; by default of the same name", valueHint: "S" },
  scope: {
    type: "string",
    description: "add, invite: scopes or patterns, with commas between; all by default",
    valueHint: "SCOPES",
  },
  direction: {
    type: "enum",
    description: "add, invite: pull or both; pull by default",
    options: ["pull", "both"] as string[],
  },
  every: { type: "string", description: 'add: live, or when it runs, such as "*/15 * * * *"', valueHint: "CRON" },
  zone: { type: "string", description: "add: the time zone of --every; UTC by default", valueHint: "ZONE" },
  code: { type: "string", description: "add: the one-time code of link invite, upstream", valueHint: "CODE" },
  data: { type: "enum", description: "remove: whether its records stay", options: ["keep", "delete"] as string[] },
  users: { type: "string", description: "add, invite: none, directory or verifier; none by default", valueHint: "U" },
  roles: {
    type: "string",
    description: "add: which role upstream gives which role here, as there=here, with commas between",
    valueHint: "ROLES",
  },
  authors: { type: "boolean", description: "invite: the link learns who wrote what, and says so of what it brings" },
  lasts: { type: "string", description: "invite: how long the code is good; 24h by default", valueHint: "AGE" },
  ...SPACE_ARGS,
} as const;

export default command({
  name: "link",
  description: "Shows what a server follows of others, what was lost on the way, and lets it rest",
  args: ARGS,
  async run({ args, env, out }: Context<typeof ARGS>) {
    const space = remoteSpace(args.server, args, env);
    if (!DOES.includes(args.do)) throw misuse(`There is no link ${args.do}, but ${DOES.join(", ")}.`);
    if (args.do === "list") return await list(space, out);
    if (args.do === "granted") return await listGranted(space, out);
    if (args.do === "invite") return await grantLink(space, args, out);
    if (args.name === undefined) throw misuse(`tidemark link ${args.do} needs the name of a link: see link list.`);
    switch (args.do) {
      case "show":
        return await show(space, args.name, out);
      case "conflicts":
        return await conflicts(space, args.name, out);
      case "pause":
      case "resume":
        await order(space, args.name, { do: args.do });
        return out.result(`${args.name} is to ${args.do}.`, { name: args.name, do: args.do });
      case "confirm":
        await order(space, args.name, { do: "confirm" });
        return out.result(`What ${args.name} held is taken in.`, { name: args.name, do: args.do });
      case "revoke":
        return await revokeLink(space, args.name, out);
      case "verify":
        return await verify(space, args.name, out);
      case "add":
        return await addLink(space, additionOf(args.name, args.what, args), out);
      case "remove":
        return await removeLink(space, args.name, (args.data ?? "keep") as RemovedData, out);
      case "apply":
        return await apply(space, args.name, parseWhole(args.what ?? "", "NUMBER", 1, Number.MAX_SAFE_INTEGER), out);
    }
  },
});

const pathOf = (name: string) => `/links/${encodeURIComponent(name)}`;

function order<T>(space: Space, name: string, what: LinkOrder): Promise<T> {
  return askJson<T>(space, pathOf(name), what);
}

/** Exit code 1 where a link does not do what it should. */
async function list(space: Space, out: Output): Promise<number> {
  const { links } = await askJson<LinksResponse>(space, "/links");
  for (const link of links) out.data(link);
  const rows = links.map((link) => [link.name, link.state, link.direction, upstreamOf(link), countsOf(link)]);
  out.print(
    rows.length === 0
      ? "This space follows no other."
      : table([["LINK", "STATE", "DIRECTION", "UPSTREAM", ""], ...rows]),
  );
  for (const { name, cause } of links) if (cause !== null) out.print(`${name}: ${cause}`);
  return links.some(({ state }) => state === "refused" || state === "crashing") ? 1 : 0;
}

function upstreamOf({ url, space, scopes }: LinkStatus): string {
  return `${url} ${space} ${scopes.join(",")}`;
}

function countsOf({ revision, queued, unsent, aside, held, conflicts }: LinkStatus): string {
  const counts = [`at ${revision}`];
  if (queued + unsent > 0) counts.push(`${queued} waiting, ${unsent} revisions to look at`);
  if (aside > 0) counts.push(`${aside} set aside`);
  if (held > 0) counts.push(`${held} held until link confirm`);
  if (conflicts > 0) counts.push(`${conflicts} lost`);
  return counts.join(", ");
}

async function show(space: Space, name: string, out: Output): Promise<void> {
  const details = await askJson<LinkDetails>(space, pathOf(name));
  out.data(details);
  const { state, cause, since, history, asideLog, conflictLog, path, authors } = details;
  out.print(`${name}: ${state} since ${since}${cause === null ? "" : `: ${cause}`}`);
  out.print(`${upstreamOf(details)}, ${details.direction}, ${countsOf(details)}`);
  if (authors !== null) out.print(authors ? "upstream says who wrote what" : "upstream does not say who wrote what");
  if (path.length > 0) out.print(`above: ${path.join(" ← ")}`);
  for (const each of history) out.print(`  ${each.at}  ${each.state}${each.cause === null ? "" : `: ${each.cause}`}`);
  if (asideLog.length > 0) out.print("\nset aside:");
  for (const { collection, id, message, at } of asideLog) out.print(`  ${at}  ${collection}/${id}: ${message}`);
  if (conflictLog.length > 0) out.print("\nlost against upstream:");
  printConflicts(conflictLog, out);
}

async function conflicts(space: Space, name: string, out: Output): Promise<void> {
  const { conflictLog } = await askJson<LinkDetails>(space, pathOf(name));
  for (const conflict of conflictLog) out.data(conflict);
  if (conflictLog.length === 0) out.print(`Nothing of what was written here lost against what ${name} follows.`);
  printConflicts(conflictLog, out);
}

function printConflicts(conflictLog: readonly WireConflict[], out: Output): void {
  const rows = conflictLog.map((each) => [
    `  ${each.number}`,
    each.at,
    `${each.collection}/${each.id}`,
    each.op === "delete" ? "delete" : shown(each.atoms),
    each.author === null ? "" : `${each.author.user} · ${each.author.client}`,
    each.reason,
  ]);
  if (rows.length > 0) out.print(table(rows));
}

interface Report {
  readonly subscriptions: readonly { readonly key: string; readonly differences: readonly unknown[] }[];
  readonly own: readonly { readonly collection: string; readonly id: string }[];
}

async function verify(space: Space, name: string, out: Output): Promise<number> {
  const { report } = await order<{ report: Report | null }>(space, name, { do: "verify" });
  if (report === null) throw new Failure(`The link ${name} does not run now: see link show.`);
  out.data(report);
  const found = report.subscriptions.filter(({ differences }) => differences.length > 0);
  for (const { key, differences } of found)
    out.print(`${key}: ${differences.length} records differed, and are repaired.`);
  if (found.length === 0) out.print(`${name} holds what upstream holds.`);
  const { own } = report;
  if (own.length > 0) out.print(`${own.length} records are otherwise here, as they were written here:`);
  for (const { collection, id } of own.slice(0, SHOWN)) out.print(`  ${collection}/${id}`);
  return found.length === 0 ? 0 : 1;
}

/** Writes once more what lost, as of now, in the name of whoever asks for it. */
async function apply(space: Space, name: string, number: number, out: Output): Promise<number> {
  const { conflictLog } = await askJson<LinkDetails>(space, pathOf(name));
  const conflict = conflictLog.find((each) => each.number === number);
  if (conflict === undefined) throw new Failure(`The link ${name} has lost nothing under the number ${number}.`);
  const { revision } = await askJson<HeadResponse>(space, "");
  const mutation = { id: 1, base: revision, writes: [await writeOf(space, conflict)] };
  const client = `link-apply-${randomName(systemRandom)}`;
  const { outcomes } = await askJson<PushResponse>(space, "/push", { client, mutations: [mutation] });
  const [outcome] = outcomes;
  out.result(`${conflict.collection}/${conflict.id}: ${outcome?.status}`, outcome);
  return outcome?.status === "applied" ? 0 : 1;
}

async function writeOf(space: Space, { collection, id, op, atoms }: WireConflict): Promise<Write> {
  if (op === "delete") return { op, collection, id };
  const record = { ...atoms, id } as RecordData;
  return { op: (await isThere(space, collection, id)) ? "update" : "insert", collection, record };
}

async function isThere(space: Space, collection: string, id: string): Promise<boolean> {
  const path = `/history/${encodeURIComponent(collection)}/${encodeURIComponent(id)}?limit=1`;
  const history = await askJson<{ versions: { after: unknown }[] }>(space, path).catch(() => ({ versions: [] }));
  return history.versions[0]?.after != null;
}
