import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import { parse } from "csv-parse/sync";
import { fingerprint, type MatchDeclaration, matchAll, matchRules } from "../src/ingest/match/index.ts";
import { seededRandom } from "../src/testing/random.ts";
import { PERSON_FIELDS, people } from "../test/support/people.ts";

/**
 * How many of the duplicates of labelled sets are found, and how many of those found are right: by Tidemark's matcher with its
 * defaults, by exact keys, and by a join in DuckDB over the mean Jaro-Winkler similarity.
 *
 *   npm run bench:duplicates -- [--febrl FOLDER] [--json]
 *
 * FOLDER holds FEBRL's CSV files (`rec_id` names who is who). Without it a generated set in its manner is taken.
 */
const { values } = parseArgs({ options: { febrl: { type: "string" }, json: { type: "boolean", default: false } } });

interface LabelledSet {
  readonly name: string;
  readonly rows: readonly Readonly<Record<string, string>>[];
  readonly key: string;
  readonly fields: MatchDeclaration["fields"];
}

interface Result {
  readonly set: string;
  readonly method: string;
  readonly pairs: number;
  readonly precision: number;
  readonly recall: number;
  /** Pairs that a person is asked about, and the recall where all of these are answered. */
  readonly ask?: number;
  readonly recallWithAsk?: number;
  readonly ms: number;
}

const FEBRL_FIELDS = {
  given_name: "name",
  surname: "name",
  street_number: "code",
  address_1: "street",
  address_2: "place",
  suburb: "place",
  postcode: "postcode",
  state: "code",
  date_of_birth: "date",
  soc_sec_id: "id",
} as const;

/** Mean similarities from which on DuckDB's join takes two rows for one. */
const THRESHOLDS = [0.9, 0.8, 0.7];

const results: Result[] = [];
for (const set of sets(values.febrl)) {
  results.push(tidemark(set), exactKeys(set), ...(await duckdb(set)));
}
if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);
else process.stdout.write(table(results));

function sets(folder: string | undefined): LabelledSet[] {
  if (folder === undefined) {
    const rows = people(seededRandom("duplicates"), { originals: 3_000, doubled: 1_000, most: 3, slips: 6 });
    return [{ name: "generated", rows, key: "id", fields: PERSON_FIELDS }];
  }
  const files = readdirSync(folder).filter((file) => file.endsWith(".csv"));
  if (files.length === 0) throw new Error(`--febrl ${folder}: there is no CSV file`);
  return files.sort().map((file): LabelledSet => {
    const rows: Record<string, string>[] = parse(readFileSync(join(folder, file)), {
      columns: true,
      trim: true,
      bom: true,
    });
    return { name: file.replace(/\.csv$/, ""), rows, key: "rec_id", fields: FEBRL_FIELDS };
  });
}

function tidemark({ name, rows, key, fields }: LabelledSet): Result {
  const records = rows.map((value) => ({ key: value[key] as string, source: name, at: null, value }));
  const start = performance.now();
  const { clusters, ask } = matchAll(records, matchRules({ within: true, fields }));
  const ms = performance.now() - start;
  const found = clusters.flatMap((members) =>
    members.flatMap((a, i) => members.slice(i + 1).map((b) => [a, b] as const)),
  );
  const asked = ask.filter(({ a, b }) => isSame(a, b)).length;
  const judged = judge(name, "Tidemark", rows, key, found, ms);
  return { ...judged, ask: ask.length, recallWithAsk: judged.recall + asked / truths(rows, key) };
}

/** All fields together, each by its fingerprint. */
function exactKeys({ name, rows, key, fields }: LabelledSet): Result {
  const start = performance.now();
  const groups = new Map<string, string[]>();
  for (const row of rows) {
    const text = Object.keys(fields)
      .map((field) => fingerprint(row[field] as string))
      .join("|");
    groups.set(text, [...(groups.get(text) ?? []), row[key] as string]);
  }
  const found = [...groups.values()].flatMap((members) =>
    members.flatMap((a, i) => members.slice(i + 1).map((b) => [a, b] as const)),
  );
  return judge(name, "exact keys", rows, key, found, performance.now() - start);
}

/** A telling field is equal, and the mean similarity of the fields that both fill is above a threshold. */
async function duckdb({ name, rows, key, fields }: LabelledSet): Promise<Result[]> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const names = Object.keys(fields);
  const columns = [key, ...names].map((column) => `"${column}"`);
  await connection.run(`CREATE TABLE people (${columns.map((column) => `${column} VARCHAR`).join()})`);
  const appender = await connection.createAppender("people");
  for (const row of rows) {
    for (const column of [key, ...names]) {
      if (row[column] === "") appender.appendNull();
      else appender.appendVarchar(row[column] as string);
    }
    appender.endRow();
  }
  appender.closeSync();
  const likeness = names.map((field) => `jaro_winkler_similarity(a."${field}", b."${field}")`);
  const telling = Object.entries(fields).flatMap(([field, kind]) =>
    ["name", "postcode", "date", "id"].includes(String(kind)) ? [field] : [],
  );
  const results: Result[] = [];
  for (const threshold of THRESHOLDS) {
    const start = performance.now();
    const parts = telling.map(
      (field) => `SELECT a."${key}" x, b."${key}" y FROM people a JOIN people b
      ON a."${field}" = b."${field}" AND a."${key}" < b."${key}" WHERE list_avg([${likeness.join()}]) >= ${threshold}`,
    );
    const reader = await connection.runAndReadAll(parts.join(" UNION "));
    const found = reader.getRows().map(([a, b]) => [String(a), String(b)] as const);
    results.push(judge(name, `DuckDB, ${threshold}`, rows, key, found, performance.now() - start));
  }
  connection.closeSync();
  return results;
}

function judge(
  set: string,
  method: string,
  rows: LabelledSet["rows"],
  key: string,
  found: readonly (readonly [string, string])[],
  ms: number,
): Result {
  const right = found.filter(([a, b]) => isSame(a, b)).length;
  const precision = found.length === 0 ? 1 : right / found.length;
  return { set, method, pairs: found.length, precision, recall: right / truths(rows, key), ms };
}

function isSame(a: string, b: string): boolean {
  return whoIs(a) === whoIs(b);
}

/** `rec-7-org` and `rec-7-dup-0` are one. */
function whoIs(id: string): string {
  return id.split("-")[1] as string;
}

function truths(rows: LabelledSet["rows"], key: string): number {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(whoIs(row[key] as string), (counts.get(whoIs(row[key] as string)) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum + (count * (count - 1)) / 2, 0);
}

function table(all: readonly Result[]): string {
  const head =
    "| set | method | pairs | precision | recall | to ask | recall with ask | ms |\n| --- | --- | --: | --: | --: | --: | --: | --: |\n";
  const lines = all.map(
    ({ set, method, pairs, precision, recall, ask, recallWithAsk, ms }) =>
      `| ${[set, method, pairs, precision.toFixed(3), recall.toFixed(3), ask ?? "", recallWithAsk?.toFixed(3) ?? "", Math.round(ms)].join(" | ")} |\n`,
  );
  return head + lines.join("");
}
