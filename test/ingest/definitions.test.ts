import { describe, expect, test } from "vitest";
import type { Source } from "../../src/ingest/source.ts";
import { hubspot } from "../../src/ingest/sources/definitions/hubspot.ts";
import { salesforce } from "../../src/ingest/sources/definitions/salesforce.ts";
import { surveymonkey } from "../../src/ingest/sources/definitions/surveymonkey.ts";
import { typeform } from "../../src/ingest/sources/definitions/typeform.ts";
import { oauth2 } from "../../src/ingest/sources/http/auth.ts";
import {
  failing,
  hubspotStub,
  json,
  type SalesforceContact,
  salesforceStub,
  surveymonkeyStub,
  typeformStub,
} from "../../src/testing/stubs/index.ts";
import { Held, World } from "./http-support.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const MINUTE = 60_000;
const DAY = 86_400_000;
const only = (source: Source) => source.streams[0] as Source["streams"][number];

describe("HubSpot", () => {
  function place(searchLag = 0) {
    const stub = hubspotStub({ token: "pat-1", now: () => world.clock.now() });
    stub.state.searchLag = searchLag;
    const world: World = new World((request) => stub.handler(request));
    const source = hubspot({
      token: "pat-1",
      address: "http://hubspot.test",
      objects: [{ name: "contacts", properties: ["email"] }],
    });
    return { stub, world, source, stream: only(source) };
  }
  const emails = (held: Held) => [...held.records].map(([id, { email }]) => `${id} ${String(email)}`).sort();

  test("[I35] a complete pass by the list, then what has changed by the search, then what was archived by its list", async () => {
    const { stub, world, stream } = place();
    for (let id = 1; id <= 250; id++) stub.put(String(id), { email: `${id}@x.org` }, NOW - DAY + id);
    stub.archive("7", NOW - 60 * DAY);
    const first = await world.read(stream, null);
    expect(first.last).toBe("complete");
    expect(stub.asked.some(({ path }) => path.endsWith("/search"))).toBe(false);
    const held = new Held().take(first);
    expect(held.records.size).toBe(249);

    await world.clock.run(60 * MINUTE);
    stub.put("8", { email: "new@x.org" }, world.clock.now() - MINUTE);
    stub.archive("9", world.clock.now() - MINUTE);
    const second = await world.read(stream, first.cursor);
    expect(second.changes.map(({ op, ...change }) => [op, "key" in change && change.key[0]])).toEqual([
      ["put", "8"],
      ["delete", "9"],
    ]);
    held.take(second);
    expect(held.records.get("8")).toMatchObject({ id: "8", email: "new@x.org" });
    expect(held.records.has("9")).toBe(false);
    expect(await world.read(stream, second.cursor)).toMatchObject({ last: "caught-up" });
  });

  test("[I35] what the search shows minutes late is not lost", async () => {
    const { stub, world, stream } = place(2 * MINUTE);
    stub.put("1", { email: "a@x.org" }, NOW - DAY);
    const first = await world.read(stream, null);
    const held = new Held().take(first);
    let { cursor } = first;
    for (let id = 2; id < 40; id++) {
      await world.clock.run(MINUTE / 2);
      stub.put(String(id), { email: `${id}@x.org` }, world.clock.now());
      const read = await world.read(stream, cursor);
      held.take(read);
      cursor = read.cursor;
    }
    await world.clock.run(3 * MINUTE);
    held.take(await world.read(stream, cursor));
    expect(held.records.size).toBe(39);
  });

  test("[I35] 12,000 contacts of one import, with one time: the search ends at 10,000, and all come", async () => {
    const { stub, world, stream } = place();
    const first = await world.read(stream, null);
    await world.clock.run(60 * MINUTE);
    const at = world.clock.now() - 20 * MINUTE;
    for (let id = 1; id <= 12_000; id++) stub.put(String(id), { email: `${id}@x.org` }, at);
    for (let id = 12_001; id <= 12_300; id++) stub.put(String(id), { email: `${id}@x.org` }, at + id);
    const second = await world.read(stream, first.cursor);
    expect(second.error).toBeUndefined();
    expect(new Held().take(second).records.size).toBe(12_300);
    expect(stub.asked.every(({ json: { after } }) => Number(after ?? 0) < 10_000)).toBe(true);
  });

  test("[I35] its 429 says which limit was reached", async () => {
    const { stub, world, source } = place();
    const refused = (body: object) => async () => {
      stub.trouble = (n) => (n === 1 ? json({ ...body }, 429) : undefined);
      const before = world.clock.elapsed();
      await world.run(
        source.check({ http: world.http, now: () => world.clock.now(), signal: new AbortController().signal }),
      );
      return world.clock.elapsed() - before;
    };
    expect(await refused({ policyName: "TEN_SECONDLY_ROLLING", message: "…" })()).toBeGreaterThanOrEqual(10_000);
    const secondly = await refused({ message: "You have reached your secondly limit." })();
    expect([secondly >= 1000, secondly < 3000]).toEqual([true, true]);
    await expect(
      refused({ policyName: "DAILY", message: "You have reached your daily limit." })(),
    ).rejects.toMatchObject({ code: "busy" });
  });

  test("[I35] a pass that was cut in its list goes on, and a wrong token deletes nothing", async () => {
    const { stub, world, stream } = place();
    for (let id = 1; id <= 950; id++) stub.put(String(id), { email: `${id}@x.org` }, NOW - DAY);
    stub.trouble = (n) => (n >= 7 ? failing() : undefined);
    const first = await world.read(stream, null);
    expect(first).toMatchObject({ error: { code: "unreachable" }, last: undefined });
    expect(first.changes.length).toBe(600);
    stub.trouble = () => json({ category: "INVALID_AUTHENTICATION" }, 401);
    expect(await world.read(stream, first.cursor)).toMatchObject({ pages: [], error: { code: "denied" } });
    stub.trouble = null;
    const second = await world.read(stream, first.cursor);
    expect(second).toMatchObject({ last: "complete" });
    expect(emails(new Held().take(first).take(second)).length).toBe(950);
  });
});

describe("Salesforce", () => {
  function place() {
    const stub = salesforceStub();
    const world = new World(stub.handler);
    const auth = oauth2({
      tokenUrl: "http://sf.test/services/oauth2/token",
      clientId: "c",
      clientSecret: "hush",
      refreshToken: "refresh-1",
    });
    const source = salesforce({
      instanceUrl: "http://sf.test",
      auth,
      objects: [{ name: "Contact", fields: ["LastName", "Email"] }],
    });
    const put = (id: string, modified: number, more: Partial<SalesforceContact> = {}) =>
      stub.contacts.set(id, {
        Id: id,
        LastName: `L${id}`,
        Email: null,
        IsDeleted: false,
        MasterRecordId: null,
        ...stub.contacts.get(id),
        ...more,
        modified,
      });
    return { stub, world, source, put, stream: only(source) };
  }
  const name = (id: number) => `003${String(id).padStart(5, "0")}`;

  test("[I35] queryAll by SystemModstamp: pages, ties, deleted and merged ones", async () => {
    const { world, stream, put } = place();
    for (let id = 0; id < 900; id++) put(name(id), NOW - DAY + Math.floor(id / 700) * 1000);
    const first = await world.read(stream, null);
    expect(first).toMatchObject({ error: undefined, last: "complete" });
    const held = new Held().take(first);
    expect(held.records.size).toBe(900);
    expect(held.records.get(name(1))).toEqual({
      Id: name(1),
      IsDeleted: false,
      SystemModstamp: "2025-12-31T00:00:00.000+0000",
      MasterRecordId: null,
      LastName: `L${name(1)}`,
      Email: null,
    });

    await world.clock.run(60 * MINUTE);
    const now = world.clock.now() - 10 * MINUTE;
    put(name(1), now, { Email: "a@x.org" });
    put(name(2), now, { IsDeleted: true });
    put(name(3), now, { IsDeleted: true, MasterRecordId: name(4) });
    const second = await world.read(stream, first.cursor);
    expect(second.changes.filter(({ op }) => op === "delete")).toMatchObject([{ key: [name(2)] }, { key: [name(3)] }]);
    expect(held.take(second).records.size).toBe(898);
    expect(held.records.get(name(1))).toMatchObject({ Email: "a@x.org" });
  });

  test("[I35] a cursor older than the log of deletions needs a complete pass, and says so", async () => {
    const { stub, world, stream, put } = place();
    put(name(1), NOW - DAY);
    const { cursor } = await world.read(stream, null);
    stub.state.earliest = NOW - 1000;
    expect(await world.read(stream, cursor)).toMatchObject({ pages: [], error: { code: "position" } });
    expect((await world.read(stream, null)).last).toBe("complete");
  });

  test("[I35] a session that ended is renewed; a spent day is `busy`, though it answers 403", async () => {
    const { stub, world, stream, put } = place();
    put(name(1), NOW - DAY);
    const { cursor } = await world.read(stream, null);
    stub.state.token = "session-2";
    expect((await world.read(stream, cursor)).error).toBeUndefined();
    stub.state.requestsLeft = 0;
    const read = await world.read(stream, cursor);
    expect(read.error).toMatchObject({ code: "busy", retryAt: world.clock.now() + 60 * MINUTE });
  });
});

describe("Typeform", () => {
  test("[I36] forms with a cursor each, ids that are equal in two of them, a second with 1,500 responses, half an hour of delay", async () => {
    const stub = typeformStub({ token: "tfp" });
    const world = new World(stub.handler);
    const stream = only(typeform({ token: "tfp", forms: ["f1", "f2"], address: "http://typeform.test" }));
    const response = (id: string, submitted: number) => ({ id, submitted, answers: [] });
    stub.forms.set(
      "f1",
      Array.from({ length: 1500 }, (_, i) => response(`t${i}`, NOW - DAY + (i % 7))),
    );
    stub.forms.set("f2", [response("t1", NOW - DAY), response("t2", NOW - MINUTE)]);
    const first = await world.read(stream, null);
    expect(first).toMatchObject({ error: undefined, last: "complete" });
    const held = new Held().take(first);
    expect(held.records.size).toBe(1502);
    expect(held.records.has("f2|t1")).toBe(true);
    stub.forms.get("f2")?.push(response("late", NOW - 20 * MINUTE));
    const second = await world.read(stream, first.cursor);
    expect(second.changes.map((change) => change.op === "put" && change.key)).toEqual([["f2", "late"]]);
  });

  test("[I36] an answer stands under the reference of its field, whatever its type", async () => {
    const stub = typeformStub({ token: "tfp" });
    const field = (ref: string, type: string) => ({ field: { id: `id-${ref}`, type, ref }, type });
    stub.forms.set("f", [
      {
        id: "t1",
        submitted: NOW - DAY,
        answers: [
          { ...field("mail", "email"), email: "a@x.org" },
          { ...field("score", "number"), number: 7 },
          { ...field("ok", "boolean"), boolean: false },
          { ...field("one", "choice"), choice: { id: "c", label: "Red" } },
          { ...field("many", "choices"), choices: { labels: ["A", "B"], other: "C" } },
          { field: { id: "no-ref", type: "date" }, type: "date", date: "2024-02-29" },
        ],
      },
    ]);
    const { changes } = await new World(stub.handler).read(
      only(typeform({ token: "tfp", forms: ["f"], address: "http://typeform.test" })),
      null,
    );
    expect(changes[0]).toMatchObject({
      key: ["f", "t1"],
      value: {
        form: "f",
        answers: { mail: "a@x.org", score: 7, ok: false, one: "Red", many: ["A", "B", "C"], "no-ref": "2024-02-29" },
      },
    });
  });
});

describe("SurveyMonkey", () => {
  function place() {
    const stub = surveymonkeyStub({ token: "sm", address: "http://sm.test" });
    const stream = only(surveymonkey({ token: "sm", surveys: ["s1", "s2"], address: "http://sm.test/v3" }));
    return { stub, stream, world: new World(stub.handler) };
  }
  const response = (id: number, modified: number) => ({ id: String(id), modified, pages: [] });

  test("[I36] surveys with a cursor each, by date of change, ties over several pages", async () => {
    const { stub, stream, world } = place();
    stub.surveys.set(
      "s1",
      Array.from({ length: 350 }, (_, i) => response(i, NOW - DAY + Math.floor(i / 250) * 1000)),
    );
    stub.surveys.set("s2", [response(1, NOW - DAY)]);
    const first = await world.read(stream, null);
    expect(first).toMatchObject({ error: undefined, last: "complete" });
    const held = new Held().take(first);
    expect(held.records.size).toBe(351);
    stub.surveys.set("s2", [response(1, NOW - 10 * MINUTE), response(2, NOW - DAY)]);
    held.take(await world.read(stream, first.cursor));
    expect(held.records.get("s2|1")).toMatchObject({ date_modified: "2025-12-31T23:50:00+00:00" });
    expect(held.records.has("s2|2")).toBe(true);
  });

  test("[I36] when the day's budget is spent nobody asks any more, and the run says when it goes on", async () => {
    const { stub, stream, world } = place();
    stub.surveys.set("s1", [response(1, NOW - DAY)]);
    stub.surveys.set("s2", [response(1, NOW - DAY)]);
    stub.state.remaining = 1;
    stub.state.reset = 7200;
    const read = await world.read(stream, null);
    expect(read.error).toMatchObject({ code: "busy", retryAt: NOW + 7_200_000 });
    expect(read.changes.length).toBe(1);
    expect(stub.asked.length).toBe(1);
  });
});
