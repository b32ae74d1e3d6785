import type { Passed } from "../../users/ldap/pass.ts";
import { askServer, type Space } from "../api.ts";
import { type Output, table } from "../output.ts";

export interface SourceJob {
  readonly space: Space;
  readonly out: Output;
}

async function order<T>({ space }: SourceJob, path: string, body?: object): Promise<T> {
  return (await (await askServer(space, `/v1/auth/${path}`, body)).json()) as T;
}

/** Exits with 1 where somebody could not be taken. */
export async function sync(job: SourceJob, name: string): Promise<number> {
  const source = name.startsWith("ldap:") ? name : `ldap:${name}`;
  const passed = await order<Passed>(job, "sync", { source });
  for (const reason of passed.refused) job.out.note(reason);
  const { found, added, changed, deactivated, unchanged, groups } = passed;
  if (groups !== undefined)
    job.out.note(`${source} has ${groups.found} groups: ${groups.joined} memberships began, ${groups.left} ended`);
  const counts = `${added} added, ${changed} changed, ${deactivated} deactivated, ${unchanged} unchanged`;
  job.out.result(`${source} has ${found} ${found === 1 ? "user" : "users"}: ${counts}`, passed);
  return passed.refused.length === 0 ? 0 : 1;
}

export async function confirm(job: SourceJob, source: string): Promise<void> {
  await order(job, "confirm", { source });
  job.out.result(`What ${source} deactivates is let through: within a day, of a directory in its next pass`, {
    source,
  });
}

/** Prints nothing but the token, which cannot be shown again. */
export async function scimToken(job: SourceJob, name: string): Promise<void> {
  const made = await order<{ token: string }>(job, "scim-token", { name });
  job.out.result(made.token, made);
}

export async function scimTokens(job: SourceJob): Promise<void> {
  const { tokens } = await order<{ tokens: { name: string; made: string; hash: string }[] }>(job, "scim-tokens");
  for (const token of tokens) job.out.data(token);
  job.out.print(table([["NAME", "MADE", "HASH"], ...tokens.map(({ name, made, hash }) => [name, made, hash])]));
}

export async function scimRevoke(job: SourceJob, name: string): Promise<void> {
  const { revoked } = await order<{ revoked: number }>(job, "scim-revoke", { name });
  const tokens = `${revoked} ${revoked === 1 ? "token" : "tokens"}`;
  job.out.result(`${tokens} of ${name} ${revoked === 1 ? "is" : "are"} good for nothing any more`, { name, revoked });
}
