import type { Json, JsonObject } from "../../../util/json.ts";
import { SourceError } from "../../source.ts";

export interface Card {
  readonly value: JsonObject;
  /** When it was last changed, ISO 8601, where it says so. */
  readonly rev: string | null;
}

export interface Cards {
  /** Null where the text is no vCard. */
  read(text: string): Card | null;
}

/** A property of a jCard (RFC 7095): name, parameters, type, value, more values. */
type Property = readonly [string, { readonly type?: string | readonly string[] }, string, ...Json[]];

/** Loads the reader of vCards, which whoever uses such a source has installed. */
export async function cards(): Promise<Cards> {
  const { default: ical } = await import("ical.js").catch(() => {
    throw new SourceError("protocol", "this source needs the package ical.js: npm install ical.js");
  });
  return {
    read(text) {
      try {
        const [name, properties] = ical.parse(text) as unknown as [string, readonly Property[]];
        return name === "vcard" ? cardOf(properties) : null;
      } catch {
        return null;
      }
    },
  };
}

function cardOf(properties: readonly Property[]): Card {
  const all = (name: string) => properties.filter(([own]) => own === name || own.endsWith(`.${name}`));
  const texts = (name: string) => all(name).map(([, , , value]) => text(value));
  const first = (name: string) => texts(name)[0] ?? null;
  const parts = (value: Json | undefined) => (Array.isArray(value) ? value : [value ?? ""]).map(text);
  const [family = null, given = null, ...others] = all("n").length === 0 ? [] : parts(all("n")[0]?.[3]);
  const rev = instant(first("rev"));
  const value: JsonObject = {
    uid: first("uid"),
    name: first("fn"),
    family,
    given,
    additional: others[0] ?? null,
    emails: typed(all("email")),
    phones: typed(all("tel")),
    organisation:
      parts(all("org")[0]?.[3])
        .filter((part) => part !== "")
        .join(", ") || null,
    title: first("title"),
    born: first("bday"),
    addresses: all("adr").map(([, { type }, , address]) => {
      const [box, extra, street, city, region, code, country] = parts(address);
      return { types: typesOf(type), box, extra, street, city, region, code, country } as JsonObject;
    }),
    note: first("note"),
    categories: all("categories").flatMap(([, , , ...values]) => values.map(text)),
  };
  return { value, rev };
}

function typed(properties: readonly Property[]): JsonObject[] {
  return properties.map(([, { type }, , value]) => ({
    value: text(value).replace(/^tel:/i, ""),
    types: typesOf(type),
  }));
}

function typesOf(type: string | readonly string[] | undefined): string[] {
  const types = type === undefined ? [] : typeof type === "string" ? type.split(",") : type;
  return types.map((each) => each.toLowerCase());
}

function text(value: Json | undefined): string {
  return value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

function instant(value: string | null): string | null {
  const at = Date.parse(value ?? "");
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}
