import type { GrantedLink, Invitation } from "../../wire/grants.ts";
import { askServer, type Space } from "../api.ts";
import { listOf } from "../command.ts";
import { type Output, table } from "../output.ts";

interface InviteArgs {
  readonly scope?: string | undefined;
  readonly direction?: string | undefined;
  readonly users?: string | undefined;
  readonly authors?: boolean | undefined;
  readonly lasts?: string | undefined;
}

/** Prints the code alone, for whoever sets the other server up. */
export async function grantLink(space: Space, { scope, direction, users, authors, lasts }: InviteArgs, out: Output) {
  const scopes = scope === undefined ? undefined : listOf(scope);
  const body = { space: space.name, scopes, direction, users, authors, lasts };
  const invitation = (await (await askServer(space, "/v1/links/invite", body)).json()) as Invitation;
  out.note(`Good once, until ${invitation.expires}, for a link that gets ${whatOf(invitation)}:`);
  out.result(invitation.code, invitation);
}

export async function listGranted(space: Space, out: Output): Promise<void> {
  const { links } = (await (await askServer(space, "/v1/links")).json()) as { links: readonly GrantedLink[] };
  for (const link of links) out.data(link);
  const rows = links.map((link) => [
    link.link,
    link.revoked === null ? "granted" : "revoked",
    link.since,
    whatOf(link),
  ]);
  out.print(rows.length === 0 ? "No link was registered here." : table([["ID", "STATE", "SINCE", "GETS"], ...rows]));
}

export async function revokeLink(space: Space, link: string, out: Output): Promise<void> {
  const revoked = (await (await askServer(space, "/v1/links/revoke", { link })).json()) as GrantedLink;
  out.result(`${link} is revoked: it is answered nothing any more, and its connections are closed.`, revoked);
}

const ACCOUNTS = { none: "", directory: ", users", verifier: ", users and password verifiers" };

function whatOf({ space, scopes, direction, users, authors }: Invitation | GrantedLink): string {
  return `${space} ${scopes.join(",")}, ${direction}${ACCOUNTS[users]}${authors === true ? ", authors" : ""}`;
}
