// Duplicates end to end: two sources fill one collection, records become one, a person decides, and undoes it (I8).
import { expect, test } from "vitest";
import { Duplicates } from "../../src/ingest/duplicates.ts";
import { clean, type SourceChange, type Stream } from "../../src/ingest/index.ts";
import { longest, type MatchingOptions, matching, newest, trust } from "../../src/ingest/match/index.ts";
import type { JsonObject } from "../../src/util/json.ts";
import { Desk, ListSource, put, SPACE } from "./support.ts";

const FIELDS = {
  given: "name",
  family: "name",
  street: "street",
  zip: "postcode",
  born: "date",
  phone: "phone",
  email: "email",
} as const;

const ADA = {
  given: "Ada",
  family: "Lovelace",
  street: "12 St James Square",
  zip: "10115",
  born: "1815-12-10",
  phone: "+49 30 123456",
  email: "ada@example.org",
};
const ADA_AGAIN = { ...ADA, given: "Adda", street: "12 St. James Sq", born: "1815-10-12", note: "from a form" };
const GRACE = {
  given: "Grace",
  family: "Hopper",
  street: "1 Navy Yard",
  zip: "20500",
  born: "1906-12-09",
  phone: "+1 202 555 0123",
  email: "grace@example.org",
};
/** Alike, not the same beyond doubt. */
const GRACE_MAYBE = { given: "Gracie", family: "Hoper" };

function desk(more: Partial<MatchingOptions> = {}) {
  const crm = new ListSource("crm", "contacts");
  const survey = new ListSource("survey", "answers");
  const match = matching({
    fields: FIELDS,
    survive: { default: newest, email: trust("crm", "survey"), street: longest },
    ...more,
  });
  const cleaned = (source: ListSource) => clean(source.streams[0] as Stream, { collection: "customers", match });
  const own = new Desk({
    [SPACE]: [
      { source: crm, streams: [cleaned(crm)] },
      { source: survey, streams: [cleaned(survey)] },
    ],
  });
  const take = async (source: ListSource, ...changes: SourceChange[]) => {
    source.gives(changes);
    const row = await own.run(source === crm ? "crm.contacts" : "survey.answers", { accept: true });
    expect(row).toMatchObject({ status: "done", rejected: 0 });
  };
  const duplicates = () => new Duplicates(own.ingest, SPACE, "customers");
  return { own, crm, survey, take, duplicates, records: () => own.records("customers") };
}

const at = (day: number) => ({ at: `2026-01-0${day}T00:00:00Z` });

test("[I8 I23] the same person of two sources is one record, atom by atom as the rules say", async () => {
  const { crm, survey, take, records, own } = desk();
  await take(crm, put("1", ADA, at(1)), put("2", GRACE, at(1)));
  await take(survey, put("77", { ...ADA_AGAIN, email: "a.lovelace@example.org", phone: ADA.phone }, at(2)));
  const all = await records();
  expect(Object.keys(all).sort()).toEqual(["1", "2"]);
  expect(all["1"]).toMatchObject({ given: "Adda", email: "ada@example.org", street: ADA.street, note: "from a form" });
  const origins = await own.ingest.lineage(SPACE, "customers", "1");
  const from = Object.fromEntries(origins.map((each) => [each.atom, each.from?.source]));
  expect(from).toMatchObject({ given: "survey", email: "crm", note: "survey", family: "crm" });
});

test("[I20] an exact key makes one of what is not alike, and of one source, too", async () => {
  const { crm, take, records } = desk({ exact: ["email"] });
  await take(crm, put("1", ADA), put("2", { given: "A.", family: "King", email: " ADA@example.org" }));
  expect(Object.keys(await records())).toEqual(["1"]);
});

test("[I22] two records of one source are not made one by likeness: a person is asked", async () => {
  const { crm, take, records, duplicates } = desk();
  await take(crm, put("1", ADA), put("2", ADA_AGAIN));
  expect(Object.keys(await records()).sort()).toEqual(["1", "2"]);
  expect(await duplicates().list()).toMatchObject([{ entities: ["1", "2"], doubt: "one-source" }]);
});

test("[I8 I21] what is alike is asked about with its evidence; a merge is one revision", async () => {
  const { own, crm, survey, take, records, duplicates } = desk();
  await take(crm, put("1", ADA), put("2", GRACE));
  await take(survey, put("5", GRACE_MAYBE));
  expect(Object.keys(await records()).sort()).toEqual(["1", "2", "5"]);
  const [question] = await duplicates().list();
  expect(question).toMatchObject({ doubt: "score", entities: ["2", "5"] });
  expect(question?.evidence.map(({ field }) => field)).toEqual(["given", "family"]);

  const before = await own.revision();
  expect(await duplicates().merge(["2", "5"])).toEqual({ records: ["2", "5"], revision: before + 1 });
  expect(Object.keys(await records()).sort()).toEqual(["1", "2"]);
  expect(await duplicates().list()).toEqual([]);
});

test("[I8 I24] a merge is undone in one revision, both records as they were, and it does not come back", async () => {
  const { own, crm, survey, take, records, duplicates } = desk();
  await take(crm, put("2", GRACE));
  await take(survey, put("5", GRACE_MAYBE));
  const apart = await records();
  await duplicates().merge(["2", "5"]);
  const merged = await own.revision();
  expect(await duplicates().split("2")).toEqual({ records: ["2", "5"], revision: merged + 1 });
  expect(await records()).toEqual(apart);

  await take(survey, put("5", { ...GRACE, note: "again" }));
  expect(Object.keys(await records()).sort()).toEqual(["2", "5"]);
  expect(await duplicates().list()).toEqual([]);
});

test("[I24] what was matched by itself can be taken out, and stays out when its source sends it again", async () => {
  const { crm, survey, take, records, duplicates } = desk();
  await take(crm, put("1", ADA));
  await take(survey, put("77", ADA_AGAIN));
  expect(Object.keys(await records())).toEqual(["1"]);
  await duplicates().split("1", ["survey.answers/77"]);
  await take(survey, put("77", { ...ADA_AGAIN, note: "changed" }));
  expect(await records()).toMatchObject({ "1": ADA, "77": { note: "changed" } });
});

test("[I24] a merge by a person stays when a source sends its record again, and ends with the last source record", async () => {
  const { crm, survey, take, records, duplicates } = desk();
  await take(crm, put("2", GRACE));
  await take(survey, put("5", GRACE_MAYBE));
  await duplicates().merge(["2", "5"]);
  await take(crm, put("2", { ...GRACE, phone: "+1 202 555 9999" }, at(3)));
  expect(await records()).toMatchObject({ "2": { phone: "+1 202 555 9999" } });
  await take(crm, put("9", ADA));
  expect(Object.keys(await records()).sort()).toEqual(["2", "9"]);
  expect((await records())["2"]).not.toHaveProperty("email");
  await take(survey);
  expect(Object.keys(await records())).toEqual(["9"]);
});

test("[I8] a person is told what cannot be", async () => {
  const { own, crm, take, duplicates } = desk();
  await take(crm, put("1", ADA));
  await expect(duplicates().merge(["1"])).rejects.toThrow("two different records");
  await expect(duplicates().merge(["1", "no"])).rejects.toThrow("customers/no was not made of source records");
  await expect(duplicates().split("1")).rejects.toThrow("name the source records");
  await expect(duplicates().split("1", ["crm.contacts/1"])).rejects.toThrow("nothing would be left");
  expect(() => new Duplicates(own.ingest, SPACE, "orders")).toThrow("no stream of the space acme fills orders");
});

test("[I21] batch by batch the same records become one as all at once", async () => {
  const changes = (from: JsonObject[]) => from.map((value, i) => put(String(i), value));
  const [one, two] = [desk(), desk()];
  const people = [GRACE, ADA];
  await one.take(one.crm, ...changes(people));
  await one.take(one.survey, ...changes([ADA_AGAIN, GRACE]));
  await two.take(two.survey, ...changes([ADA_AGAIN]));
  await two.take(two.crm, ...changes(people));
  await two.take(two.survey, ...changes([ADA_AGAIN, GRACE]));
  const values = (all: { [id: string]: { readonly id: string } }) =>
    Object.values(all)
      .map(({ id: _, ...rest }) => JSON.stringify(rest))
      .sort();
  expect(values(await two.records())).toEqual(values(await one.records()));
});

test("[I5] a batch is judged before anything of it is matched: what is held leaves no trace", async () => {
  const { own, crm, take, records } = desk();
  const people = Array.from({ length: 200 }, (_, i) =>
    put(`${i}`, { ...GRACE, email: `p${i}@example.org`, family: `Hopper${i}` }),
  );
  await take(crm, ...people);
  const notes = async () => {
    const found = await own.store.read(SPACE, [
      { kind: "notes-between", from: "ingest/entities", to: "ingest/entities~", limit: 10_000 },
    ]);
    return found?.results[0];
  };
  const before = [await records(), await notes()];
  crm.gives([put("0", { ...ADA, email: "p0@example.org" })]);
  expect(await own.run("crm.contacts")).toMatchObject({ status: "held" });
  expect([await records(), await notes()]).toEqual(before);
  crm.gives([put("0", { ...ADA, email: "p0@example.org" })]);
  expect(await own.run("crm.contacts", { accept: true })).toMatchObject({ status: "done" });
  expect(Object.keys(await records())).toEqual(["0"]);
});

test("[I5] the steps are pure: the same pages, picked up by two places, make the same", async () => {
  const made = [];
  for (const _ of [1, 2]) {
    const { own, crm, survey, take, records } = desk();
    await take(crm, put("1", ADA, at(1)), put("2", GRACE, at(1)), put("3", ADA_AGAIN, at(3)));
    await take(survey, put("77", { ...ADA_AGAIN, phone: ADA.phone }, at(2)), put("78", GRACE_MAYBE, at(2)));
    made.push(
      [await records(), await own.ingest.lineage(SPACE, "customers", "1")].map((each) =>
        JSON.stringify(each).replaceAll(/"at":"[^"]*"|"run":\d+/g, ""),
      ),
    );
  }
  expect(made[0]).toEqual(made[1]);
});
