import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from "libphonenumber-js";
import { type Normaliser, normaliser } from "./normaliser.ts";
import { quoted } from "./step.ts";

/**
 * A telephone number as E.164, `+4930123456`; one without a country code is of `region`.
 *
 * @throws Error where the region is none.
 */
export function phone(region: string): Normaliser {
  if (!isSupportedCountry(region)) throw new Error(`phone(${quoted(region)}): expected a country such as "DE"`);
  return normaliser(`phone(${region})`, (value) => {
    const written = typeof value === "object" ? "" : String(value);
    const parsed = parsePhoneNumberFromString(written, region as CountryCode);
    if (parsed === undefined || !parsed.isValid())
      return { flaw: `${quoted(value)} is no telephone number of ${region}` };
    return { value: parsed.ext === undefined ? parsed.number : `${parsed.number};ext=${parsed.ext}` };
  });
}

/** Names that ICU does not know, and codes of three letters that stand often for a country. */
const ALIASES: { readonly [name: string]: string } = {
  usa: "US",
  "u.s.a.": "US",
  "u.s.": "US",
  "united states of america": "US",
  america: "US",
  uk: "GB",
  "u.k.": "GB",
  gbr: "GB",
  "great britain": "GB",
  england: "GB",
  scotland: "GB",
  wales: "GB",
  deu: "DE",
  aut: "AT",
  che: "CH",
  fra: "FR",
  ita: "IT",
  esp: "ES",
  nld: "NL",
  holland: "NL",
  "the netherlands": "NL",
  bel: "BE",
  pol: "PL",
  "czech republic": "CZ",
  can: "CA",
  aus: "AU",
  chn: "CN",
  jpn: "JP",
  ind: "IN",
  bra: "BR",
  "russian federation": "RU",
  "south korea": "KR",
  "republic of korea": "KR",
  "ivory coast": "CI",
  burma: "MM",
  "viet nam": "VN",
};

const names = new Map<string, ReadonlyMap<string, string>>();

/** ICU's names of all countries in a language, in lower case. */
function namesIn(language: string): ReadonlyMap<string, string> {
  const known = names.get(language);
  if (known !== undefined) return known;
  const display = new Intl.DisplayNames([language], { type: "region", fallback: "none" });
  const found = new Map<string, string>();
  for (let a = 65; a <= 90; a++) {
    for (let b = 65; b <= 90; b++) {
      const code = String.fromCharCode(a, b);
      // Codes that were withdrawn have a name still; the canonical form tells them apart.
      if (Intl.getCanonicalLocales(`und-${code}`)[0] !== `und-${code}` || /^(EU|EZ|UN|QO|ZZ|X[A-JL-Z])$/.test(code))
        continue;
      const name = display.of(code);
      if (name !== undefined) found.set(name.toLowerCase(), code);
    }
  }
  names.set(language, found);
  return found;
}

/** A country as its code of two letters, from the code or from its name in one of these languages. */
export function country({
  languages = ["en", "de", "fr", "es"],
  aliases = {},
}: {
  languages?: readonly string[];
  aliases?: { readonly [name: string]: string };
} = {}): Normaliser {
  const own = new Map(Object.entries(aliases).map(([name, code]) => [name.toLowerCase(), code]));
  return normaliser(`country(${languages.join()};${JSON.stringify(aliases)})`, (value) => {
    const written = typeof value === "string" ? value.trim() : "";
    const key = written.toLowerCase();
    const alias = own.get(key) ?? (Object.hasOwn(ALIASES, key) ? ALIASES[key] : undefined);
    if (alias !== undefined) return { value: alias };
    const code = written.toUpperCase();
    for (const language of languages) {
      const found = namesIn(language).get(key);
      if (found !== undefined) return { value: found };
      if (code.length === 2 && [...namesIn(language).values()].includes(code)) return { value: code };
    }
    return { flaw: `${quoted(value)} is no country that is known here` };
  });
}

/**
 * An amount as `{ amount: "1234.50", currency: "EUR" }`: decimal text, never a floating number. `decimal` is the mark before
 * the fraction; without it a text that could be read both ways, such as "1,234", is refused.
 */
export function money(currency: string, { decimal }: { decimal?: "." | "," } = {}): Normaliser {
  return normaliser(`money(${currency};${decimal ?? ""})`, (value) => {
    const written = typeof value === "number" || typeof value === "string" ? String(value).trim() : "";
    const named = /[A-Z]{3}/.exec(written)?.[0];
    if (named !== undefined && named !== currency) return { flaw: `${quoted(value)} is not in ${currency}` };
    const sign = /^\(.*\)$|-/.test(written) ? "-" : "";
    const digits = written.replace(/[A-Z]{3}|[\s'’()+-]|\p{Sc}/gu, "");
    if (!/^[\d.,]*\d[\d.,]*$/.test(digits)) return { flaw: `${quoted(value)} is no amount of money` };
    const mark = typeof value === "number" ? "." : (decimal ?? markOf(digits));
    if (mark === null) return { flaw: `${quoted(value)} can be read in two ways: say which mark is the decimal one` };
    const parts = digits.split(mark);
    const thousands = mark === "." ? "," : ".";
    const [whole = "", fraction = ""] = parts;
    const grouped = /^\d{1,3}([.,]\d{3})+$/.test(whole) || !whole.includes(thousands);
    if (parts.length > 2 || fraction.includes(thousands) || !grouped)
      return { flaw: `${quoted(value)} is no amount of money` };
    const plain = whole.replaceAll(thousands, "").replace(/^0+(?=\d)/, "") || "0";
    return { value: { amount: `${sign}${plain}${fraction === "" ? "" : `.${fraction}`}`, currency } };
  });
}

/** The decimal mark, where the text shows which it is; null: it could be either. */
function markOf(digits: string): "." | "," | null {
  const [dot, comma] = [digits.lastIndexOf("."), digits.lastIndexOf(",")];
  if (dot >= 0 && comma >= 0) return dot > comma ? "." : ",";
  const mark = dot >= 0 ? "." : ",";
  const at = Math.max(dot, comma);
  if (at < 0) return ".";
  if (digits.indexOf(mark) !== at) return mark === "." ? "," : ".";
  return digits.length - at - 1 === 3 && at <= 3 ? null : mark;
}
