import type { LdapPlan } from "../../server/ldap-config.ts";
import type { Json } from "../../util/json.ts";
import { type Entry, keyOf } from "./client.ts";

/** What an entry says of a user. */
export interface Person {
  readonly dn: string;
  /** By which it is known again, wherever it is moved. */
  readonly key: string;
  readonly active: boolean;
  /** By which a posixGroup names its members. */
  readonly uid: string | null;
  /** Null where the entry has no such attribute. */
  readonly atoms: { readonly [atom: string]: Json };
}

/** Locked for good by an administrator (the password policy's own sign); any other time ends by itself, and only binds mind it. */
const LOCKED = "000001010000Z";
/** ACCOUNTDISABLE in Active Directory's userAccountControl. */
const DISABLED = 2;

/** A user out of an entry, or why it is none. */
export function personOf(entry: Entry, plan: Pick<LdapPlan, "key" | "userName">): Person | string {
  const key = keyOf(entry, plan.key);
  if (key === null) return `${entry.dn} has no ${plan.key}`;
  const userName = textOf(entry, plan.userName);
  if (userName === null) return `${entry.dn} has no ${plan.userName}`;
  const mails = textsOf(entry, "mail").map((value, i) => ({ value, type: "work", primary: i === 0 }));
  const phones = [
    ...textsOf(entry, "telephoneNumber").map((value) => ({ value, type: "work" })),
    ...textsOf(entry, "mobile").map((value) => ({ value, type: "mobile" })),
  ];
  const atoms = {
    userName,
    displayName: textOf(entry, "displayName") ?? textOf(entry, "cn"),
    givenName: textOf(entry, "givenName"),
    familyName: textOf(entry, "sn"),
    title: textOf(entry, "title"),
    preferredLanguage: textOf(entry, "preferredLanguage"),
    emails: mails.length === 0 ? null : mails,
    phoneNumbers: phones.length === 0 ? null : phones,
  };
  return { dn: entry.dn, key, active: isActive(entry), uid: textOf(entry, "uid"), atoms };
}

/** What an entry says of a group. */
export interface Team {
  readonly dn: string;
  readonly key: string;
  readonly name: string;
  /** The keys of those of its members who are users. */
  readonly members: ReadonlySet<string>;
}

/** Groups out of their entries, and why others are none. A member that is a group, or nobody of these people, is passed over. */
export function teamsOf(
  entries: readonly Entry[],
  people: readonly Person[],
  { key: attribute, groups }: Pick<LdapPlan, "key" | "groups">,
): { readonly teams: readonly Team[]; readonly broken: readonly string[] } {
  const byDn = new Map(people.map(({ dn, key }) => [foldedDn(dn), key]));
  const byUid = new Map(people.flatMap(({ uid, key }) => (uid === null ? [] : [[uid, key] as const])));
  const found = entries.map((entry): Team | string => {
    const key = keyOf(entry, attribute);
    const name = textOf(entry, groups?.name ?? "cn");
    if (key === null) return `${entry.dn} has no ${attribute}`;
    if (name === null) return `${entry.dn} has no ${groups?.name}`;
    // Active Directory tells the members of large groups in parts: what is left out is not absent.
    if (Object.keys(entry).some((each) => /;range=/i.test(each)))
      return `${entry.dn} has more members than the directory tells at once: they stay as they are`;
    const named = [...textsOf(entry, "member"), ...textsOf(entry, "uniqueMember")].map((dn) => byDn.get(foldedDn(dn)));
    const members = [...named, ...textsOf(entry, "memberUid").map((uid) => byUid.get(uid))];
    return { dn: entry.dn, key, name, members: new Set(members.filter((each) => each !== undefined)) };
  });
  return {
    teams: found.filter((each) => typeof each !== "string"),
    broken: found.filter((each) => typeof each === "string"),
  };
}

/** Two spellings of a name come to the same: case, white space around commas, and characters that are written as their bytes. */
function foldedDn(dn: string): string {
  return dn
    .replace(/(?:\\[0-9a-f]{2})+/gi, (bytes) => escaped(Buffer.from(bytes.replaceAll("\\", ""), "hex").toString()))
    .replace(/\s*(?<!\\)([,=+])\s*/g, "$1")
    .toLowerCase();
}

const escaped = (text: string) => text.replace(/[",+;<=>\\]/g, "\\$&");

function isActive(entry: Entry): boolean {
  if (textOf(entry, "nsAccountLock")?.toLowerCase() === "true") return false;
  if (textOf(entry, "pwdAccountLockedTime") === LOCKED) return false;
  return (Number(textOf(entry, "userAccountControl") ?? 0) & DISABLED) === 0;
}

function textOf(entry: Entry, attribute: string): string | null {
  return textsOf(entry, attribute)[0] ?? null;
}

/** Names of attributes come in the case that the directory likes. */
function textsOf(entry: Entry, attribute: string): string[] {
  const name = Object.keys(entry).find((one) => one.toLowerCase() === attribute.toLowerCase());
  const value = name === undefined ? [] : entry[name];
  return [value].flat().filter((one): one is string => typeof one === "string" && one !== "");
}
