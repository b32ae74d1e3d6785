// The vendors' own clients are the judges: at one stub, they and our sources see the same records.
import { describe, expect } from "vitest";
import { ga4 } from "../../src/ingest/sources/definitions/ga4.ts";
import { hubspot } from "../../src/ingest/sources/definitions/hubspot.ts";
import { salesforce } from "../../src/ingest/sources/definitions/salesforce.ts";
import { typeform } from "../../src/ingest/sources/definitions/typeform.ts";
import { bearer } from "../../src/ingest/sources/http/auth.ts";
import { ga4Stub, hubspotStub, salesforceStub, typeformStub } from "../../src/testing/stubs/index.ts";
import type { JsonObject } from "../../src/util/json.ts";
import { skipUnless } from "../support/skip.ts";
import { listening, type Reading, reading, realHttp } from "./http-support.ts";
import { seenBy, vendorsInstalled } from "./vendors.ts";

const judged = skipUnless(await vendorsInstalled(), "needs the vendors' own clients from npm");
const NOW = Date.parse("2026-01-01T00:00:00Z");
const DAY = 86_400_000;
const http = realHttp();
const now = () => NOW;

const values = ({ changes }: Reading) => changes.flatMap((change) => (change.op === "put" ? [change.value] : []));
const gone = ({ changes }: Reading) => changes.flatMap((change) => (change.op === "delete" ? [change.key[0]] : []));
const byText = (list: readonly unknown[]) => list.map((each) => JSON.stringify(each)).sort();

describe("the vendor's client and our source see the same records", () => {
  judged("[I3 I35] @hubspot/api-client: list, archived, search", async () => {
    const stub = hubspotStub({ token: "pat", now });
    const address = await listening(stub.handler);
    for (let id = 1; id <= 230; id++)
      stub.put(String(id), { email: id % 9 === 0 ? null : `${id}@x.org` }, NOW - DAY + id * 1000);
    for (const id of ["5", "150"]) stub.archive(id, NOW - 2000);
    const [stream] = hubspot({ token: "pat", address, objects: [{ name: "contacts", properties: ["email"] }] }).streams;
    const since = NOW - DAY + 200_000;
    const theirs = (await seenBy("hubspot", address, "pat", String(since))) as Record<
      string,
      { id: string; email: string; at: string }[]
    >;

    const ours = await reading(stream!, { cursor: null, http, now });
    const shown = (value: JsonObject) => ({ id: value["id"], email: value["email"], at: value["lastmodifieddate"] });
    expect(byText(values(ours).map(shown))).toEqual(byText(theirs["active"] ?? []));
    expect(gone(ours)).toEqual(theirs["archived"]?.map(({ id }) => id));
    const changes = await reading(stream!, {
      cursor: { changes: { mark: { v: since, seen: {} } }, archived: NOW },
      http,
      now,
    });
    expect(byText(values(changes).map(shown))).toEqual(byText(theirs["searched"] ?? []));
    expect(theirs["searched"]?.length).toBe(31);
  });

  judged("[I3 I35] jsforce: queryAll over pages, and the log of deletions", async () => {
    const stub = salesforceStub();
    const address = await listening(stub.handler);
    for (let id = 0; id < 450; id++) {
      const Id = `003${String(id).padStart(5, "0")}`;
      const IsDeleted = id % 100 === 3;
      const fields = { LastName: `L${id}`, Email: null, IsDeleted, MasterRecordId: id === 3 ? "00300004" : null };
      stub.contacts.set(Id, { Id, ...fields, modified: NOW - DAY + id * 1000 });
    }
    const auth = bearer("session-1");
    const [stream] = salesforce({
      instanceUrl: address,
      auth,
      objects: [{ name: "Contact", fields: ["LastName", "Email"] }],
    }).streams;
    const ours = await reading(stream!, { cursor: null, http, now });
    const theirs = (await seenBy("salesforce", address, "session-1", String(NOW))) as {
      records: JsonObject[];
      gone: string[];
    };
    const plain = theirs.records.map(({ attributes, ...record }) => record);
    expect(plain.length).toBe(450);
    expect(byText(values(ours))).toEqual(byText(plain.filter(({ IsDeleted }) => IsDeleted !== true)));
    expect(gone(ours).sort()).toEqual(theirs.gone.sort());
  });

  judged("[I3 I36] @typeform/api-client: responses by token", async () => {
    const stub = typeformStub({ token: "tfp" });
    const address = await listening(stub.handler);
    const answers = [{ field: { id: "f", type: "email", ref: "mail" }, type: "email", email: "a@x.org" }];
    stub.forms.set(
      "f1",
      Array.from({ length: 2300 }, (_, i) => ({ id: `t${i}`, submitted: NOW - DAY + i * 300, answers })),
    );
    const [stream] = typeform({ token: "tfp", forms: ["f1"], address }).streams;
    const ours = await reading(stream!, { cursor: null, http, now });
    const theirs = (await seenBy("typeform", address, "tfp", "f1")) as {
      response_id: string;
      submitted_at: string;
      answers: { email: string }[];
    }[];
    expect(theirs.length).toBe(2300);
    const shown = new Map(values(ours).map((value) => [value["response_id"], value]));
    expect([...shown.values()].map(({ response_id: id, submitted_at: at, answers: own }) => [id, at, own])).toEqual(
      theirs.map((each) => [each.response_id, each.submitted_at, { mail: each.answers[0]?.email }]),
    );
  });

  judged("[I3 I37] @google-analytics/data: a report over days", async () => {
    const stub = ga4Stub({ token: "ya29" });
    const address = await listening(stub.handler);
    stub.days.set(
      "2025-12-30",
      Array.from({ length: 1700 }, (_, i) => ({ country: `c${i}`, activeUsers: String(i) })),
    );
    stub.days.set("2026-01-01", [{ country: "DE", activeUsers: "12" }]);
    const reports = [{ name: "visits", dimensions: ["country"], metrics: ["activeUsers"] }];
    const [stream] = ga4({
      property: "1",
      auth: bearer("ya29"),
      reports,
      from: "2025-12-29",
      address: `${address}/v1beta`,
    }).streams;
    const ours = await reading(stream!, { cursor: null, http, now });
    const theirs = (await seenBy("ga4", address, "ya29", "2025-12-29", "2026-01-01")) as string[][];
    expect(theirs.length).toBe(1701);
    const rows = values(ours).map(({ date, country, activeUsers }) => [
      String(date).replaceAll("-", ""),
      country,
      String(activeUsers),
    ]);
    expect(byText(rows)).toEqual(byText(theirs));
  });
});
