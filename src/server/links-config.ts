import { z } from "zod";
import { nameFlaw, spaceFlaw, subscribedFlaw } from "../model/names.ts";

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
});

interface LinkParts {
  readonly links?: LinksConfig;
  readonly spaces?: "open" | readonly string[];
}

/** What `linksSchema` cannot see: names. Scopes with two upstreams are refused when the links start (S3). */
export function linkMistakes({ links = {}, spaces = "open" }: LinkParts): string[] {
  return Object.entries(links).flatMap(([space, named]) => {
    const path = `links.${space}`;
    const flaw = spaceFlaw(space);
    const mistakes = flaw === null ? [] : [`${path}: expected another name: ${flaw}`];
    if (spaces !== "open" && !spaces.includes(space)) mistakes.push(`${path}: expected a space that \`spaces\` lists`);
    for (const [name, { space: upstream = space }] of Object.entries(named)) {
      const reason = nameFlaw(name) ?? spaceFlaw(upstream);
      if (reason !== null) mistakes.push(`${path}.${name}: ${reason}`);
    }
    return mistakes;
  });
}

export function linkPlans(links: LinksConfig): ReadonlyMap<string, readonly LinkPlan[]> {
  return new Map(
    Object.entries(links).map(([space, named]) => [
      space,
      Object.entries(named).map(([name, config]) => linkPlan(space, name, config)),
    ]),
  );
}

export function linkPlan(space: string, name: string, config: LinkConfig): LinkPlan {
  const { url, schedule, token, scopes = ["*"], direction = "pull" } = config;
  const { cron: text, timeZone = "UTC" } =
    typeof schedule === "object" ? schedule : { cron: schedule ?? "", timeZone: "UTC" };
  const when = schedule === undefined ? null : { cron: text, timeZone };
  return { name, url, space: config.space ?? space, scopes, direction, schedule: when, token };
}
