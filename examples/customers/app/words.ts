import type { Customer } from "../collections.ts";

/** What people call the systems, by the names that their sources have. */
const SYSTEMS: { readonly [name: string]: string } = {
  hubspot: "CRM",
  typeform: "Survey",
  matomo: "Site",
  logins: "Sign-ins",
  crm: "CRM",
  survey: "Survey",
  web: "Site",
};

export const systemOf = (name: string): string => SYSTEMS[name.split(".")[0] ?? ""] ?? name;

export const ATOMS: readonly (readonly [atom: keyof Customer, label: string])[] = [
  ["given", "Given name"],
  ["family", "Family name"],
  ["email", "E-mail"],
  ["phone", "Phone"],
  ["born", "Born"],
  ["company", "Company"],
  ["city", "City"],
  ["since", "Known since"],
  ["score", "Would recommend"],
  ["comment", "Comment"],
  ["answered", "Answered"],
  ["lastVisit", "Last visit"],
];

export function nameOf({ given, family, email, id }: Customer): string {
  return [given, family].filter(Boolean).join(" ") || email || id;
}

export function shown(value: unknown): string {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return new Date(value).toLocaleString();
  return Array.isArray(value) ? value.map((each) => systemOf(String(each))).join(", ") : String(value);
}

export const clock = (at: number): string =>
  new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString()} ${number === 1 ? one : many}`;
