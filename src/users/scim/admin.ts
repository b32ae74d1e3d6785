import { z } from "zod";
import { readJson } from "../../server/body.ts";
import { json } from "../../server/encode.ts";
import { parsed } from "../../server/requests/parts.ts";
import type { Route } from "../../server/routes.ts";
import type { LdapSources } from "../ldap/sources.ts";
import type { Opened } from "../state.ts";

const SMALL = { body: 16_384, depth: 4 };

/** A name that can stand in `managedBy` and in a command line. */
const name = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, {
  error: "a name has 1 to 64 letters, digits, dots, dashes and underscores",
});
const named = z.object({ name });
const ordered = z.object({ source: z.string().max(256) });

const tokens = z.object({ tokens: z.array(z.object({ name: z.string(), made: z.string(), hash: z.string() })) });

/** What administrators order about sources of users: their tokens, and what is held of them. */
export function sourceRoutes(state: () => Opened, ldap: LdapSources): readonly Route[] {
  const order = <T>(
    path: string,
    summary: string,
    schema: z.ZodType<T>,
    work: (body: T) => Promise<unknown>,
  ): Route => ({
    method: "POST",
    path: `/v1/auth/${path}`,
    asks: "admin",
    about: { summary, body: schema, answer: z.looseObject({}) },
    handle: async (_, { request }) => json(request, await work(parsed(schema, await readJson(request, SMALL)))),
  });
  return [
    order("scim-token", "A token for a directory that speaks SCIM", named, async ({ name }) => {
      const { scimTokens, clock } = state();
      return { name, token: await scimTokens.make(name, clock.now()) };
    }),
    order("scim-revoke", "Ends the tokens of a name", named, async ({ name }) => ({
      name,
      revoked: await state().scimTokens.revoke(name),
    })),
    {
      method: "GET",
      path: "/v1/auth/scim-tokens",
      asks: "admin",
      about: { summary: "The tokens of directories, without the tokens themselves", answer: tokens },
      handle: async (_, { request }) => {
        const { scimTokens, catchUp } = state();
        await catchUp();
        const tokens = [...scimTokens.known].map(([hash, { name, made }]) => {
          return { name, made: new Date(made).toISOString(), hash: hash.slice(0, 12) };
        });
        return json(request, { tokens: tokens.sort((a, b) => (a.name + a.made < b.name + b.made ? -1 : 1)) });
      },
    },
    order("sync", "A pass over a directory, now", ordered, ({ source }) => ldap.sync(state(), source)),
    order("confirm", "Lets happen what a source of users was held back from", ordered, async ({ source }) => {
      await state().sources.confirm(source);
      return { source };
    }),
  ];
}
