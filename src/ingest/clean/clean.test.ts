import { describe, expect, test } from "vitest";
import type { Json } from "../../util/json.ts";
import {
  bool,
  caseFold,
  check,
  clean,
  collapseSpace,
  country,
  date,
  email,
  instant,
  missing,
  money,
  type Normaliser,
  nfc,
  noControl,
  number,
  phone,
  range,
  required,
  string,
  title,
  trim,
} from "../index.ts";
import { pipelineOf } from "./pipeline.ts";

const applied = (normaliser: Normaliser, value: Json): Json => {
  const done = normaliser.apply(value, {});
  return "flaw" in done ? `✗ ${done.flaw}` : done.value;
};

describe("normalisers", () => {
  test.each<[string, Normaliser, Json, Json]>([
    ["trim", trim(), "  Phoenix ", "Phoenix"],
    ["collapseSpace", collapseSpace(), "a \t\n b", "a b"],
    ["nfc", nfc(), "Macae\u0301", "Maca\u00e9"],
    ["noControl", noControl(), "a\u0000b\nc", "ab\nc"],
    ["caseFold", caseFold(), "ÄB", "äb"],
    ["title", title(), "SÃO PAULO'S ABC", "São Paulo's Abc"],
    ["title keeps what is mixed", title(), "McDonald", "McDonald"],
    ["missing", missing(), " n/a ", null],
    ["email", email(), " Ada.L@Example.ORG ", "Ada.L@example.org"],
    ["email", email(), "ada@", '✗ "ada@" is no e-mail address'],
    ["phone", phone("DE"), "030 / 901820", "+4930901820"],
    ["phone of elsewhere", phone("DE"), "+1 (212) 555-0123", "+12125550123"],
    ["phone", phone("DE"), "12", '✗ "12" is no telephone number of DE'],
    ["date", date(["dd.MM.yyyy", "yyyy-MM-dd"]), "29.02.2024", "2024-02-29"],
    ["date of no day", date(["dd.MM.yyyy"]), "30.02.2024", '✗ "30.02.2024" is no date of the form dd.MM.yyyy'],
    ["date that two formats read alike", date(["d/M/yyyy", "M/d/yyyy"]), "3/3/2024", "2024-03-03"],
    ["date", date(["d/M/yyyy", "M/d/yyyy"]), "3/4/2024", '✗ "3/4/2024" is ambiguous: 2024-04-03 or 2024-03-04'],
    ["date with two digits", date(["MM/dd/yy"], { pivot: 2025 }), "12/31/25", "2025-12-31"],
    ["date with two digits", date(["MM/dd/yy"], { pivot: 2025 }), "12/31/26", "1926-12-31"],
    ["date of an instant", date(["yyyy"], { zone: "Europe/Berlin" }), "2024-06-30T23:00:00Z", "2024-07-01"],
    ["instant", instant(), "2024-06-30T23:00:00+02:00", "2024-06-30T21:00:00.000Z"],
    ["instant of seconds", instant(), 1_700_000_000, "2023-11-14T22:13:20.000Z"],
    ["instant of a zone", instant({ zone: "Europe/Berlin" }), "2024-07-01 12:00", "2024-07-01T10:00:00.000Z"],
    [
      "instant",
      instant({ zone: "Europe/Berlin" }),
      "2024-10-27T02:30:00",
      '✗ "2024-10-27T02:30:00" came twice in Europe/Berlin',
    ],
    [
      "instant",
      instant({ zone: "Europe/Berlin" }),
      "2024-03-31T02:30:00",
      '✗ "2024-03-31T02:30:00" does not exist in Europe/Berlin',
    ],
    ["instant", instant(), "2024-07-01 12:00", '✗ "2024-07-01 12:00" has no offset, and no zone is declared'],
    ["money", money("EUR"), "1.234,50 €", { amount: "1234.50", currency: "EUR" }],
    ["money", money("EUR"), 0.1, { amount: "0.1", currency: "EUR" }],
    ["money", money("EUR"), "-12", { amount: "-12", currency: "EUR" }],
    ["money", money("EUR"), "1,234", '✗ "1,234" can be read in two ways: say which mark is the decimal one'],
    ["money", money("EUR", { decimal: "." }), "1,234", { amount: "1234", currency: "EUR" }],
    ["money", money("EUR"), "5 USD", '✗ "5 USD" is not in EUR'],
    ["country", country(), "Deutschland", "DE"],
    ["country", country(), "usa", "US"],
    ["country", country(), "fr", "FR"],
    ["country", country(), "Atlantis", '✗ "Atlantis" is no country that is known here'],
    ["bool", bool(), "Ja", true],
    ["bool", bool(), 0, false],
    ["bool", bool(), "maybe", '✗ "maybe" is neither yes nor no'],
    ["number", number(), " 1e3 ", 1_000],
    ["number", number(), "1,5", '✗ "1,5" is no number'],
    ["string", string(), 1776, "1776"],
  ])("[I11] %s", (_, normaliser, value, expected) => expect(applied(normaliser, value)).toEqual(expected));
});

describe("the steps", () => {
  const stream = { name: "s", key: ["id"], deletes: "unknown", async *read() {} } as const;
  const run = (options: Partial<Parameters<typeof clean>[1]>, value: { [field: string]: Json }) =>
    pipelineOf(clean(stream, { collection: "c", ...options }))(["k"], value, {
      source: "x",
      stream: "s",
      position: "p",
    });

  test("[I5] give the same for the same, and leave what they were given as it is", () => {
    const value = Object.freeze({ a: " x " });
    const options = { normalise: { "*": trim() } };
    expect(run(options, value)).toEqual(run(options, value));
    expect(run(options, value)).toMatchObject({
      id: "k",
      record: { a: "x" },
      fixes: [{ code: "trim", path: "a", before: " x ", after: "x" }],
    });
  });

  test("[I6] a value that cannot be normalised rejects the record, and is not made null", () => {
    const done = run({ normalise: { n: number() } }, { n: "12x", other: 1 });
    expect(done).toMatchObject({
      record: { n: "12x", other: 1 },
      flaws: [{ code: "number", path: "n", level: "reject" }],
    });
  });

  test("[I11] fields that may not name atoms get names that may; two that would get one are refused", () => {
    expect(run({}, { "US Gross": 1, "1st": 2, constructor: 3 }).record).toEqual({
      US_Gross: 1,
      f_1st: 2,
      f_constructor: 3,
    });
    expect(run({}, { "a b": 1, a_b: 2 }).flaws).toMatchObject([{ code: "name", path: "a_b" }]);
  });

  test("[I11] checks: required, range, and one's own, which may only warn", () => {
    const options = {
      check: [
        required("a"),
        range("n", { min: 1, max: 3 }),
        check("odd", (r) => r["n"] !== 2 || "two is odd", { path: "n", level: "warn" }),
      ],
    };
    expect(run(options, { a: "", n: 4 }).flaws.map(({ code }) => code)).toEqual(["required", "range"]);
    expect(run(options, { a: 1, n: 2 }).flaws).toMatchObject([{ code: "odd", level: "warn" }]);
    expect(run(options, { a: 1, n: "2" }).flaws).toMatchObject([{ code: "range", message: '"2" is no number' }]);
  });

  test("[I11] what a function of the user throws rejects that record only", () => {
    const shape = () => {
      throw new Error("no such field");
    };
    expect(run({ shape }, { a: 1 }).flaws).toMatchObject([{ code: "error", message: "no such field" }]);
  });

  test("[I9] the version of the rules changes with them", () => {
    const version = (options: object) => clean(stream, { collection: "c", ...options }).version;
    expect(version({})).toBe(version({}));
    const all = [
      {},
      { normalise: { a: trim() } },
      { normalise: { a: date(["yyyy"]) } },
      { normalise: { a: date(["yy"], { pivot: 2000 }) } },
      { check: [required("a")] },
      { version: "2" },
    ];
    expect(new Set(all.map(version)).size).toBe(all.length);
  });
});
