import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { clean, hubspot, matomo, type Pickup, type Stream, typeform } from "tidemark/ingest";
import { defineConfig } from "tidemark/server";
import { collections } from "./collections.ts";
import { answers, contacts, logins, signedIn, visits } from "./rules.ts";
import { FORM, TOKENS } from "./systems/systems.ts";

/** Where things are; `npm run customers` says so of its own. */
const systems = process.env["CUSTOMERS_SYSTEMS"] ?? "http://127.0.0.1:4851";
const url = process.env["CUSTOMERS_URL"] ?? "http://127.0.0.1:4850";
const data = process.env["CUSTOMERS_DATA"] ?? fileURLToPath(new URL("data", import.meta.url));
const every = process.env["CUSTOMERS_EVERY"] ?? "5m";

const crm = hubspot({
  token: TOKENS.crm,
  address: `${systems}/crm`,
  objects: [
    {
      name: "contacts",
      properties: ["firstname", "lastname", "email", "phone", "date_of_birth", "company", "city", "createdate"],
    },
  ],
});
const survey = typeform({ token: TOKENS.survey, address: `${systems}/survey`, forms: [FORM] });
const web = matomo({ token: TOKENS.web, address: `${systems}/web/`, site: "1", from: "2020-01-01" });
const people = { ...web, name: "logins", streams: web.streams.map(signedIn) };

const first = ({ streams }: Pickup["source"]) => streams[0] as Stream;

export default defineConfig({
  spaces: ["main"],
  collections,
  ingest: {
    main: [
      { source: crm, every, streams: [clean(first(crm), contacts)] },
      { source: survey, every, streams: [clean(first(survey), answers)] },
      { source: web, every, streams: [clean(first(web), visits)] },
      { source: people, every, streams: [clean(first(people), logins)] },
    ] satisfies Pickup[],
  },
  warehouses: {
    reports: {
      duckdb: join(data, "reports.duckdb"),
      url,
      schedule: "*/5 * * * *",
      // Who somebody is stays at home. Equal addresses are equal hashes, so that visits and customers can be joined.
      atoms: {
        customers: {
          given: "mask",
          family: "mask",
          phone: "mask",
          born: "omit",
          comment: "omit",
          email: "hash",
          company: "plain",
          city: "plain",
          sources: "plain",
          since: "plain",
          score: "plain",
          answered: "plain",
          lastVisit: "plain",
        },
        visits: { visitor: "hash", user: "hash", at: "plain", actions: "plain" },
      },
      key: warehouseKey,
    },
  },
});

/** The secret of the hashes, made once; whoever has it can tell whether an address is in the warehouse. */
function warehouseKey(): string {
  const file = join(data, "warehouse.key");
  if (!existsSync(file)) {
    mkdirSync(data, { recursive: true });
    writeFileSync(file, randomBytes(32).toString("hex"), { mode: 0o600 });
  }
  return readFileSync(file, "utf8");
}
