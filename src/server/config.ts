import { z } from "zod";
import type { RestorePolicy } from "../model/batch.ts";
import type { Authorize } from "../model/grant.ts";
import { inheritanceFlaws } from "../model/inherit.ts";
import { nameFlaw, spaceFlaw } from "../model/names.ts";
import { type Collections, UNDECLARED, type User } from "../model/schema.ts";
import type { AdoptionPlan } from "../store/adopt.ts";
import { isObject } from "../util/json.ts";
import { LIMITS, type Limits, type RateLimits } from "../wire/limits.ts";
import { type AdoptConfig, adoptMistakes, adoptSchema, plansOf } from "./adopt-config.ts";
import { type Age, ageOf } from "./age.ts";
import { type LdapConfig, type LdapPlan, ldapPlans, ldapSchema } from "./ldap-config.ts";
import { type LinkPlan, type LinksConfig, linkMistakes, linkPlans, linksSchema } from "./links-config.ts";
import { pathText } from "./requests/parts.ts";
import { type WarehousesConfig, warehousesSchema } from "./warehouses-config.ts";

/** How the server knows who asks, and what they may do (A1, A2). Without any of it the server is open, on loopback only. */
export interface AuthConfig {
  /** Secret of HS256 tokens, at least 32 characters. */
  readonly jwtSecret?: string;
  /** Address of a JSON Web Key Set for ES256, EdDSA and RS256 tokens. */
  readonly jwks?: string;
  /** What the tokens' `iss` and `aud` must be; not checked where absent. */
  readonly issuer?: string;
  readonly audience?: string;
  /** Replaces tokens: who sends this request; null for nobody. `claims` may hold `tidemark`, as in a token. */
  readonly authenticate?: (request: Request) => User | null | Promise<User | null>;
  /** Replaces the claims' patterns. Synchronous; what throws is refused. */
  readonly authorize?: Authorize;
  /** Says that a handler mounted in another server may answer without authentication, to loopback Hosts only. */
  readonly open?: boolean;
  /** A proxy in front sets X-Forwarded-For and X-Forwarded-Host, and nobody reaches the server around it. */
  readonly trustProxy?: boolean;
}

/** How long a login lasts, and where users come from. */
export interface UsersConfig {
  /** An access token; "10m" by default. */
  readonly access?: Age;
  /** A session of which no refresh token is used; "30d" by default. */
  readonly idle?: Age;
  /** A session, however much it is used; "90d" by default. */
  readonly session?: Age;
  /** Directories that users come from, by name. */
  readonly ldap?: { readonly [name: string]: LdapConfig };
}

/** What a server is told. Everything has a default. */
export interface Config {
  /** "open": a first push creates a space; else the spaces that there are. Default "open". */
  readonly spaces?: "open" | readonly string[];
  /** The collections that there are; any other is refused. Absent: every collection is taken, with any atoms (W14). */
  readonly collections?: Collections;
  /** The version of the schema, and the oldest one that a client may speak (C8). */
  readonly schema?: { readonly version: number; readonly oldest?: number };
  /** Tables of PostgreSQL that other programs write, by the space and the collection that they become (section T). */
  readonly adopt?: AdoptConfig;
  /** What spaces of this server follow of other servers (section S), by space and by the name of the link. */
  readonly links?: LinksConfig;
  /** What comes into spaces from outside (section I), by space: `{ source, streams, every }` of `tidemark/ingest`. */
  readonly ingest?: { readonly [space: string]: readonly object[] };
  /** Replicas of spaces in databases for reports (section X), by name. `tidemark serve` and `tidemark warehouse` run them. */
  readonly warehouses?: WarehousesConfig;
  readonly auth?: AuthConfig;
  /** Accounts with passwords and roles, kept in the space `system` (section U). Default false. */
  readonly users?: boolean | UsersConfig;
  /** Bounds, each with its default in `wire/limits.ts`; `rate: false` switches rates off. */
  readonly limits?: Partial<Omit<Limits, "rate">> & { readonly rate?: Partial<RateLimits> | false };
  /** Web origins that may use the server from a browser (A7), like "https://app.example"; "*" is every one. */
  readonly origins?: readonly string[];
  /**
   * How long the journal, the tombstones and acknowledged outcomes are kept; 90 days by default. Tombstones are kept
   * at least as long as the journal. `every` is the time between two cuts, an hour by default.
   */
  readonly retention?: {
    readonly journal?: Age;
    readonly tombstones?: Age;
    readonly outcomes?: Age;
    readonly every?: Age;
  };
  /** What clients are told to do after a restore that did not say (R2). Default "heal". */
  readonly restore?: RestorePolicy;
}

/** A configuration with every default filled in, as the server reads it. Ages are milliseconds. */
export interface Settings {
  readonly spaces: "open" | ReadonlySet<string>;
  readonly collections: Collections;
  readonly schema: { readonly version: number; readonly oldest: number } | null;
  /** By space; null where the configuration says nothing of adoption. */
  readonly adopt: ReadonlyMap<string, AdoptionPlan> | null;
  readonly links: ReadonlyMap<string, readonly LinkPlan[]>;
  readonly auth: AuthConfig;
  /** In milliseconds; null: there are no accounts. */
  readonly users: {
    readonly access: number;
    readonly idle: number;
    readonly session: number;
    readonly ldap: readonly LdapPlan[];
  } | null;
  readonly limits: Omit<Limits, "rate"> & { readonly rate: RateLimits | null };
  readonly origins: readonly string[];
  readonly retention: {
    readonly journal: number;
    readonly tombstones: number;
    readonly outcomes: number;
    readonly every: number;
  };
  readonly restore: RestorePolicy;
}

/** A mistake in the configuration: one line for each, with the path of the key and what was expected. */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly mistakes: readonly string[];
  constructor(mistakes: readonly string[]) {
    super(`the configuration is wrong:\n${mistakes.map((mistake) => `  ${mistake}`).join("\n")}`);
    this.mistakes = mistakes;
  }
}

/**
 * Checks a configuration and gives it back; only carries the types.
 *
 * @throws ConfigError with the path of each wrong key and what was expected there.
 * @example
 * export default defineConfig({
 *   spaces: "open",
 *   collections: { cities: collection({ scopes: (r) => [`country/${r.country}`] }) },
 * });
 */
export function defineConfig<const C extends Config>(config: C): C {
  check(config);
  return config;
}

/** The configuration with its defaults; throws a ConfigError where it is wrong. */
export function settingsOf(config: Config = {}): Settings {
  check(config);
  const { rate, ...limits } = config.limits ?? {};
  const { retention = {}, schema, users = false } = config;
  const age = (text: Age | undefined, fallback: Age) => ageOf(text ?? fallback) as number;
  const journal = age(retention.journal, "90d");
  return {
    spaces: config.spaces === undefined || config.spaces === "open" ? "open" : new Set(config.spaces),
    collections: config.collections ?? UNDECLARED,
    schema: schema ? { version: schema.version, oldest: schema.oldest ?? 0 } : null,
    adopt: config.adopt === undefined ? null : plansOf(config.adopt),
    links: linkPlans(config.links ?? {}),
    auth: config.auth ?? {},
    users: users === false ? null : usersOf(users === true ? {} : users, age),
    limits: { ...LIMITS, ...limits, rate: rate === false ? null : { ...LIMITS.rate, ...rate } },
    origins: config.origins ?? [],
    retention: {
      journal,
      tombstones: Math.max(journal, age(retention.tombstones, "90d")),
      outcomes: age(retention.outcomes, "90d"),
      every: age(retention.every, "1h"),
    },
    restore: config.restore ?? "heal",
  };
}

function usersOf(
  { access, idle, session, ldap = {} }: UsersConfig,
  age: (text: Age | undefined, fallback: Age) => number,
) {
  return { access: age(access, "10m"), idle: age(idle, "30d"), session: age(session, "90d"), ldap: ldapPlans(ldap) };
}

function functionOf(use: string) {
  return z.custom((value) => typeof value === "function", { error: `expected a function: ${use}` });
}

function named(flawOf: (name: string) => string | null) {
  return z.string().superRefine((name, context) => {
    const flaw = flawOf(name);
    if (flaw !== null) context.addIssue({ code: "custom", message: `expected another name: ${flaw}` });
  });
}

const policy = z.custom(
  (value) => typeof value === "function" || ["server", "client", "sum", "set"].includes(value as string),
  {
    error: 'expected "server", "client", "sum", "set" or a function of base, server and client',
  },
);

const standardSchema = z.custom(
  (value) => (typeof value === "object" || typeof value === "function") && value !== null && "~standard" in value,
  { error: "expected a Standard Schema (zod, valibot, arktype …)" },
);

const scopesRule = z.custom(
  (value) => typeof value === "function" || (isObject(value) && typeof value.atom === "string" && "from" in value),
  { error: "expected a function of a record, giving its scopes, or inherit(atom, collection)" },
);

const collectionSchema = z.strictObject({
  schema: standardSchema.optional(),
  scopes: scopesRule.optional(),
  atoms: z.record(named(nameFlaw), policy).optional(),
  write: functionOf("of the record before, the record after, and the user").optional(),
});

const pickup = z.custom((value) => isObject(value) && isObject(value.source) && Array.isArray(value.streams), {
  error: "expected { source, streams: [clean(…)], every } of tidemark/ingest",
});

const count = z.int({ error: "expected a whole number" }).positive({ error: "expected a number above 0" });
const version = z.int({ error: "expected a whole number" }).nonnegative({ error: "expected 0 or more" });

const ageSchema = z.string().refine((text) => ageOf(text) !== null, {
  error: 'expected an age such as "30d", "12h", "15m", or "forever"',
});

const { rate: _, ...COUNTS } = LIMITS;
const bounds: { [name: string]: z.ZodType } = Object.fromEntries(
  Object.keys(COUNTS).map((name) => [name, count.optional()]),
);
const limitsSchema = z.strictObject({
  ...bounds,
  rate: z
    .union([
      z.literal(false),
      z.strictObject({ requests: count.optional(), writes: count.optional(), rows: count.optional() }),
    ])
    .optional(),
});

const usersSchema = z
  .strictObject({ access: ageSchema, idle: ageSchema, session: ageSchema, ldap: ldapSchema })
  .partial();

const origin = z.string().refine((text) => text === "*" || (URL.canParse(text) && new URL(text).origin === text), {
  error: 'expected an origin such as "https://app.example" (no path, no trailing slash), or "*"',
});

const configSchema = z.strictObject({
  spaces: z
    .union([z.literal("open"), z.array(named(spaceFlaw))], { error: 'expected "open" or a list of names' })
    .optional(),
  collections: z
    .record(named(nameFlaw), collectionSchema)
    .superRefine((collections, context) => {
      for (const { collection, flaw } of inheritanceFlaws(collections as Collections))
        context.addIssue({ code: "custom", path: [collection, "scopes"], message: flaw });
    })
    .optional(),
  schema: z.strictObject({ version, oldest: version.optional() }).optional(),
  adopt: adoptSchema.optional(),
  links: linksSchema.optional(),
  ingest: z.record(named(spaceFlaw), z.array(pickup)).optional(),
  warehouses: warehousesSchema.optional(),
  auth: z
    .strictObject({
      jwtSecret: z.string().min(32, { error: "expected at least 32 characters (HS256 needs 256 bits)" }).optional(),
      jwks: z.url({ error: "expected an address such as https://id.example/.well-known/jwks.json" }).optional(),
      issuer: z.string().optional(),
      audience: z.string().optional(),
      authenticate: functionOf("of a Request, giving the user or null").optional(),
      authorize: functionOf("of the user and the action, giving true or false").optional(),
      open: z.boolean().optional(),
      trustProxy: z.boolean().optional(),
    })
    .superRefine((auth, context) => {
      const closes = auth.jwtSecret ?? auth.jwks ?? auth.authenticate;
      if (auth.open && closes)
        context.addIssue({ code: "custom", path: ["open"], message: "expected no `open` beside an authentication" });
    })
    .optional(),
  users: z.union([z.boolean(), usersSchema], { error: "expected true, false, or how long a login lasts" }).optional(),
  limits: limitsSchema.optional(),
  origins: z.array(origin).optional(),
  retention: z
    .strictObject({ journal: ageSchema, tombstones: ageSchema, outcomes: ageSchema, every: ageSchema })
    .partial()
    .optional(),
  restore: z.enum(["heal", "discard"]).optional(),
});

function check(config: Config): void {
  const result = configSchema.safeParse(config);
  if (!result.success) throw new ConfigError(result.error.issues.flatMap(mistakesOf));
  const mistakes = [...authMistakes(config), ...adoptMistakes(config), ...linkMistakes(config)];
  if (mistakes.length > 0) throw new ConfigError(mistakes);
}

function authMistakes({ auth = {}, users = false }: Config): string[] {
  const closes = users !== false || auth.jwtSecret !== undefined || auth.jwks !== undefined || auth.authenticate;
  const mistakes: string[] = [];
  if (auth.authorize && !closes)
    mistakes.push("auth.authorize: expected jwtSecret, jwks, authenticate or `users` beside it");
  if (auth.open && users !== false) mistakes.push("auth.open: expected no `open` beside `users`");
  return mistakes;
}

function mistakesOf(issue: z.core.$ZodIssue): string[] {
  const path = pathText(issue.path) || "configuration";
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${pathText([...issue.path, key])}: there is no such key`);
  }
  if (issue.code === "invalid_key") return issue.issues.map(({ message }) => `${path}: ${message}`);
  return [`${path}: ${issue.message.replace(/^Invalid (input|option): /, "")}`];
}
