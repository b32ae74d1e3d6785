import { z } from "zod";
import { nameFlaw, spaceFlaw, subscribedFlaw } from "../model/names.ts";
import type { LinkGrant } from "../wire/grants.ts";

/** One link: what a space of this server follows of a space of another (section S). */
export interface LinkConfig {
  /** The address of the server upstream. */
  readonly url: string;
  /** Its space; the same name as here by default. */
  readonly space?: string;
  /** Scopes or patterns; everything by default. */
  readonly scopes?: readonly string[];
  /** `"pull"` follows; `"both"` also sends what is written here. Default "pull". */
  readonly direction?: "pull" | "both";
  /** Cron, in the time zone beside it (UTC by default): it runs then. Absent: it follows all the time. */
  readonly schedule?: string | { readonly cron: string; readonly timeZone?: string };
  /** A bearer token, or a function that gives the present one. */
  readonly token?: string | (() => string | Promise<string>);
  /** In place of a token: the one-time code of `tidemark link invite` there, by which the link's own key is registered (S7). */
  readonly code?: string | (() => string | undefined);
  /** Whether it brings upstream's users as well: without passwords, or with their verifiers (U2). Default "none". */
  readonly users?: "none" | "directory" | "verifier";
  /** By role upstream, the role here that its holders get (U5); who holds another has nothing by it. */
  readonly roles?: { readonly [upstream: string]: string };
}

/** By space, and by the link's name. */
export type LinksConfig = { readonly [space: string]: { readonly [name: string]: LinkConfig } };

/** A link with its defaults filled in. */
export interface LinkPlan {
  readonly name: string;
  readonly url: string;
  readonly space: string;
  readonly scopes: readonly string[];
  readonly direction: "pull" | "both";
  readonly schedule: { readonly cron: string; readonly timeZone: string } | null;
  readonly token: LinkConfig["token"];
  readonly code: LinkConfig["code"];
  /** What the link registers for, and the space under which its key is kept: one for all that it brings. */
  readonly wants: LinkGrant;
  readonly home: string;
  /** It brings accounts; null: it is like any other. */
  readonly accounts: { readonly roles: { readonly [upstream: string]: string } } | null;
}

const cron = z.string().min(9, { error: 'expected a cron expression such as "0 3 * * *"' });
const subscribed = z.string().superRefine((scope, context) => {
  const flaw = subscribedFlaw(scope);
  if (flaw !== null) context.addIssue({ code: "custom", message: flaw });
});

/** What may be said of a link wherever it is kept; a token is for the configuration alone (S13). */
const described = {
  url: z.url({ protocol: /^https?$/, error: "expected an address such as https://head-office.example" }),
  space: z.string().optional(),
  scopes: z.array(subscribed).min(1, { error: "expected a scope" }).optional(),
  direction: z.enum(["pull", "both"], { error: 'expected "pull" or "both"' }).optional(),
  schedule: z.union([cron, z.strictObject({ cron, timeZone: z.string().optional() })]).optional(),
  users: z.enum(["none", "directory", "verifier"], { error: 'expected "none", "directory" or "verifier"' }).optional(),
  roles: z.record(z.string(), z.string()).optional(),
};

export const linksSchema = z.record(
  z.string(),
  z.record(
    z.string(),
    z.strictObject({
      ...described,
      token: z
        .union([z.string(), z.custom((value) => typeof value === "function")], { error: "expected a token" })
        .optional(),
      code: z
        .union([z.string(), z.custom((value) => typeof value === "function")], { error: "expected a code" })
        .optional(),
    }),
  ),
);

const named = (flaw: (name: string) => string | null) =>
  z.string().superRefine((name, context) => {
    const reason = flaw(name);
    if (reason !== null) context.addIssue({ code: "custom", message: reason });
  });

/** The body of `POST …/links` (S13). */
export const additionSchema = z.strictObject({
  ...described,
  name: named(nameFlaw),
  space: named(spaceFlaw).optional(),
  code: z.string().min(1, { error: "expected a code" }).max(256).optional(),
});

interface LinkParts {
  readonly links?: LinksConfig;
  readonly spaces?: "open" | readonly string[];
}

/** What `linksSchema` cannot see: names. Scopes with two upstreams are refused when the links start (S3). */
export function linkMistakes({ links = {}, spaces = "open" }: LinkParts): string[] {
  const bringing = Object.entries(links).flatMap(([space, named]) =>
    Object.entries(named).flatMap(([name, { users = "none" }]) => (users === "none" ? [] : [`links.${space}.${name}`])),
  );
  const second = bringing
    .slice(1)
    .map((path) => `${path}.users: ${bringing[0]} brings the users, and only one link does`);
  const mistakes = Object.entries(links).flatMap(([space, named]) => {
    const path = `links.${space}`;
    const flaw = spaceFlaw(space);
    const mistakes = flaw === null ? [] : [`${path}: expected another name: ${flaw}`];
    if (spaces !== "open" && space !== SYSTEM && !spaces.includes(space))
      mistakes.push(`${path}: expected a space that \`spaces\` lists`);
    for (const [name, { space: upstream = space }] of Object.entries(named)) {
      const reason = nameFlaw(name) ?? spaceFlaw(upstream);
      if (reason !== null) mistakes.push(`${path}.${name}: ${reason}`);
      mistakes.push(...accountMistakes(space, named[name] as LinkConfig).map((text) => `${path}.${name}${text}`));
    }
    return mistakes;
  });
  return [...mistakes, ...second];
}

/** What accounts have to do with it; each begins with the path of what is wrong, or with a colon. */
export function accountMistakes(space: string, link: LinkConfig): string[] {
  const { users = "none", roles, token, code, direction, scopes } = link;
  const mistakes: string[] = [];
  if (space.startsWith("system-")) mistakes.push(": expected another space: no link names this one");
  if (space === SYSTEM && users === "none") mistakes.push('.users: expected "directory" or "verifier"');
  if (space === SYSTEM && (direction ?? "pull") !== "pull")
    mistakes.push(".direction: accounts only come from upstream");
  if (space === SYSTEM && (scopes !== undefined || (link.space ?? SYSTEM) !== SYSTEM))
    mistakes.push(": expected neither `scopes` nor `space`: accounts are what `users` says");
  if (users === "none" && roles !== undefined) mistakes.push(".roles: expected `users` beside it");
  if (token !== undefined && code !== undefined) mistakes.push(".code: expected no `token` beside it");
  return mistakes;
}

const SYSTEM = "system";

/** By space. A link that brings users is one more in each space of accounts that it brings (U5). */
export function linkPlans(links: LinksConfig): ReadonlyMap<string, readonly LinkPlan[]> {
  const plans = new Map<string, LinkPlan[]>();
  for (const [space, named] of Object.entries(links)) {
    for (const [name, config] of Object.entries(named)) {
      for (const [into, plan] of plansOf(space, name, config)) plans.set(into, [...(plans.get(into) ?? []), plan]);
    }
  }
  return plans;
}

/** A link's plan, and those for the spaces of accounts that it brings, each with the space that it fills. */
export function plansOf(space: string, name: string, config: LinkConfig): [string, LinkPlan][] {
  const { users = "none", roles = {} } = config;
  const plan = linkPlan(space, name, config);
  const plans: [string, LinkPlan][] = space === SYSTEM ? [] : [[space, plan]];
  if (users === "none") return plans;
  // They follow all the time, whenever the data does: who is locked out there is locked out here (U4).
  const own = { ...plan, direction: "pull", schedule: null, accounts: { roles } } as const;
  const scopes = Object.keys(roles).length > 0 ? ["users", "roles"] : ["users"];
  plans.push([SYSTEM, { ...own, space: SYSTEM, scopes }]);
  if (users === "verifier")
    plans.push(["system-credentials", { ...own, space: "system-credentials", scopes: ["verifiers"] }]);
  return plans;
}

function linkPlan(space: string, name: string, config: LinkConfig): LinkPlan {
  const { url, schedule, token, code, scopes = ["*"], direction = "pull" } = config;
  const { cron: text, timeZone = "UTC" } =
    typeof schedule === "object" ? schedule : { cron: schedule ?? "", timeZone: "UTC" };
  const when = schedule === undefined ? null : { cron: text, timeZone };
  const upstream = config.space ?? space;
  const wants = { space: upstream, scopes, direction, users: config.users ?? "none" };
  return {
    name,
    url,
    space: upstream,
    scopes,
    direction,
    schedule: when,
    token,
    code,
    wants,
    home: space,
    accounts: null,
  };
}
