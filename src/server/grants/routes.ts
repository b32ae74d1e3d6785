import { z } from "zod";
import { idFlaw, spaceFlaw, subscribedFlaw } from "../../model/names.ts";
import type { GrantedLink } from "../../wire/grants.ts";
import { Problem } from "../../wire/problem.ts";
import { ageOf } from "../age.ts";
import { readJson } from "../body.ts";
import { json } from "../encode.ts";
import type { About } from "../openapi/about.ts";
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

const granted = z.object({
  space: z.string(),
  scopes: z.array(z.string()),
  direction: z.enum(["pull", "both"]),
  users: z.enum(["none", "directory", "verifier"]),
});
const grantedLink = granted.extend({
  link: z.string(),
  identity: z.string(),
  since: z.string(),
  revoked: z.string().nullable(),
});
const ABOUT = {
  invite: {
    summary: "A code by which one link may register",
    body: z.looseObject({ ...grant.shape, ...invite.shape }),
    answer: granted.extend({ code: z.string(), expires: z.string() }),
  },
  register: {
    summary: "Registers a link by its code",
    body: registration,
    answer: z.object({
      link: z.string(),
      server: z.object({ id: z.string(), key: z.string() }),
      grant: granted,
    }),
  },
  list: { summary: "The links that may follow this server", answer: z.object({ links: z.array(grantedLink) }) },
  revoke: { summary: "Ends what a link may do", body: revocation, answer: grantedLink },
} satisfies { readonly [name: string]: About };

/** How links come to be, and end (S7). Registering asks for no token, since the code in its body is judged. */
export function grantRoutes(grants: Grants): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/links/invite",
      asks: "admin",
      about: ABOUT.invite,
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
      about: ABOUT.register,
      handle: async ({ log, links }, { request }) => {
        const asked = parsed(registration, await readJson(request, LIMITS));
        const registered = await grants.register(asked, await links.path(asked.wants.space));
        log.info({ link: registered.link, space: registered.grant.space }, "a link was registered");
        return json(request, registered);
      },
    },
    {
      method: "GET",
      path: "/v1/links",
      asks: "admin",
      about: ABOUT.list,
      handle: async (_, { request }) => json(request, { links: (await grants.list()).map(shown) }),
    },
    {
      method: "POST",
      path: "/v1/links/revoke",
      asks: "admin",
      about: ABOUT.revoke,
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
