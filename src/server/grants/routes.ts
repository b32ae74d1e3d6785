import { z } from "zod";
import { idFlaw, spaceFlaw, subscribedFlaw } from "../../model/names.ts";
import type { GrantedLink } from "../../wire/grants.ts";
import { Problem } from "../../wire/problem.ts";
import { ageOf } from "../age.ts";
import { readJson } from "../body.ts";
import { json } from "../encode.ts";
import { parsed } from "../requests/parts.ts";
import type { Route } from "../routes.ts";
import type { Granted } from "./book.ts";
import type { Grants } from "./grants.ts";

const LIMITS = { body: 65_536, depth: 6 };
/** How long a code is good where nothing else is said, and at most. */
const GOOD = "24h";
const LONGEST = 30 * 86_400_000;

const grant = z
  .object({
    space: named(spaceFlaw),
    scopes: z.array(named(subscribedFlaw)).max(100).default(["*"]),
    direction: z.enum(["pull", "both"]).default("pull"),
    users: z.enum(["none", "directory", "verifier"]).default("none"),
    authors: z.boolean().optional(),
  })
  .refine(({ space }) => !space.startsWith("system-"), { path: ["space"], error: "this space is followed by no link" })
  .refine(({ space, users }) => space !== "system" || users !== "none", {
    path: ["users"],
    error: "the space system is what `users` says: directory or verifier",
  });
const invite = z.object({
  lasts: z
    .string()
    .default(GOOD)
    .refine((text) => lastsOf(text) !== null, { error: "expected an age up to 30d" }),
});
const registration = z.object({
  code: z.string().min(1).max(256),
  key: z.string().regex(/^[A-Za-z0-9_-]{43}$/, { error: "expected an Ed25519 public key as base64url" }),
  proof: z.string().max(4_096),
  identity: named(idFlaw),
  wants: grant,
});
const revocation = z.object({ link: named(idFlaw) });

/** How links come to be, and end (S7). Registering asks for no token, since the code in its body is judged. */
export function grantRoutes(grants: Grants): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/links/invite",
      asks: "admin",
      handle: async (_, { request }) => {
        const body = await readJson(request, LIMITS);
        const { lasts } = parsed(invite, body);
        return json(request, await grants.invite(parsed(grant, body), lastsOf(lasts) ?? 0));
      },
    },
    {
      method: "POST",
      path: "/v1/links/register",
      asks: "credentials",
      handle: async ({ log }, { request }) => {
        const registered = await grants.register(parsed(registration, await readJson(request, LIMITS)));
        log.info({ link: registered.link, space: registered.grant.space }, "a link was registered");
        return json(request, registered);
      },
    },
    {
      method: "GET",
      path: "/v1/links",
      asks: "admin",
      handle: async (_, { request }) => json(request, { links: (await grants.list()).map(shown) }),
    },
    {
      method: "POST",
      path: "/v1/links/revoke",
      asks: "admin",
      handle: async ({ log }, { request }) => {
        const { link } = parsed(revocation, await readJson(request, LIMITS));
        const revoked = await grants.revoke(link);
        if (revoked === null) throw new Problem("not-found", "no link of that id was registered here");
        log.info({ link }, "a link was revoked");
        return json(request, shown(revoked));
      },
    },
  ];
}

function shown({ link, grant: granted, identity, since, revoked }: Granted): GrantedLink {
  const time = (at: number) => new Date(at).toISOString();
  return { link, ...granted, identity, since: time(since), revoked: revoked === null ? null : time(revoked) };
}

function lastsOf(text: string): number | null {
  const lasts = ageOf(text);
  return lasts !== null && lasts > 0 && lasts <= LONGEST ? lasts : null;
}

function named(flawOf: (text: string) => string | null) {
  return z.string().superRefine((text, context) => {
    const flaw = flawOf(text);
    if (flaw !== null) context.addIssue({ code: "custom", message: flaw });
  });
}
