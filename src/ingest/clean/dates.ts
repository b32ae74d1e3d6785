import { type Normalised, type Normaliser, normaliser } from "./normaliser.ts";
import { quoted } from "./step.ts";

interface DateOptions {
  /** For values that are instants: the day is that of this time zone. UTC by default. */
  readonly zone?: string;
  /** The last year that a year of two digits may mean: with 2025, `26` is 1926. Needed where a format has `yy`. */
  readonly pivot?: number;
  /** A year of four digits beyond `pivot` was made of one with two: it is a century earlier. */
  readonly repairCentury?: boolean;
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/**
 * A day as `yyyy-MM-dd`. A format is made of yyyy, yy, MM, M, dd, d, MMM (a month's English name, short or whole) and what
 * stands between them. A text that two formats read as two days is refused: 03/04 is no date until the order is declared.
 *
 * @throws Error where a format cannot be read.
 * @example date(["dd.MM.yyyy", "yyyy-MM-dd"])
 */
export function date(formats: readonly string[], options: DateOptions = {}): Normaliser {
  const { zone = "UTC", pivot, repairCentury = false } = options;
  const readers = formats.map((format) => readerOf(format, options));
  return normaliser(`date(${formats.join("|")};${zone};${pivot ?? ""};${repairCentury})`, (value): Normalised => {
    const text = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
    if (/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:?\d\d)$/.test(text)) {
      const time = Date.parse(text);
      return Number.isNaN(time) ? { flaw: `${quoted(value)} is no time` } : { value: dayIn(zone, time) };
    }
    const days = new Set(readers.flatMap((read) => read(text) ?? []));
    const [day] = days;
    if (day === undefined) return { flaw: `${quoted(value)} is no date of the form ${formats.join(" or ")}` };
    if (days.size > 1) return { flaw: `${quoted(value)} is ambiguous: ${[...days].join(" or ")}` };
    return { value: day };
  });
}

type Reader = (text: string) => string | null;

function readerOf(format: string, { pivot, repairCentury }: DateOptions): Reader {
  const fields: string[] = [];
  const pattern = format.replace(/yyyy|yy|MMM|MM|M|dd|d|[^A-Za-z]|[A-Za-z]/g, (token) => {
    if (/^[^A-Za-z]$/.test(token)) return token.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    const source = SOURCES[token];
    if (source === undefined)
      throw new Error(`date(${quoted(format)}): expected yyyy, yy, MMM, MM, M, dd, d and marks`);
    fields.push(token);
    return source;
  });
  if (fields.includes("yy") && pivot === undefined)
    throw new Error(`date(${quoted(format)}): expected \`pivot\`, the last year that two digits may mean`);
  const expression = new RegExp(`^${pattern}$`, "i");
  /** Of the groups in a match; 0: the format has none. */
  const groupOf = (name: RegExp) => fields.findIndex((field) => name.test(field)) + 1;
  const [ofYear, ofName, ofMonth, ofDay] = [groupOf(/^y/), groupOf(/^MMM$/), groupOf(/^MM?$/), groupOf(/^d/)];
  const isShort = fields.includes("yy");
  return (text) => {
    const match = expression.exec(text);
    if (match === null) return null;
    const part = (group: number) => (group === 0 ? undefined : match[group]);
    let year = Number(part(ofYear) ?? Number.NaN);
    if (isShort && pivot !== undefined) year += Math.floor((pivot - year) / 100) * 100;
    else if (repairCentury && pivot !== undefined && year > pivot) year -= 100;
    const named = part(ofName);
    const month =
      named === undefined ? Number(part(ofMonth) ?? 1) : MONTHS.indexOf(named.slice(0, 3).toLowerCase()) + 1;
    return dayOf(year, month, Number(part(ofDay) ?? 1));
  };
}

const SOURCES: { readonly [token: string]: string } = {
  yyyy: "(\\d{4})",
  yy: "(\\d{2})",
  MMM: "(jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec|january|february|march|april|august|september|october|november|december)",
  MM: "(\\d{2})",
  M: "(\\d{1,2})",
  dd: "(\\d{2})",
  d: "(\\d{1,2})",
};

/** Null where the calendar has no such day. */
function dayOf(year: number, month: number, day: number): string | null {
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return null;
  const two = (part: number) => String(part).padStart(2, "0");
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
}

/** By the Gregorian calendar, also before there was one. */
function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function partsIn(zone: string, time: number): { [type: string]: string } {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  return Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]));
}

function dayIn(zone: string, time: number): string {
  const { year = "", month = "", day = "" } = partsIn(zone, time);
  return `${year.padStart(4, "0")}-${month}-${day}`;
}

/**
 * A moment as ISO 8601 in UTC, from ISO 8601, or from seconds or milliseconds since 1970. A text without an offset is of `zone`;
 * where there is none, it is refused. A time that a clock change makes twice, or leaves out, is refused too.
 */
export function instant({ zone }: { zone?: string } = {}): Normaliser {
  return normaliser(`instant(${zone ?? ""})`, (value): Normalised => {
    const no = { flaw: `${quoted(value)} is no time` };
    if (typeof value === "number") {
      const time = Math.abs(value) < 1e11 ? value * 1000 : value;
      return Math.abs(time) <= 8.64e15 ? { value: new Date(time).toISOString() } : no;
    }
    const text = typeof value === "string" ? value.trim().replace(" ", "T") : "";
    const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?$/.exec(text);
    if (match === null) return no;
    const [, day, clock, offset] = match;
    const time = Date.parse(`${day}T${clock}${offset ?? "Z"}`);
    if (Number.isNaN(time)) return no;
    if (offset !== undefined) return { value: new Date(time).toISOString() };
    if (zone === undefined) return { flaw: `${quoted(value)} has no offset, and no zone is declared` };
    const found = instantsOf(time, zone);
    const [only] = found;
    if (found.length !== 1 || only === undefined)
      return { flaw: `${quoted(value)} ${found.length === 0 ? "does not exist" : "came twice"} in ${zone}` };
    return { value: new Date(only).toISOString() };
  });
}

/** The moments at which clocks of a zone show this local time (given as if it were UTC): none, one or two. */
function instantsOf(local: number, zone: string): number[] {
  const day = 86_400_000;
  const offsets = new Set(
    [local - day, local + day].map((time) => shownAt(zone, time) - Math.floor(time / 1000) * 1000),
  );
  return [...offsets]
    .map((offset) => local - offset)
    .filter((time) => shownAt(zone, time) === Math.floor(local / 1000) * 1000);
}

function shownAt(zone: string, time: number): number {
  const { year, month, day, hour, minute, second } = partsIn(zone, time);
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}
