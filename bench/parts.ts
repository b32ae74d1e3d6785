import { hash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { textsOfLine } from "../src/client/store/block.ts";
import { digestOf } from "../src/model/fingerprint.ts";
import { canonical } from "../src/util/json.ts";
import { spread } from "./measure.ts";
import { record } from "./records.ts";

/**
 * What the parts cost of which the larger works are made, and the same done otherwise: the figures behind "What was tried"
 * in docs/performance.md.
 *
 *   npm run bench:parts [-- --json]
 */
const { values } = parseArgs({ options: { json: { type: "boolean" } } });

const RECORDS = 100_000;
const LINE = 1_000;
const ENTRIES = 1_000;
const TIMES = 5;

const records = Array.from({ length: RECORDS }, (_, i) => JSON.parse(canonical(record(i))) as { id: string });
const unordered = records.map((each) => Object.fromEntries(Object.entries(each).reverse()));
const texts = records.map((each) => JSON.stringify(each));
const lines: string[] = [];
for (let at = 0; at < RECORDS; at += LINE) {
  lines.push(`{"op":"put","collection":"tasks","at":1,"records":[${texts.slice(at, at + LINE).join(",")}]}`);
}

const rows: { part: string; ms: number }[] = [];

/** The median of some runs; the first warms up and is not counted. */
function part(name: string, work: () => void): void {
  const all: number[] = [];
  for (let i = 0; i <= TIMES; i++) {
    const start = performance.now();
    work();
    if (i > 0) all.push(performance.now() - start);
  }
  rows.push({ part: name, ms: spread(all).median });
}

for (const encoding of ["latin1", "hex", "base64", "buffer"] as const) {
  part(`SHA-256 of 100,000 records, as ${encoding}`, () => {
    for (const text of texts) hash("sha256", text, encoding as "hex");
  });
}
part("digests of 100,000 records", () => {
  for (const text of texts) digestOf("tasks", text);
});
part("JSON.parse of 100 lines of 1,000 records", () => {
  for (const line of lines) JSON.parse(line);
});
part("the records' texts of these lines, cut at },{", () => {
  for (const line of lines) textsOfLine(line, LINE);
});
part("the same, by JSON.stringify of each record", () => {
  for (const each of records) JSON.stringify(each);
});
part("canonical text of 100,000 records, members in order", () => {
  for (const each of records) canonical(each);
});
part("canonical text of 100,000 records, members in reverse", () => {
  for (const each of unordered) canonical(each);
});

const folder = mkdtempSync(join(tmpdir(), "tidemark-parts-"));
const entries = records.slice(0, ENTRIES).map(({ id }, i) => [i, id, texts[i] as string] as const);

function table(name: string, settings = ""): DatabaseSync {
  const db = new DatabaseSync(join(folder, name));
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${settings}`);
  db.exec("CREATE TABLE entry (n INTEGER PRIMARY KEY, id TEXT NOT NULL, text TEXT NOT NULL) STRICT");
  return db;
}

function inserted(name: string, insert: (db: DatabaseSync) => () => void): void {
  const db = table(name);
  const run = insert(db);
  part(`1,000 rows into SQLite, ${name}`, () => {
    db.exec("DELETE FROM entry; BEGIN");
    run();
    db.exec("COMMIT");
  });
  db.close();
}

inserted("a statement for each", (db) => {
  const statement = db.prepare("INSERT INTO entry VALUES (?, ?, ?)");
  return () => {
    for (const entry of entries) statement.run(...entry);
  };
});
inserted("50 to a statement", (db) => {
  const statement = db.prepare(`INSERT INTO entry VALUES ${Array(50).fill("(?, ?, ?)").join(", ")}`);
  return () => {
    for (let at = 0; at < ENTRIES; at += 50) statement.run(...entries.slice(at, at + 50).flat());
  };
});
inserted("as one JSON text by json_each", (db) => {
  const statement = db.prepare("INSERT INTO entry SELECT value->>0, value->>1, value->>2 FROM json_each(?)");
  return () => statement.run(JSON.stringify(entries));
});

for (const pages of [1_000, 4_000, 16_000]) {
  const db = table(`wal ${pages}`, `PRAGMA wal_autocheckpoint = ${pages};`);
  const statement = db.prepare("INSERT INTO entry (id, text) VALUES ('line', ?)");
  part(`100 lines into SQLite, a lazy commit each, WAL of ${pages} pages`, () => {
    db.exec("DELETE FROM entry");
    for (const line of lines) {
      db.exec("BEGIN");
      statement.run(line);
      db.exec("COMMIT");
    }
  });
  db.close();
}
rmSync(folder, { recursive: true, force: true });

if (values.json) process.stdout.write(`${JSON.stringify({ node: process.version, rows }, null, 2)}\n`);
else {
  process.stdout.write("| part | ms |\n| --- | --- |\n");
  for (const { part: name, ms } of rows) process.stdout.write(`| ${name} | ${ms.toFixed(1)} |\n`);
}
