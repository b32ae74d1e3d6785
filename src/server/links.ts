import { z } from "zod";
import type { Rules } from "../model/push.ts";
import type { Store } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import type { LinkDetails, LinkOrder, LinkRequest, LinkStatus } from "../wire/links.ts";
import { Problem } from "../wire/problem.ts";
import { demand } from "./access.ts";
import { readJson } from "./body.ts";
import { ConfigError, type Settings } from "./config.ts";
import type { Call, Core } from "./core.ts";
import { json } from "./encode.ts";
import type { Traces } from "./erase.ts";
import type { Intake, SpaceRule } from "./identity.ts";
import type { LinkPlan } from "./links-config.ts";
import { additionSchema } from "./links-config.ts";
import type { Log } from "./log.ts";
import { parsed } from "./requests/parts.ts";
import type { Vault } from "./vault.ts";

/** What links need of the server that runs them. */
export interface LinkHost {
  readonly store: Store;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Resolves when the spaces are there. */
  readonly ready: Promise<void>;
  /** Whether a space of this name may be made where there is none. */
  mayCreate(space: string): boolean;
  rules(space: string): Rules;
  /** The rule over a space as a whole; null where there is none. */
  ruleOf(space: string): SpaceRule | null;
  /** How a link writes into a space that is kept by the accounts of this server; null: as into any other. */
  intakeOf(space: string, link: LinkPlan): Intake | null;
  /** What secrets are stored by (`TIDEMARK_SECRET_KEY`). */
  readonly vault: Vault;
}

/** The links of a server. `peer/` makes them; the server only tells of them. */
export interface Links {
  /** The identity of a space, and those of the spaces that it follows (S3). */
  path(space: string): Promise<readonly string[]>;
  list(space: string): Promise<readonly LinkStatus[]>;
  /** Null: there is no link of that name. */
  show(space: string, name: string): Promise<LinkDetails | null>;
  /** Registers one more link, keeps it, and starts it (S13); a Problem says why it may not be, and then nothing is changed. */
  add(space: string, link: LinkRequest): Promise<void>;
  /** Null: there is no link of that name. */
  order(space: string, name: string, order: LinkOrder): Promise<object | null>;
  /** Where they keep values of records, for `erase` (K2). */
  readonly traces?: Traces;
  close(): Promise<void>;
}

export type StartLinks = (host: LinkHost) => Links;

/** A server that follows nobody: its path is itself. */
export const NO_LINKS: Links = {
  path: async () => [],
  list: async () => [],
  show: async () => null,
  add: async () => {
    throw new Problem("invalid", "this server runs no links: make it with `links: startLinks` of tidemark/peer");
  },
  order: async () => null,
  close: async () => {},
};

/** @throws ConfigError where links are configured and nothing runs them. */
export function linksOf(start: StartLinks | undefined, host: LinkHost): Links {
  if (start !== undefined) return start(host);
  if (host.settings.links.size === 0) return NO_LINKS;
  throw new ConfigError(["links: expected a server that was made with `links: startLinks` of tidemark/peer"]);
}

/** `GET …/links`, for admin. */
export async function listLinks({ links }: Core, { request, space }: Call): Promise<Response> {
  return json(request, { links: await links.list(space) });
}

/** `GET …/links/{name}`, for admin. */
export async function showLink({ links }: Core, { request, space, param }: Call): Promise<Response> {
  return json(request, found(await links.show(space, param("name"))));
}

/** `POST …/links`. It makes the server speak to an address, so it is for who administers the server. */
export async function addLink({ links, settings, access }: Core, { request, space, user }: Call): Promise<Response> {
  demand(access, user, { do: "admin", space: "*" });
  const asked = parsed(additionSchema, await readJson(request, settings.limits));
  await links.add(space, asked);
  return json(request, found(await links.show(space, asked.name)));
}

export const orderBody = z.union([
  z.strictObject({ do: z.enum(["pause", "resume", "verify", "confirm"]) }),
  z.strictObject({ do: z.literal("remove"), data: z.enum(["keep", "delete"]) }),
]);

/** `POST …/links/{name}`, for admin. */
export async function orderLink({ links, settings }: Core, { request, space, param }: Call): Promise<Response> {
  const asked = parsed(orderBody, await readJson(request, settings.limits));
  return json(request, found(await links.order(space, param("name"), asked)));
}

function found<T>(answer: T | null): T {
  if (answer === null) throw new Problem("not-found", "this space has no link of that name");
  return answer;
}
