import { z } from "zod";
import type { Json } from "../../util/json.ts";
import { type Normalised, type Normaliser, normaliser } from "./normaliser.ts";
import { quoted } from "./step.ts";

/** Changes text, and leaves values of other types as they are. */
function text(name: string, change: (value: string) => string): Normaliser {
  return normaliser(name, (value) => ({ value: typeof value === "string" ? change(value) : value }));
}

/** Without white space around it. */
export const trim = (): Normaliser => text("trim", (value) => value.trim());

/** Each run of white space as one space. */
export const collapseSpace = (): Normaliser => text("collapseSpace", (value) => value.replace(/\s+/g, " "));

/** Unicode's composed form: `é` as one code point. */
export const nfc = (): Normaliser => text("nfc", (value) => value.normalize("NFC"));

/** Without control characters, but for line ends and tabs. */
export const noControl = (): Normaliser =>
  text("noControl", (value) => value.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, ""));

/** Lower case, for what is compared and not shown. */
export const caseFold = (): Normaliser => text("caseFold", (value) => value.toLowerCase());

/** `BRISTOL` and `bristol` as `Bristol`; text of mixed case stays, since its writer meant it. */
export const title = (): Normaliser =>
  text("title", (value) => {
    if (value !== value.toUpperCase() && value !== value.toLowerCase()) return value;
    return value
      .toLowerCase()
      .replace(/(^|[^\p{L}\p{M}\p{N}'’])(\p{L})/gu, (_, before, letter) => before + letter.toUpperCase());
  });

/** What stands for "no value" in this source becomes null. */
export function missing(values: readonly string[] = ["", "NULL", "null", "n/a", "N/A", "-"]): Normaliser {
  const set = new Set(values);
  return normaliser(`missing(${JSON.stringify(values)})`, (value) => ({
    value: typeof value === "string" && set.has(value.trim()) ? null : value,
  }));
}

const address = z.email();

/** Without space around it and with the domain in lower case; the part before the @ is its owner's matter. */
export function email(): Normaliser {
  return normaliser("email", (value) => {
    const written = typeof value === "string" ? value.trim().normalize("NFC") : "";
    const at = written.lastIndexOf("@");
    const result = `${written.slice(0, at)}@${written.slice(at + 1).toLowerCase()}`;
    if (at < 1 || !address.safeParse(result).success) return { flaw: `${quoted(value)} is no e-mail address` };
    return { value: result };
  });
}

const YES = new Set(["true", "yes", "y", "t", "1", "ja", "j", "oui", "si", "sí", "wahr", "on", "x"]);
const NO = new Set(["false", "no", "n", "f", "0", "nein", "non", "falsch", "off"]);

/** yes, ja, 1, "True" … as true, their opposites as false. */
export function bool({ yes = [], no = [] }: { yes?: readonly string[]; no?: readonly string[] } = {}): Normaliser {
  const isYes = new Set([...YES, ...yes.map((each) => each.toLowerCase())]);
  const isNo = new Set([...NO, ...no.map((each) => each.toLowerCase())]);
  return normaliser(`bool(${yes.join()};${no.join()})`, (value): Normalised => {
    if (typeof value === "boolean") return { value };
    const word = typeof value === "object" ? "" : String(value).trim().toLowerCase();
    if (isYes.has(word)) return { value: true };
    if (isNo.has(word)) return { value: false };
    return { flaw: `${quoted(value)} is neither yes nor no` };
  });
}

/** A number out of a text such as "12" or "-3.5e2". Text with thousands is `money`'s matter. */
export function number(): Normaliser {
  return normaliser("number", (value): Normalised => {
    if (typeof value === "number") return { value };
    const written = typeof value === "string" ? value.trim() : "";
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(written)) return { flaw: `${quoted(value)} is no number` };
    const result = Number(written);
    return Number.isFinite(result) ? { value: result } : { flaw: `${quoted(value)} is too large for a number` };
  });
}

/** A number that was meant as text, such as the title 1776. */
export function string(): Normaliser {
  return normaliser("string", (value: Json): Normalised => {
    if (typeof value === "string") return { value };
    if (typeof value === "object") return { flaw: `${quoted(value)} is no text` };
    return { value: String(value) };
  });
}
