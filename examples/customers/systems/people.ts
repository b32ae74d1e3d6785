// People as they are, and what three systems have written down of them: with the errors that people make. All from a seed.
import { type SeededRandom, seededRandom } from "tidemark/testing";
import { CITIES, COMMENTS, COMPANIES, FAMILY, GIVEN } from "./words.ts";

/** The truth, which no system has. */
export interface Person {
  readonly number: number;
  readonly given: string;
  readonly family: string;
  /** `1980-02-03` */
  readonly born: string;
  readonly email: string;
  /** Another address, that they use where it is nobody's business where they work. */
  readonly home: string;
  /** Without the leading 0: `15123456789` */
  readonly phone: string;
  readonly company: string;
  readonly city: string;
}

export interface Contact {
  readonly id: string;
  readonly person: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly properties: { readonly [name: string]: string | null };
}

export interface Answered {
  readonly id: string;
  readonly person: number;
  readonly at: number;
  readonly answers: { readonly [ref: string]: string | number };
}

export interface Visited {
  readonly id: number;
  /** Null: nobody knows who it was. */
  readonly person: number | null;
  readonly at: number;
  readonly actions: number;
  readonly user: string | null;
}

export interface World {
  readonly people: readonly Person[];
  readonly contacts: readonly Contact[];
  readonly answers: readonly Answered[];
  readonly visits: readonly Visited[];
}

const DAY = 86_400_000;
const PEOPLE = 240;

/** The same for the same seed; times are counted back from `began`, unix milliseconds. */
export function worldOf(seed: string, began: number): World {
  const random = seededRandom(seed);
  const people = Array.from({ length: PEOPLE }, (_, number) => personOf(random.fork(`person ${number}`), number));
  return {
    people,
    contacts: contactsOf(people, random.fork("contacts"), began),
    answers: answersOf(people, random.fork("answers"), began),
    visits: visitsOf(people, random.fork("visits"), began),
  };
}

function personOf(random: SeededRandom, number: number): Person {
  const [given, family, company] = [random.pick(GIVEN), random.pick(FAMILY), random.pick(COMPANIES)];
  const plain = (text: string) =>
    text.toLowerCase().replaceAll("ä", "ae").replaceAll("ö", "oe").replaceAll("ü", "ue").replaceAll("ß", "ss");
  const [first, last] = [plain(given), plain(family)];
  const two = (value: number) => String(value).padStart(2, "0");
  return {
    number,
    given,
    family,
    born: `${random.between(1948, 2003)}-${two(random.between(1, 12))}-${two(random.between(1, 28))}`,
    email: `${first}.${last}${number}@${plain(company).replace(/ .*$/, "")}.example`,
    home: `${first[0]}${last}.${number}@mail.example`,
    phone: `151${random.between(20_000_000, 89_999_999)}`,
    company,
    city: random.pick(CITIES),
  };
}

/** Nine of ten are in the CRM; some of them twice, as two people of the sales team have entered them. */
function contactsOf(people: readonly Person[], random: SeededRandom, began: number): Contact[] {
  const contacts: Contact[] = [];
  for (const person of people) {
    const own = random.fork(`${person.number}`);
    if (!own.chance(0.9)) continue;
    for (let copy = 0; copy < (own.chance(0.06) ? 2 : 1); copy++) {
      const at = began - own.between(1, 365) * DAY - own.below(DAY);
      contacts.push({
        id: String(101 + contacts.length),
        person: person.number,
        at,
        properties: contactOf(person, own.fork(`copy ${copy}`)),
      });
    }
  }
  return contacts;
}

export function contactOf(person: Person, random: SeededRandom): Contact["properties"] {
  const { given, family, born, company, city } = person;
  const swapped = random.chance(0.04);
  const [first, last] = swapped ? [family, given] : [given, random.chance(0.05) ? mistyped(family, random) : family];
  return {
    firstname: styled(first, random),
    lastname: styled(last, random),
    email: random.chance(0.06) ? null : random.chance(0.02) ? `info@${domainOf(person)}` : writtenEmail(person, random),
    phone: random.chance(0.25) ? null : writtenPhone(person.phone, random),
    date_of_birth: random.chance(0.3) ? null : writtenDay(born, random),
    company,
    city: random.chance(0.1) ? city.toUpperCase() : city,
    lifecyclestage: "customer",
  };
}

/** Half of them have answered, and some twice. */
function answersOf(people: readonly Person[], random: SeededRandom, began: number): Answered[] {
  const answers: Answered[] = [];
  for (const person of people) {
    const own = random.fork(`${person.number}`);
    if (!own.chance(0.55)) continue;
    for (let copy = 0; copy < (own.chance(0.1) ? 2 : 1); copy++) {
      const at = began - own.between(1, 90) * DAY - own.below(DAY);
      const draw = own.fork(`copy ${copy}`);
      answers.push({ id: `r${person.number}x${copy}`, person: person.number, at, answers: answerOf(person, draw) });
    }
  }
  return answers;
}

export function answerOf(person: Person, random: SeededRandom): Answered["answers"] {
  const { given, born, company } = person;
  const family = random.chance(0.05) ? mistyped(person.family, random) : person.family;
  const { email, home } = person;
  const score = Math.max(0, Math.min(10, 8 + (COMPANIES.indexOf(company) % 4) - random.below(6)));
  return {
    name: random.chance(0.15) ? `${family}, ${given}` : styled(`${given} ${family}`, random),
    email: random.chance(0.15) ? home : writtenEmail({ ...person, email }, random),
    ...(random.chance(0.6) && { phone: writtenPhone(person.phone, random) }),
    ...(random.chance(0.7) && { born: writtenDay(born, random) }),
    company: random.chance(0.3) ? company.replace(/ (GmbH|AG|KG)$/, "") : company,
    score: random.chance(0.02) ? 11 : score,
    ...(random.chance(0.4) && { comment: random.pick(COMMENTS) }),
  };
}

/** Most visitors are nobody that is known; who signs in is known by the address at work. */
function visitsOf(people: readonly Person[], random: SeededRandom, began: number): Visited[] {
  const visits: Visited[] = [];
  for (let id = 1; id <= 600; id++) {
    const own = random.fork(`${id}`);
    const person = own.chance(0.4) ? (people[own.below(PEOPLE / 2)] as Person) : null;
    // The script of the site sends the text "undefined" where nobody is signed in, now and then.
    const user = person?.email ?? (own.chance(0.05) ? "undefined" : null);
    // Two devices have a clock that is fast.
    const at = id === 100 || id === 200 ? began + 20 * 3_600_000 : began - own.below(100 * DAY);
    visits.push({ id, person: person?.number ?? null, at: at - (at % 1000), actions: own.between(1, 12), user });
  }
  return visits;
}

function domainOf({ email }: Person): string {
  return email.slice(email.indexOf("@") + 1);
}

function writtenEmail({ email }: Person, random: SeededRandom): string {
  if (random.chance(0.02)) return email.replace("@", "(at)");
  if (random.chance(0.01)) return email.replace(".example", "");
  return random.chance(0.15) ? ` ${email.toUpperCase()}` : email;
}

function writtenPhone(phone: string, random: SeededRandom): string {
  if (random.chance(0.02)) return `0${phone.slice(0, 4)}`;
  const [area, rest] = [phone.slice(0, 3), phone.slice(3)];
  return random.pick([
    `+49 ${area} ${rest}`,
    `0${area}/${rest}`,
    `0049${phone}`,
    `(0${area}) ${rest.slice(0, 4)} ${rest.slice(4)}`,
  ]);
}

function writtenDay(day: string, random: SeededRandom): string {
  const [year = "", month = "", date = ""] = day.split("-");
  if (random.chance(0.02)) return `${date}.${month}.20${year.slice(2)}`;
  if (random.chance(0.01)) return `31.02.${year}`;
  return random.chance(0.5) ? day : `${date}.${month}.${year}`;
}

function styled(name: string, random: SeededRandom): string {
  if (random.chance(0.06)) return name.toUpperCase();
  if (random.chance(0.05)) return ` ${name.toLowerCase()} `;
  return name;
}

/** A letter left out, or two in the wrong order. */
function mistyped(name: string, random: SeededRandom): string {
  const at = random.between(1, name.length - 2);
  if (random.chance(0.5)) return name.slice(0, at) + name.slice(at + 1);
  return name.slice(0, at) + name[at + 1] + name[at] + name.slice(at + 2);
}
