import { expect, test } from "vitest";
import { differencesOf } from "./differences.ts";
import { longest, most, newest, oldest, type Survivor, survive, trust, union } from "./survive.ts";

const MEMBERS = [
  {
    key: "crm.contacts/1",
    source: "crm.contacts",
    at: "2026-01-01T00:00:00Z",
    value: { name: "A. King", tags: ["a"], city: "Bern" },
  },
  {
    key: "survey.answers/7",
    source: "survey.answers",
    at: "2026-01-03T00:00:00+02:00",
    value: { name: "Ada King", tags: ["b"], city: "" },
  },
  { key: "forms.web/x", source: "forms.web", at: null, value: { name: "Ada King-Noel", tags: "a", city: "bern" } },
];

test.each([
  [newest, "Ada King"],
  [oldest, "A. King"],
  [longest, "Ada King-Noel"],
  [most, "Ada King"],
  [trust("forms", "crm"), "Ada King-Noel"],
  [trust("gone", "crm.contacts"), "A. King"],
] as [Survivor, string][])("[I23] $name chooses a value", (rule, expected) => {
  expect(survive(MEMBERS, { name: rule }).value.name).toBe(expected);
});

test("[I23] union keeps all values once; an empty value never wins; each says whose it is", () => {
  const { value, from } = survive(MEMBERS, { tags: union, default: newest });
  expect(value).toEqual({ name: "Ada King", tags: ["a", "b"], city: "Bern" });
  expect(from.name).toEqual(["survey.answers/7"]);
  expect(from.city).toEqual(["crm.contacts/1"]);
});

test("[I23] whatever order they come in, the same record survives", () => {
  expect(survive([...MEMBERS].reverse(), { default: most })).toEqual(survive(MEMBERS, { default: most }));
});

test("[I23] differences are told with their sources, and spelling is no other value", () => {
  const differences = differencesOf(MEMBERS);
  expect(differences.map(({ atom, kind }) => [atom, kind])).toEqual([
    ["city", "spelling"],
    ["name", "value"],
    ["tags", "value"],
  ]);
  expect(differences[0]?.values).toEqual([
    { value: "Bern", from: ["crm.contacts/1"] },
    { value: "bern", from: ["forms.web/x"] },
  ]);
});
