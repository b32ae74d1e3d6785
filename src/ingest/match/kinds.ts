import type { Json } from "../../util/json.ts";
import { folded } from "./fingerprint.ts";
import {
  byCharacters,
  byDate,
  byDegrees,
  byEquality,
  byLetters,
  byMagnitude,
  byMailbox,
  byWords,
} from "./similarity.ts";

/** What a field holds, as far as it matters for finding the same thing again. */
export type Kind =
  | "name"
  | "text"
  | "street"
  | "place"
  | "postcode"
  | "date"
  | "phone"
  | "email"
  | "id"
  | "code"
  | "number"
  | "degrees";

/** How values of a kind are compared. */
export interface KindRules {
  /** The value as it is compared; null: it says nothing, as an absent one. */
  prepare(value: Json): string | null;
  similarity(a: string, b: string): number;
  /** What equal values say at most, in bits: 10 bits make the same thing 1,024 times as likely as it was. */
  readonly bits: number;
  /** What different values say against it, in bits. */
  readonly against: number;
  /** Fields of a group say the same thing several times: together they say no more than the group may. */
  readonly group?: "address";
  /** The texts by which a value finds its like (blocking), besides the value itself. */
  parts(prepared: string): readonly string[];
  /** Two fields of this kind may have been filled in the wrong way round. */
  readonly swaps?: true;
}

/** What an address says in all, in bits: who lives there may be several. */
export const ADDRESS_BITS = 18;

const none = () => [];

export const KINDS: Readonly<Record<Kind, KindRules>> = {
  name: { prepare: words, similarity: byLetters, bits: 10, against: 4, parts: none, swaps: true },
  text: { prepare: words, similarity: byWords, bits: 14, against: 5, parts: longWords },
  street: {
    prepare: (value) => shortened(words(value)),
    similarity: byLetters,
    bits: 12,
    against: 3,
    group: "address",
    parts: none,
    swaps: true,
  },
  place: { prepare: words, similarity: byLetters, bits: 9, against: 3, group: "address", parts: none, swaps: true },
  postcode: { prepare: compact, similarity: byCharacters, bits: 9, against: 3, group: "address", parts: none },
  date: { prepare: dateOf, similarity: byDate, bits: 12, against: 6, parts: none },
  phone: { prepare: phoneOf, similarity: byCharacters, bits: 14, against: 2, parts: none },
  email: { prepare: mailboxOf, similarity: byMailbox, bits: 16, against: 2, parts: (text) => [localOf(text)] },
  id: { prepare: compact, similarity: byCharacters, bits: 16, against: 6, parts: none },
  code: { prepare: compact, similarity: byEquality, bits: 6, against: 3, parts: none },
  number: { prepare: numberOf, similarity: byMagnitude, bits: 9, against: 3, parts: none },
  degrees: { prepare: degreesOf, similarity: byDegrees, bits: 9, against: 6, parts: none },
};

/** People write these for an empty field. */
const NOTHING = new Set(["", "n a", "na", "null", "none", "unknown", "nil"]);

function textOf(value: Json): string | null {
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : null;
}

function words(value: Json): string | null {
  const text = textOf(value);
  if (text === null) return null;
  const folds = folded(text)
    .replace(/['’`.]/g, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  return NOTHING.has(folds) ? null : folds;
}

function compact(value: Json): string | null {
  const text = words(value)?.replaceAll(" ", "") ?? "";
  return text === "" ? null : text;
}

/** Words of streets that are often shortened, in English, German, French and Spanish. */
const SHORT: Readonly<Record<string, string>> = {
  street: "st",
  strasse: "str",
  road: "rd",
  avenue: "ave",
  av: "ave",
  avenida: "ave",
  drive: "dr",
  place: "pl",
  platz: "pl",
  lane: "ln",
  court: "ct",
  crescent: "cres",
  circuit: "cct",
  boulevard: "blvd",
  bd: "blvd",
  highway: "hwy",
  parkway: "pkwy",
  square: "sq",
  terrace: "tce",
  north: "n",
  south: "s",
  east: "e",
  west: "w",
};

function shortened(text: string | null): string | null {
  if (text === null) return null;
  const known = (word: string) => (Object.hasOwn(SHORT, word) ? (SHORT[word] as string) : word);
  return text
    .replace(/(\p{L}{3,})strasse\b/gu, "$1str")
    .split(" ")
    .map(known)
    .join(" ");
}

function longWords(text: string): readonly string[] {
  return text.split(" ").filter((word) => word.length > 3);
}

/** YYYYMMDD of ISO 8601 (a time is left out), YYYYMMDD, and day.month.year; else its digits, so that equal ones are equal. */
function dateOf(value: Json): string | null {
  const text = textOf(value)?.trim() ?? "";
  const iso = /^(\d{4})-?(\d\d)-?(\d\d)(?:$|[T ])/.exec(text);
  if (iso !== null) return iso.slice(1).join("");
  const dotted = /^(\d{1,2})[./-](\d{1,2})[./-](\d{4})$/.exec(text);
  if (dotted !== null) return `${dotted[3]}${dotted[2]?.padStart(2, "0")}${dotted[1]?.padStart(2, "0")}`;
  const digits = text.replace(/\D/g, "");
  return digits === "" ? null : digits;
}

/** The last nine digits: what comes before is dialled in one country and not in another. */
function phoneOf(value: Json): string | null {
  const digits = textOf(value)?.replace(/\D/g, "") ?? "";
  return digits.length < 5 ? null : digits.slice(-9);
}

function mailboxOf(value: Json): string | null {
  const text = textOf(value)?.trim().toLowerCase() ?? "";
  return /^[^@\s]+@[^@\s]+$/.test(text) ? text.replace(/\+[^@]*@/, "@") : null;
}

function localOf(mailbox: string): string {
  return mailbox.slice(0, mailbox.indexOf("@"));
}

function numberOf(value: Json): string | null {
  const text = textOf(value)?.trim() ?? "";
  const number = Number(text);
  return text === "" || !Number.isFinite(number) ? null : String(number);
}

function degreesOf(value: Json): string | null {
  const number = numberOf(value);
  return number === null ? null : Number(number).toFixed(4);
}
