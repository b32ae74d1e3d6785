import { systemClock } from "../util/clock.ts";
import type { LinkDetails, LinkOrder, LinkRequest, LinksResponse, RemovedData } from "../wire/links.ts";
import { askJson, type Space } from "./api.ts";
import { listOf } from "./command.ts";
import { misuse } from "./failure.ts";
import type { Output } from "./output.ts";

/** How often it is looked whether a link is gone, in milliseconds. */
const LOOK = 200;

interface AddArgs {
  readonly upstream?: string | undefined;
  readonly scope?: string | undefined;
  readonly direction?: string | undefined;
  readonly every?: string | undefined;
  readonly zone?: string | undefined;
  readonly code?: string | undefined;
  readonly users?: string | undefined;
  readonly roles?: string | undefined;
}

export function additionOf(name: string, url: string | undefined, args: AddArgs): LinkRequest {
  if (url === undefined) throw misuse("tidemark link add needs the address of the server upstream, behind the name.");
  const { upstream, scope, direction, every = "live", zone, code, users, roles } = args;
  if (every === "live" && zone !== undefined) throw misuse("--zone is of a time that --every names.");
  return {
    name,
    url,
    ...(upstream !== undefined && { space: upstream }),
    ...(scope !== undefined && { scopes: listOf(scope) }),
    ...(direction !== undefined && { direction: direction as "pull" | "both" }),
    ...(every !== "live" && { schedule: { cron: every, ...(zone !== undefined && { timeZone: zone }) } }),
    ...(code !== undefined && { code }),
    ...(users !== undefined && { users: users as "none" | "directory" | "verifier" }),
    ...(roles !== undefined && { roles: rolesOf(roles) }),
  };
}

/** `there=here`, with commas between. */
function rolesOf(text: string): { [upstream: string]: string } {
  const pairs = listOf(text).map((pair) => pair.split("="));
  const bad = pairs.find((pair) => pair.length !== 2 || pair.includes(""));
  if (bad !== undefined) throw misuse(`--roles takes THERE=HERE, with commas between, and ${bad.join("=")} is not so.`);
  return Object.fromEntries(pairs);
}

export async function addLink(space: Space, addition: LinkRequest, out: Output): Promise<number> {
  const link = await askJson<LinkDetails>(space, "/links", addition);
  out.result(`${link.name} follows ${link.url} ${link.space} ${link.scopes.join(",")}, ${link.direction}.`, link);
  return 0;
}

/** Resolves when nothing of the link is left. */
export async function removeLink(space: Space, name: string, data: RemovedData, out: Output): Promise<number> {
  const order: LinkOrder = { do: "remove", data };
  const left = await askJson<{ queued: number; unsent: number; conflicts: number }>(
    space,
    `/links/${encodeURIComponent(name)}`,
    order,
  );
  if (left.queued + left.unsent > 0) {
    out.note(`${left.queued} mutations, and what was written in ${left.unsent} revisions, had not been sent upstream.`);
  }
  while ((await askJson<LinksResponse>(space, "/links")).links.some((link) => link.name === name)) {
    await systemClock.sleep(LOOK);
  }
  const records = data === "keep" ? "Its records stay." : "Its records are deleted, but for what upstream never had.";
  out.result(`${name} is removed. ${records}`, { name, data, ...left });
  return 0;
}
