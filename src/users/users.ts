import type { Action } from "../model/grant.ts";
import type { User } from "../model/schema.ts";
import { settingsOf, type UsersConfig } from "../server/config.ts";
import type { Identity, IdentityHost, ReservedSpace } from "../server/identity.ts";
import { logFault } from "../server/problem.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { type Random, systemRandom } from "../util/random.ts";
import { Problem } from "../wire/problem.ts";
import { CREDENTIAL_COLLECTIONS, SESSION_COLLECTIONS, SYSTEM_COLLECTIONS } from "./collections.ts";
import { isIn } from "./directory.ts";
import { allows } from "./grants.ts";
import { credentialsIntake, systemIntake } from "./intake.ts";
import { LdapSources } from "./ldap/sources.ts";
import { CREDENTIALS, FOUNDER, KEEPER, SESSIONS, SYSTEM } from "./names.ts";
import { type Argon2, Passwords } from "./passwords.ts";
import { authRoutes } from "./routes.ts";
import { systemRule } from "./rule.ts";
import { sourceRoutes } from "./scim/admin.ts";
import { scimRoutes } from "./scim/routes.ts";
import { type Opened, openState } from "./state.ts";

/** Milliseconds between two looks for what is left of sessions and codes. */
const SWEEP = 3_600_000;

export interface UsersOptions {
  /** How long a login lasts, and where users come from: `users` of the configuration. */
  readonly lifetimes?: UsersConfig | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** By default the package `@node-rs/argon2`. */
  readonly argon2?: (() => Promise<Argon2>) | undefined;
}

/** The accounts of a server (section U). */
export interface Users extends Identity {
  /** A one-time code by which the first administrator is made; null where there is one. Call it when the server is ready. */
  setupCode(): Promise<string | null>;
}

/**
 * Accounts with passwords and roles, as records of the space `system`.
 *
 * @example
 * const users = createUsers();
 * const server = createServer({ store, config: { users: true }, identity: users });
 */
export function createUsers(options: UsersOptions = {}): Users {
  const { clock = systemClock, random = systemRandom } = options;
  const lifetimes = settingsOf({ users: options.lifetimes ?? true }).users;
  const ldap = new LdapSources(lifetimes?.ldap ?? []);
  const passwords = new Passwords(options.argon2);
  const listeners = new Set<() => void>();
  /** The session by which a user came in. */
  const cameBy = new WeakMap<User, string>();
  let state: Opened | null = null;

  function opened(): Opened {
    if (state === null) throw new Problem("unavailable", "the server is starting: try again", { retryAfter: 1 });
    return state;
  }

  function changed(): void {
    for (const listener of listeners) listener();
  }

  async function open(host: IdentityHost): Promise<void> {
    if (lifetimes === null) return;
    state = openState({ host, clock, random, passwords, lifetimes, changed, ldap });
    await state.current();
    for (const tail of state.tails) void tail.keepUp();
    void sweep(state, host);
    ldap.start(state);
  }

  async function sweep({ sessions, codes, credentials, directory }: Opened, host: IdentityHost): Promise<void> {
    for (;;) {
      await clock.sleep(SWEEP, host.stopping);
      if (host.stopping.aborted) return;
      try {
        await sessions.sweep();
        await codes.sweep(clock.now());
        const without = [...credentials.changed.keys()].filter((user) => !directory.users.has(user));
        await credentials.drop(await gone(host, without));
      } catch (error) {
        logFault(host.log, error, { work: "users" });
      }
    }
  }

  function isInUse(user: string): boolean {
    return isIn(opened().directory.users.get(user), clock.now());
  }

  function isAdministrator(user: User): boolean {
    return opened().host.authorize(user, { do: "admin", space: "*" });
  }

  function authorize(user: User, action: Action): boolean {
    const { space } = action;
    if (user === KEEPER) return spaces.has(space);
    if (user === FOUNDER) return space === SYSTEM;
    if (state?.isCarrier(user)) return space === SYSTEM && (action.do === "head" || mayCarry(action));
    if (space === CREDENTIALS || space === SESSIONS) return false;
    if (space === SYSTEM && isAdministrator(user)) return true;
    return isInUse(user.id) && allows(opened().directory.grantsOf(user.id), action);
  }

  function stands(user: User): boolean {
    if (state === null) return true;
    const session = cameBy.get(user);
    if (session !== undefined) return state.sessions.holds(session);
    return !state.directory.users.has(user.id) || isInUse(user.id);
  }

  async function identify(token: string): Promise<User | null> {
    const { tokens, sessions, directory, current, catchUp } = opened();
    const keys = await tokens();
    if (!keys.owns(token)) return null;
    const shown = await keys.read("access", token);
    if (shown === null) throw new Problem("unauthenticated", "the token has ended: refresh it, or log in again");
    await current();
    // Another server may have begun the session a moment ago.
    if (!sessions.holds(shown.session)) await catchUp();
    if (!sessions.holds(shown.session)) throw new Problem("unauthenticated", "the login has ended: log in again");
    const { validUntil } = directory.users.get(shown.user) ?? {};
    const expires = Math.min(shown.ends, validUntil === undefined ? shown.ends : Date.parse(validUntil));
    const user: User = { id: shown.user, claims: { roles: directory.rolesOf(shown.user) }, expires };
    cameBy.set(user, shown.session);
    return user;
  }

  async function admit(user: User): Promise<void> {
    await opened().current();
    if (!stands(user)) throw new Problem("unauthenticated", "this account is deactivated");
  }

  const rule = {
    begin: (...asked: Parameters<ReturnType<typeof systemRule>["begin"]>) => systemRule(ruleParts()).begin(...asked),
    catchUp: () => opened().system.catchUp(),
  };

  function ruleParts() {
    const { directory, system } = opened();
    return { directory, tail: system, isAdministrator };
  }

  function ruleState() {
    const { directory, system } = opened();
    return { directory, catchUp: () => system.catchUp() };
  }

  const spaces: Identity["spaces"] = new Map<string, ReservedSpace>([
    [SYSTEM, { collections: SYSTEM_COLLECTIONS, rule, intake: (link) => systemIntake(link, ruleState) }],
    [CREDENTIALS, { collections: CREDENTIAL_COLLECTIONS, intake: credentialsIntake }],
    [SESSIONS, { collections: SESSION_COLLECTIONS }],
  ]);

  return {
    spaces,
    routes: [...authRoutes(opened), ...sourceRoutes(opened, ldap), ...scimRoutes(opened)],
    open,
    identify,
    admit,
    authorize,
    stands,
    watch: (listener) => void listeners.add(listener),
    async setupCode() {
      const { directory, codes, catchUp } = opened();
      await catchUp();
      return directory.administrators().size > 0 ? null : codes.make(clock.now());
    },
  };
}

/** A source of users brings users, groups and memberships, and no roles. */
function mayCarry(action: Action): boolean {
  return (action.do === "read" || action.do === "write") && action.scope === "users";
}

/** Of users who are not there those who once were: of others the verifier may have come before its user. */
async function gone({ store }: IdentityHost, users: readonly string[]): Promise<string[]> {
  const some = users.slice(0, 500);
  const found = await store.read(
    SYSTEM,
    some.map((id) => ({ kind: "row", collection: "users", id }) as const),
  );
  return some.filter((_, i) => found?.results[i]?.text === null);
}
