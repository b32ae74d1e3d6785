// What becomes of what the systems say, before anybody uses it.
import { createHash } from "node:crypto";
import {
  type CleanOptions,
  caseFold,
  check,
  collapseSpace,
  date,
  email,
  instant,
  longest,
  matching,
  missing,
  nfc,
  noControl,
  normaliser,
  number,
  type Page,
  phone,
  range,
  required,
  type SourceChange,
  type Stream,
  type Survivor,
  title,
  trim,
  trust,
  union,
} from "tidemark/ingest";

type Row = Parameters<NonNullable<CleanOptions["shape"]>>[0];

/** Addresses that several people read say nothing of who somebody is. */
const ofOnePerson = normaliser("ofOnePerson", (value) => ({
  value: /^(info|office|sales|mail)@/.test(String(value)) ? null : value,
}));

const text = [nfc(), noControl(), trim(), collapseSpace(), missing()];
const name = [...text, title()];
const address = [email(), caseFold(), ofOnePerson];
const day = date(["yyyy-MM-dd", "dd.MM.yyyy"]);

/** Two minutes for clocks that differ. */
const notAhead = (atom: string) =>
  check(
    "future",
    (row) => {
      const value = row[atom];
      return typeof value !== "string" || Date.parse(value) <= Date.now() + 120_000 || `${value} lies ahead`;
    },
    { path: atom },
  );

/** Of days and times the first, or the last, whoever says it. */
const extreme = (name: string, better: (a: string, b: string) => boolean): Survivor => ({
  name,
  choose: (all) => all.map(({ value }) => value).reduce((a, b) => (better(String(b), String(a)) ? b : a)),
});
const earliest = extreme("earliest", (a, b) => a < b);
const latest = extreme("latest", (a, b) => a > b);

/** One person is one record, whatever system they come from. All three streams say the same of it. */
const match = matching({
  exact: ["email", ["given", "family", "born"], ["given", "family", "phone"]],
  // Not company and city: hundreds share them, and being alike in them says nothing.
  fields: { given: "name", family: "name", born: "date", phone: "phone", email: "email" },
  survive: {
    // What a sales team maintains is better than what somebody typed into a form; of times the last, or the first.
    default: trust("hubspot", "typeform"),
    family: trust("hubspot", "typeform"),
    company: longest,
    sources: union,
    since: earliest,
    lastVisit: latest,
  },
});

const person = { collection: "customers", match };

/** HubSpot's contacts. */
export const contacts: CleanOptions = {
  ...person,
  id: (_, [id = ""]) => `c-${id}`,
  shape: (row: Row) => ({
    given: row["firstname"] ?? null,
    family: row["lastname"] ?? null,
    email: row["email"] ?? null,
    phone: row["phone"] ?? null,
    born: row["date_of_birth"] ?? null,
    company: row["company"] ?? null,
    city: row["city"] ?? null,
    since: row["createdate"] ?? null,
    sources: ["crm"],
  }),
  normalise: {
    given: name,
    family: name,
    city: name,
    company: text,
    email: address,
    phone: phone("DE"),
    born: day,
    since: day,
  },
  check: [required("family"), notAhead("born")],
  reject: { stopAbove: "30%" },
};

/** Typeform's responses: a name is one field there, and written in either order. */
export const answers: CleanOptions = {
  ...person,
  id: (_, [, id = ""]) => `s-${id}`,
  shape: (row: Row) => {
    const said = row["answers"] as Row;
    const [given, family] = namesIn(String(said["name"] ?? ""));
    return {
      given,
      family,
      email: said["email"] ?? null,
      phone: said["phone"] ?? null,
      born: said["born"] ?? null,
      company: said["company"] ?? null,
      score: said["score"] ?? null,
      comment: said["comment"] ?? null,
      answered: row["submitted_at"] ?? null,
      since: row["submitted_at"] ?? null,
      sources: ["survey"],
    };
  },
  normalise: {
    given: name,
    family: name,
    company: text,
    comment: text,
    email: address,
    phone: phone("DE"),
    born: day,
    since: day,
    score: number(),
    answered: instant(),
  },
  check: [required("family", "score"), range("score", { min: 0, max: 10 }), notAhead("born"), notAhead("answered")],
  reject: { stopAbove: "30%" },
};

/** Matomo's visits as they are. */
export const visits: CleanOptions = {
  collection: "visits",
  id: (_, [id = ""]) => `v-${id}`,
  shape: (row: Row) => ({
    visitor: row["visitorId"] ?? null,
    user: row["userId"] ?? null,
    at: row["lastActionTimestamp"] ?? null,
    actions: row["actions"] ?? null,
  }),
  normalise: {
    user: [missing(["", "undefined", "null"]), ...address],
    at: [number(), instant()],
    actions: number(),
  },
  check: [required("visitor", "at"), notAhead("at")],
};

/** And those who were signed in, as people. */
export const logins: CleanOptions = {
  ...person,
  // The address itself is no id: ids stand in links and logs.
  id: ({ email: user }) => `w-${createHash("sha256").update(String(user)).digest("hex").slice(0, 12)}`,
  shape: (row: Row) => ({
    email: row["userId"] ?? null,
    lastVisit: row["lastActionTimestamp"] ?? null,
    since: row["lastActionTimestamp"] ?? null,
    sources: ["web"],
  }),
  normalise: { email: address, lastVisit: [number(), instant()], since: [number(), instant(), day] },
  check: [notAhead("lastVisit")],
};

/** Only those visits of a stream that say who it was. */
export function signedIn(stream: Stream): Stream {
  return {
    ...stream,
    async *read(context): AsyncGenerator<Page> {
      for await (const page of stream.read(context)) yield { ...page, changes: page.changes.filter(saysWho) };
    },
  };
}

function saysWho(change: SourceChange): boolean {
  return change.op === "put" && String(change.value["userId"]).includes("@");
}

function namesIn(whole: string): readonly [given: string, family: string] {
  const [before, after] = whole.split(",", 2) as [string, string?];
  if (after !== undefined) return [after, before];
  const parts = whole.trim().split(/\s+/);
  return [parts.slice(0, -1).join(" "), parts.at(-1) ?? ""];
}
