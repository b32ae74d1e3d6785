import type { LdapConfig } from "../../../src/server/ldap-config.ts";
import { type Log, noLog } from "../../../src/server/log.ts";
import { systemClock } from "../../../src/util/clock.ts";
import { good } from "../../support/server.ts";
import { founded } from "../support.ts";
import { ADMIN, BASE, SECRET, Slapd } from "./slapd.ts";

interface Passed {
  readonly found: number;
  readonly added: number;
  readonly changed: number;
  readonly deactivated: number;
  readonly unchanged: number;
  readonly groups?: { readonly found: number; readonly joined: number; readonly left: number };
  readonly refused: readonly string[];
}

/** A server whose users come from a directory with so many people. */
export async function house(count: number, more: Partial<LdapConfig> = {}, clock = systemClock, log: Log = noLog) {
  const slapd = await Slapd.start();
  for (let i = 0; i < count; i++) await slapd.add(`u${i}`, { mail: `u${i}@example.org` });
  const over: { -readonly [K in keyof LdapConfig]?: LdapConfig[K] } = {};
  const office: LdapConfig = {
    url: slapd.url,
    bindDn: ADMIN,
    bindPassword: () => (over.bindPassword as string | undefined) ?? SECRET,
    base: BASE,
    page: 5,
    ...more,
  };
  const users = { ldap: { office } };
  const all = await founded({
    users: { lifetimes: users, clock },
    server: { log },
    config: { users, limits: { rate: false } },
  });
  const order = (path: string, source = "ldap:office") =>
    all.server.post(`/v1/auth/${path}`, { source }, { token: all.ann.accessToken });
  const sync = async () => (await good(await order("sync"))) as Passed;
  const rows = async <R>(of: string) => {
    const scan = [{ kind: "scan", scope: "users", after: 0, limit: 1_000 }] as const;
    const found = await all.server.store.read("system", scan);
    return (found?.results[0].changes ?? []).flatMap(({ member, text, collection }) =>
      member.present && text !== null && collection === of ? [JSON.parse(text) as R] : [],
    );
  };
  const people = async () => new Map((await rows<Person>("users")).map((row) => [row.userName, row]));
  /** The names of the members, by that of the group. */
  const groups = async () => {
    const names = new Map((await rows<Person>("users")).map(({ id, userName }) => [id, userName]));
    const memberships = await rows<{ group: string; user: string }>("memberships");
    const found = await rows<{ id: string; displayName: string }>("groups");
    const members = (id: string) => memberships.filter(({ group }) => group === id).map(({ user }) => names.get(user));
    return Object.fromEntries(found.map(({ id, displayName }) => [displayName, members(id).sort()]));
  };
  const dispose = async () => {
    await all.server[Symbol.asyncDispose]();
    await slapd[Symbol.asyncDispose]();
  };
  return { ...all, slapd, over, order, sync, rows, people, groups, [Symbol.asyncDispose]: dispose };
}

export interface Person {
  readonly id: string;
  readonly userName: string;
  readonly active: boolean;
  readonly [atom: string]: unknown;
}
