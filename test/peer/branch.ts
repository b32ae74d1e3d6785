import { onTestFinished } from "vitest";
import { linksOver, type RunningLinks } from "../../src/peer/links.ts";
import type { Config, LinkConfig, LinkHost } from "../../src/server/index.ts";
import type { Store } from "../../src/store/store.ts";
import type { Clock } from "../../src/util/clock.ts";
import type { Invitation, LinkGrant } from "../../src/wire/grants.ts";
import type { LiveServer } from "../support/live.ts";
import { good } from "../support/server.ts";
import { Admin, founded, type Login, loggedIn, open, PASSWORD } from "../users/support.ts";

export const SECRET_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const secrets = { secretKey: SECRET_KEY };

/** A server with accounts, of which `ann` is the administrator, on a real port. */
export async function headquarters(options: { clock?: Clock } = {}) {
  const { clock } = options;
  const house = await founded({
    server: { secrets, ...(clock && { clock }) },
    ...(clock && { users: { clock } }),
  });
  onTestFinished(async () => house.server[Symbol.asyncDispose]());
  return house;
}

export async function invited(server: LiveServer, token: string, grant: Partial<LinkGrant> & { lasts?: string } = {}) {
  const body = { space: "system", users: "verifier", ...grant };
  return (await good(await server.post("/v1/links/invite", body, { token }))) as Invitation;
}

interface BranchOptions {
  /** By default it follows nobody yet. */
  readonly link?: Partial<LinkConfig> & { url: string };
  readonly space?: string;
  readonly config?: Config;
  readonly store?: Store;
  readonly secretKey?: string | undefined;
  readonly clock?: Clock;
  readonly fetch?: typeof globalThis.fetch;
  readonly tokenOf?: (link: string) => string | undefined;
}

/** A server with accounts that follows another; its first administrator is `bea`. */
export async function branch(options: BranchOptions) {
  const house = await running(options);
  const body = { code: await house.users.setupCode(), userName: "bea", password: PASSWORD };
  const bea = (await good(await house.server.post("/v1/auth/setup", body))) as Login;
  return { ...house, bea, admin: new Admin(house.server, () => bea.accessToken) };
}

/** The same once more on what a branch has stored, whose links are closed. */
export async function reopened({ server: { store } }: Branch, options: BranchOptions = {}): Promise<Branch> {
  const house = await running({ ...options, store });
  const bea = await loggedIn(house.server, "bea");
  return { ...house, bea, admin: new Admin(house.server, () => bea.accessToken) };
}

async function running({ link, space = "system", config = {}, store, clock, fetch, tokenOf, ...more }: BranchOptions) {
  let running: RunningLinks | null = null;
  const house = await open({
    config: { ...config, ...(link && { links: { [space]: { hq: link } } }) },
    ...(store && { store }),
    ...(clock && { users: { clock } }),
    server: {
      ...("secretKey" in more ? { secrets: { secretKey: more.secretKey } } : { secrets }),
      ...(clock && { clock }),
      links: (host: LinkHost) => {
        running = linksOver({ ...(fetch && { fetch }), ...(tokenOf && { tokenOf }) })(host);
        return running;
      },
    },
  });
  onTestFinished(async () => house.server[Symbol.asyncDispose]());
  const links = running as unknown as RunningLinks;
  return { ...house, links, state: async (of = space) => (await links.list(of))[0] };
}

export type Branch = Awaited<ReturnType<typeof branch>>;

/** Headquarters, and a branch that brings its users. */
export async function pair(link: Partial<LinkConfig> = {}, grant: Partial<LinkGrant> = {}) {
  const hq = await headquarters();
  const { code } = await invited(hq.server, hq.ann.accessToken, grant);
  const local = await branch({ link: { url: hq.server.url, code, users: "verifier", ...link } });
  return { hq, branch: local };
}

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

/** A record of an accounts' space as it is kept. */
export async function kept(server: LiveServer, collection: string, id: string, space = "system") {
  const answer = await server.store.read(space, [{ kind: "row", collection, id }]);
  const text = answer?.results[0]?.text ?? null;
  return text === null ? null : (JSON.parse(text) as { readonly [atom: string]: unknown });
}

export async function addUsers(admin: Admin, ids: readonly string[]): Promise<void> {
  const writes = ids.map((id) => ({
    op: "insert" as const,
    collection: "users",
    record: { id, userName: id, active: true },
  }));
  await admin.write(...writes);
}

export async function setActive(admin: Admin, ids: readonly string[], active: boolean): Promise<void> {
  await admin.write(...ids.map((id) => ({ op: "update" as const, collection: "users", record: { id, active } })));
}
