import type { SeededRandom } from "../../src/testing/random.ts";

/** People in the manner of FEBRL's generator: originals, and duplicates with slips, missing, swapped and foreign values. */
export interface Person {
  /** `rec-7-org`, `rec-7-dup-0`: the number says who it really is. */
  readonly id: string;
  readonly [field: string]: string;
}

export const PERSON_FIELDS = {
  given: "name",
  surname: "name",
  number: "code",
  street: "street",
  suburb: "place",
  postcode: "postcode",
  state: "code",
  born: "date",
  security: "id",
} as const;

const SYLLABLES =
  "an bel cor da el fin gra hol is jo ka lin mar nor ol per qui ros sam ter ul vin wil xan yor zel".split(" ");
const STREETS = ["street", "place", "crescent", "circuit", "road", "avenue"];
const STATES = ["nsw", "vic", "qld", "wa", "sa", "tas"];

export function whoIs(id: string): string {
  return id.split("-")[1] as string;
}

/** So many originals, and for each of the first `doubled` of them one to `most` duplicates with up to `slips` changes. */
export function people(
  random: SeededRandom,
  { originals, doubled, most, slips }: { originals: number; doubled: number; most: number; slips: number },
): Person[] {
  const int = (below: number) => Math.floor(random.fraction() * below);
  const of = <T>(list: readonly T[]): T => list[int(list.length)] as T;
  const word = (parts: number) => Array.from({ length: parts }, () => of(SYLLABLES)).join("");
  const digits = (count: number) => Array.from({ length: count }, () => int(10)).join("");
  const given = Array.from({ length: 120 }, () => word(2));
  const surnames = Array.from({ length: 300 }, () => word(3));
  const suburbs = Array.from({ length: 200 }, () => word(3));
  const all = Array.from(
    { length: originals },
    (_, i): Person => ({
      id: `rec-${i}-org`,
      given: of(given),
      surname: of(surnames),
      number: String(1 + int(200)),
      street: `${word(3)} ${of(STREETS)}`,
      suburb: of(suburbs),
      postcode: digits(4),
      state: of(STATES),
      born: `19${digits(2)}${String(1 + int(12)).padStart(2, "0")}${String(1 + int(28)).padStart(2, "0")}`,
      security: digits(7),
    }),
  );
  const fields = Object.keys(PERSON_FIELDS);
  const doubles = all.slice(0, doubled).flatMap((person, i) =>
    Array.from({ length: 1 + int(most) }, (_, number): Person => {
      const copy: Record<string, string> = { ...person, id: `rec-${i}-dup-${number}` };
      for (let slip = 1 + int(slips); slip > 0; slip--) change(copy, of(fields));
      return copy as Person;
    }),
  );
  return [...all, ...doubles].sort((a, b) => (hashOf(a.id) < hashOf(b.id) ? -1 : 1));

  function change(copy: Record<string, string>, field: string): void {
    const value = copy[field] as string;
    const kind = int(12);
    if (kind === 0) copy[field] = "";
    else if (kind === 1) copy[field] = of(all)[field] as string;
    else if (kind === 2 && (field === "given" || field === "surname"))
      [copy.given, copy.surname] = [copy.surname as string, copy.given as string];
    else copy[field] = slipped(value);
  }

  function slipped(value: string): string {
    const at = int(value.length);
    const letter = /\d/.test(value) ? digits(1) : of([..."abcdefghijklmnopqrstuvwxyz"]);
    const [head, tail] = [value.slice(0, at), value.slice(at)];
    return of([
      head + letter + tail,
      head + tail.slice(1),
      head + letter + tail.slice(1),
      head + (tail[1] ?? "") + (tail[0] ?? "") + tail.slice(2),
    ]);
  }
}

/** Some order that has nothing to do with who is who. */
function hashOf(text: string): number {
  let hash = 0;
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 16_777_619) >>> 0;
  return hash;
}
