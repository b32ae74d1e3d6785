import { z } from "zod";
import { readJson } from "../server/body.ts";
import type { Call } from "../server/core.ts";
import { json } from "../server/encode.ts";
import type { About } from "../server/openapi/about.ts";
import { parsed } from "../server/requests/parts.ts";
import type { Route } from "../server/routes.ts";
import { type Accounts, checkPassword } from "./accounts.ts";
import { phcFlaw } from "./phc.ts";
import type { Sessions } from "./sessions.ts";

/** Bytes and nesting of what a stranger may send, and of what an administrator may. */
const SMALL = { body: 16_384, depth: 4 };
const LARGE = { body: 1_048_576, depth: 8 };

const shown = { userName: z.string(), password: z.string() };
const loginBody = z.object(shown);
const changeBody = z.object({ ...shown, newPassword: z.string() });
const setupBody = z.object({ ...shown, code: z.string(), displayName: z.string().optional() });
const refreshBody = z.object({ refreshToken: z.string() });

const phc = z.string().superRefine((text, context) => {
  const flaw = phcFlaw(text);
  if (flaw !== null) context.addIssue({ code: "custom", message: flaw });
});
const credential = z
  .object({
    user: z.string().min(1).max(256),
    password: z.string().optional(),
    phc: phc.optional(),
    mustChange: z.boolean().default(false),
  })
  .refine((one) => (one.password === undefined) !== (one.phc === undefined), { error: "expected password, or phc" });
const credentialsBody = z.object({ credentials: z.array(credential).min(1).max(1_000) });

const issued = z.object({ accessToken: z.string(), expiresIn: z.int(), refreshToken: z.string() });
const ABOUT = {
  setup: {
    summary: "Makes the first administrator, by the code that the server printed",
    body: setupBody,
    answer: issued,
  },
  login: { summary: "Tokens for a user name and a password", body: loginBody, answer: issued },
  password: { summary: "Another password", body: changeBody, answer: z.looseObject({}) },
  refresh: { summary: "New tokens for a refresh token", body: refreshBody, answer: issued },
  logout: { summary: "Ends a login", body: refreshBody, answer: z.object({}) },
  credentials: {
    summary: "Sets passwords, or their verifiers",
    body: credentialsBody,
    answer: z.object({ set: z.int() }),
  },
} satisfies { readonly [name: string]: About };

/** What the routes work with, once the server has opened the identity. */
export interface Doors {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  current(): Promise<void>;
}

/** The ways in (U3). None of them asks for a token but the last, which is for administrators. */
export function authRoutes(doors: () => Doors): readonly Route[] {
  const taking = <T>(schema: z.ZodType<T>, { request }: Call) =>
    readJson(request, SMALL).then((body) => parsed(schema, body));
  const route = (name: keyof typeof ABOUT, answer: (call: Call) => Promise<unknown>): Route => ({
    method: "POST",
    path: `/v1/auth/${name}`,
    asks: "credentials",
    about: ABOUT[name],
    handle: async (_, call) => json(call.request, await answer(call)),
  });
  return [
    route("setup", async (call) => doors().accounts.setup(await taking(setupBody, call), call.address)),
    route("login", async (call) => doors().accounts.login(await taking(loginBody, call), call.address)),
    route("password", async (call) => {
      const { newPassword, ...old } = await taking(changeBody, call);
      return doors().accounts.change(old, newPassword, call.address);
    }),
    route("refresh", async (call) => {
      const { refreshToken } = await taking(refreshBody, call);
      await doors().current();
      return doors().sessions.refresh(refreshToken);
    }),
    route("logout", async (call) => {
      await doors().sessions.logout((await taking(refreshBody, call)).refreshToken);
      return {};
    }),
    {
      method: "POST",
      path: "/v1/auth/credentials",
      asks: "admin",
      about: ABOUT.credentials,
      handle: async (_, { request }) => {
        const { credentials } = parsed(credentialsBody, await readJson(request, LARGE));
        for (const [i, { password }] of credentials.entries())
          if (password !== undefined) checkPassword(password, `credentials[${i}].password`);
        await doors().accounts.setAll(
          credentials.map(({ user, password = "", phc, mustChange }) =>
            phc === undefined ? { user, password, mustChange } : { user, phc, mustChange },
          ),
        );
        return json(request, { set: credentials.length });
      },
    },
  ];
}
