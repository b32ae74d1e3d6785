import type { LdapPlan } from "../../server/ldap-config.ts";
import type { Json } from "../../util/json.ts";
import { type Entry, keyOf } from "./client.ts";

/** What an entry says of a user. */
export interface Person {
  readonly dn: string;
  /** By which it is known again, wherever it is moved. */
  readonly key: string;
  readonly active: boolean;
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
  return { dn: entry.dn, key, active: isActive(entry), atoms };
}

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
