import { jaroWinkler } from "@skyra/jaro-winkler";
import { distance } from "fastest-levenshtein";

/**
 * All similarities are on one scale, so that kinds can be mixed: 1 is equal, 0.9 a slip of the keyboard, 0.8 alike,
 * 0.7 says nothing for or against, below is different.
 */

/** How many keystrokes apart two texts are, where two neighbours in the wrong order are one. */
export function slips(a: string, b: string): number {
  if (a.length === b.length && a !== b) {
    let first = 0;
    while (a[first] === b[first]) first++;
    let last = a.length - 1;
    while (a[last] === b[last]) last--;
    if (last === first + 1 && a[first] === b[last] && a[last] === b[first]) return 1;
  }
  return distance(a, b);
}

/** Identifiers and numbers of digits: only slips count, since other values are alike by chance. */
export function byCharacters(a: string, b: string): number {
  if (a === b) return 1;
  const shorter = Math.min(a.length, b.length);
  if (shorter < 3) return 0;
  const count = slips(a, b);
  if (count === 1) return shorter > 4 ? 0.93 : 0.85;
  if (count === 2 && shorter > 5) return 0.84;
  return count === 3 && shorter > 8 ? 0.75 : 0;
}

/** Names: Jaro-Winkler over the letters, whatever the order of the words; an initial may stand for a name. */
export function byLetters(a: string, b: string): number {
  if (a === b) return 1;
  if (a.length === 1 || b.length === 1) return a[0] === b[0] ? 0.82 : 0;
  if (!a.includes(" ") && !b.includes(" ")) return jaroWinkler(a, b);
  const joinedA = a.replaceAll(" ", "");
  const joinedB = b.replaceAll(" ", "");
  if (joinedA === joinedB) return 0.99;
  const whole = jaroWinkler(joinedA, joinedB);
  // Of words in another order half the letters are in place; what is further apart has no word in common.
  if (whole < 0.4) return whole;
  return Math.max(whole, jaroWinkler(sorted(a), sorted(b)), byWords(a, b));
}

function sorted(text: string): string {
  return text.split(" ").sort().join("");
}

/** Two words are one word misspelt from here on. */
const ONE_WORD = 0.9;

/** Longer texts: the share of their letters that lies in words that both have; half where one is part of the other. */
export function byWords(a: string, b: string): number {
  if (a === b) return 1;
  const left = a.split(" ");
  const right = new Set(b.split(" "));
  let shared = 0;
  for (const word of left) {
    const match = right.has(word) ? word : nearest(word, right);
    if (match === null) continue;
    right.delete(match);
    shared += (word.length + match.length) * (match === word ? 1 : 0.9);
  }
  const lengths = [lettersOf(a), lettersOf(b)] as const;
  const union = shared / (lengths[0] + lengths[1]);
  const inside = shared / (2 * Math.min(...lengths));
  // 0.5 shared says nothing; so does 0.75 of the shorter.
  return Math.max(union, 0.5 * union + 0.45 * inside) * 0.6 + 0.4 * (union > 0.35 ? 1 : union);
}

function nearest(word: string, among: ReadonlySet<string>): string | null {
  if (word.length < 4) return null;
  let best: string | null = null;
  let score = ONE_WORD;
  for (const other of among) {
    if (Math.abs(other.length - word.length) > 3 || other.length < 4) continue;
    const likeness = jaroWinkler(word, other);
    if (likeness >= score) [best, score] = [other, likeness];
  }
  return best;
}

function lettersOf(text: string): number {
  return text.length - (text.split(" ").length - 1);
}

/** Dates as YYYYMMDD: day and month in the wrong order, a wrong digit, two of the three parts right. */
export function byDate(a: string, b: string): number {
  if (a === b) return 1;
  const [yearA, monthA, dayA] = partsOf(a);
  const [yearB, monthB, dayB] = partsOf(b);
  if (yearA === yearB && monthA === dayB && dayA === monthB) return 0.95;
  if (slips(a, b) === 1) return 0.92;
  const equal = Number(yearA === yearB) + Number(monthA === monthB) + Number(dayA === dayB);
  if (equal === 2) return 0.86;
  if (slips(a, b) === 2) return 0.76;
  return equal === 1 ? 0.6 : 0;
}

function partsOf(date: string): [string, string, string] {
  return [date.slice(0, 4), date.slice(4, 6), date.slice(6, 8)];
}

/** Numbers, by how far they are apart for their size. */
export function byMagnitude(a: string, b: string): number {
  if (a === b) return 1;
  const [x, y] = [Number(a), Number(b)];
  const apart = Math.abs(x - y) / Math.max(Math.abs(x), Math.abs(y));
  if (apart <= 0.01) return 0.95;
  if (slips(a, b) === 1 && a.length > 3) return 0.85;
  if (apart <= 0.05) return 0.85;
  return apart <= 0.2 ? 0.72 : 0;
}

/** Degrees of latitude or longitude: 0.01 is a kilometre at most. */
export function byDegrees(a: string, b: string): number {
  const apart = Math.abs(Number(a) - Number(b));
  if (apart <= 0.005) return 1;
  if (apart <= 0.02) return 0.95;
  if (apart <= 0.05) return 0.88;
  return apart <= 0.2 ? 0.72 : 0;
}

/** Addresses of e-mail: the same person has the same local part elsewhere. */
export function byMailbox(a: string, b: string): number {
  if (a === b) return 1;
  const [localA = "", domainA = ""] = a.split("@");
  const [localB = "", domainB = ""] = b.split("@");
  if (localA === localB) return localA.length > 4 ? 0.87 : 0.75;
  if (domainA === domainB) return slips(localA, localB) === 1 ? 0.92 : 0.5;
  return slips(a, b) <= 1 ? 0.92 : 0;
}

export function byEquality(a: string, b: string): number {
  return a === b ? 1 : 0;
}
