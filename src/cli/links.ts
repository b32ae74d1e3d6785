import { systemClock } from "../util/clock.ts";
import type { LinkAddition, LinkDetails, LinkOrder, LinksResponse, RemovedData } from "../wire/links.ts";
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
}

export function additionOf(name: string, url: string | undefined, args: AddArgs): LinkAddition {
  if (url === undefined) throw misuse("tidemark link add needs the address of the server upstream, behind the name.");
  const { upstream, scope, direction, every = "live", zone } = args;
  if (every === "live" && zone !== undefined) throw misuse("--zone is of a time that --every names.");
  return {
    name,
    url,
    ...(upstream !== undefined && { space: upstream }),
    ...(scope !== undefined && { scopes: listOf(scope) }),
    ...(direction !== undefined && { direction: direction as "pull" | "both" }),
    ...(every !== "live" && { schedule: { cron: every, ...(zone !== undefined && { timeZone: zone }) } }),
  };
}

export async function addLink(space: Space, addition: LinkAddition, out: Output): Promise<number> {
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
