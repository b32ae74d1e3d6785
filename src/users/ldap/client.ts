import type { LdapPlan } from "../../server/ldap-config.ts";
import { Problem } from "../../wire/problem.ts";

type Ldapts = typeof import("ldapts");
type Client = InstanceType<Ldapts["Client"]>;

/** An entry of the directory: an attribute has one value, or several; what is binary comes as bytes. */
export interface Entry {
  readonly dn: string;
  readonly [attribute: string]: unknown;
}

/** Milliseconds to connect, and for each answer. */
const CONNECT = 10_000;
const ANSWER = 30_000;

/** What the directory says an account may not come in by, besides what is asked for. */
const STANDING = ["nsAccountLock", "pwdAccountLockedTime", "userAccountControl"];
const MEMBERS = ["member", "uniqueMember", "memberUid"];
const PROFILE = [
  "cn",
  "displayName",
  "givenName",
  "sn",
  "mail",
  "telephoneNumber",
  "mobile",
  "title",
  "preferredLanguage",
];

/** Attributes that are read. Operational ones come only where they are named. */
export const attributesOf = ({ key, userName, groups }: LdapPlan) => [
  ...new Set([key, userName, ...PROFILE, ...STANDING, ...(groups === null ? [] : ["uid"])]),
];

/** A directory as it was read from the first to the last entry. */
export interface Reading {
  readonly people: readonly Entry[];
  /** Null where groups are not asked for. */
  readonly groups: readonly Entry[] | null;
}

/** All users of a directory, and all groups, page by page. Throws where not all of them came: then nobody is known to be absent. */
export async function readAll(plan: LdapPlan): Promise<Reading> {
  return connected(plan, async (client) => {
    const { base, filter, key, groups } = plan;
    const people = await searched(client, plan, { base, filter, attributes: attributesOf(plan) });
    const asked = groups && { ...groups, attributes: [key, groups.name, ...MEMBERS] };
    return { people, groups: asked && (await searched(client, plan, asked)) };
  });
}

async function searched(
  client: Client,
  { key, page: pageSize, bindDn }: LdapPlan,
  { base, filter, attributes }: { base: string; filter: string; attributes: string[] },
): Promise<Entry[]> {
  const explicitBufferAttributes = ["objectGUID", "objectSid"];
  const options = { scope: "sub" as const, filter, attributes, explicitBufferAttributes, paged: { pageSize } };
  const entries: Entry[] = [];
  for await (const { searchEntries } of client.searchPaginated(base, options)) entries.push(...searchEntries);
  if (entries.length > 0 && entries.every((entry) => keyOf(entry, key) === null))
    throw new Problem("unavailable", `no entry shows ${key}: let ${bindDn} read it, or name another key`);
  return entries;
}

/** Whether a password is that of the entry with this key: it is asked of the directory itself. */
export async function isPassword(plan: LdapPlan, key: string, password: string): Promise<boolean> {
  // A bind without a password succeeds, as nobody (RFC 4513, 5.1.2).
  if (password === "") return false;
  const { InvalidCredentialsError } = await loadLdapts();
  const dn = await connected(plan, (client) => dnOf(client, plan, key));
  if (dn === null) return false;
  const client = await opened(plan);
  try {
    await client.bind(dn, password);
    return true;
  } catch (error) {
    if (error instanceof InvalidCredentialsError) return false;
    throw unavailable(plan, error);
  } finally {
    await client.unbind().catch(() => undefined);
  }
}

/** The DN at this moment, which is never kept: entries are moved and renamed. */
async function dnOf(client: Client, plan: LdapPlan, key: string): Promise<string | null> {
  const { EqualityFilter, AndFilter, FilterParser } = await loadLdapts();
  const value = plan.key === "objectGUID" ? Buffer.from(key.replaceAll("-", ""), "hex") : key;
  const same = new EqualityFilter({ attribute: plan.key, value: value as string });
  const filter = new AndFilter({ filters: [FilterParser.parseString(plan.filter), same] });
  const { searchEntries } = await client.search(plan.base, { scope: "sub", filter, attributes: [plan.key] });
  const [entry, another] = searchEntries;
  return another === undefined ? (entry?.dn ?? null) : null;
}

/** The value of the key as text; bytes in hexadecimal digits. */
export function keyOf(entry: Entry, key: string): string | null {
  const value = entry[key];
  const one: unknown = Array.isArray(value) ? value[0] : value;
  if (one instanceof Uint8Array) return one.length === 0 ? null : Buffer.from(one).toString("hex");
  return typeof one === "string" && one !== "" ? one : null;
}

async function connected<T>(plan: LdapPlan, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await opened(plan);
  try {
    const { bindDn, bindPassword } = plan;
    await client.bind(bindDn, typeof bindPassword === "function" ? await bindPassword() : bindPassword);
    return await work(client);
  } catch (error) {
    throw unavailable(plan, error);
  } finally {
    await client.unbind().catch(() => undefined);
  }
}

async function opened(plan: LdapPlan): Promise<Client> {
  const { Client } = await loadLdapts();
  const tls = plan.ca === null ? {} : { ca: plan.ca };
  const secure = /^ldaps:/i.test(plan.url);
  const client = new Client({
    url: plan.url,
    connectTimeout: CONNECT,
    timeout: ANSWER,
    ...(secure ? { tlsOptions: tls } : {}),
  });
  if (plan.startTls)
    await client.startTLS(tls).catch((error: unknown) => {
      throw unavailable(plan, error);
    });
  return client;
}

function unavailable({ name, url }: LdapPlan, error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { name: kind, message, code } = error as Error & { code?: unknown };
  const reason = [kind === "Error" ? "" : kind, message, typeof code === "string" ? code : ""].filter(
    (part) => part !== "",
  );
  return new Problem(
    "unavailable",
    `the directory ldap:${name} at ${url} did not answer in full: ${reason.join(": ").replace(/\s+/g, " ")}`,
  );
}

async function loadLdapts(): Promise<Ldapts> {
  try {
    return await import("ldapts");
  } catch {
    throw new Problem("unavailable", "LDAP needs the package ldapts on the server: npm install ldapts");
  }
}
