import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { openPostgresStore, surveyPostgres } from "../../src/store/postgres/index.ts";
import { type OpenStore, storeContract } from "../../src/testing/store-contract.ts";
import { dropEmptied, emptyUrl, schemaOf, schemaUrl, statement, TABLES } from "../support/postgres.ts";
import { flawsOf, recordStatements } from "./statements.ts";

async function open(): Promise<OpenStore> {
  const url = await emptyUrl();
  const store = await openPostgresStore({ url });
  return {
    store,
    async reopen() {
      await store.close();
      return openPostgresStore({ url });
    },
  };
}

const recorded = recordStatements();
afterAll(recorded.stop);
afterAll(dropEmptied);

storeContract("the store on PostgreSQL", open, { describe, it, expect });

/** What is not about one space, or is not to be had everywhere, and why that does no harm. */
const EXCEPTIONS: readonly (readonly [pattern: RegExp, why: string])[] = [
  [
    /^SELECT name FROM space ORDER BY name$/,
    "asks all nodes: at the start, once an hour, and after wake-ups were missed",
  ],
  [
    /^SELECT pg_advisory_xact_lock/,
    "only where the tables are made or changed: servers that start together take turns",
  ],
  [
    /ctid = ANY \(\s*ARRAY\(/,
    "a slice of a cut finds the rows that it takes by their place, which neither Citus nor YugabyteDB can do: nothing is cut there yet",
  ],
  [/^\s*ALTER TABLE record ADD COLUMN/, "once, where a server of this version first opens the database"],
  [/LISTEN|pg_notify/, "only where servers wake each other by NOTIFY; they need not"],
  [/CREATE TABLE adopted_change/, "tables that are adopted lie in one PostgreSQL, and so does what is noted of them"],
];

/** The statements of `adopt/` work on tables of one PostgreSQL that other programs write. */
const SOURCES = join(import.meta.dirname, "../../src/store/postgres");
const FILES = [".", "wake"].flatMap((folder) =>
  readdirSync(join(SOURCES, folder)).flatMap((name) => (/(?<!\.test)\.ts$/.test(name) ? [join(folder, name)] : [])),
);

describe("all statements that the contract has the store send", () => {
  test("[R13] are about one space each, as is every transaction, and use nothing that a distributed database lacks", async () => {
    const url = await schemaUrl();
    const store = await openPostgresStore({ url });
    await store.size();
    await store.close();
    await surveyPostgres({ url });
    const statements = [...new Set(recorded.statements.map(({ text }) => text))];
    const flawed = statements.filter((text) => flawsOf(text).length > 0);
    const unexpected = flawed.filter((text) => !EXCEPTIONS.some(([pattern]) => pattern.test(text)));
    expect(unexpected.map((text) => [text, flawsOf(text)])).toEqual([]);
    expect(recorded.mixed).toEqual([]);
    for (const [pattern] of EXCEPTIONS)
      expect(
        flawed.some((text) => pattern.test(text)),
        `${pattern}`,
      ).toBe(true);
    for (const table of TABLES)
      expect(
        statements.some((text) => text.includes(` ${table} `)),
        table,
      ).toBe(true);
  });

  test("[R13] are all that there are: each place in the sources that sends one has sent one", () => {
    const sent = new Set(recorded.statements.map(({ site }) => site));
    const places = FILES.filter((file) => file !== "session.ts").flatMap((file) =>
      readFileSync(join(SOURCES, file), "utf8")
        .split("\n")
        .flatMap((line, i) =>
          /\.query\b/.test(line) && !/"(ROLLBACK|COMMIT)"|`BEGIN/.test(line) ? [`${file}:${i + 1}`] : [],
        ),
    );
    expect(places.length).toBeGreaterThan(40);
    expect(places.filter((place) => !sent.has(place))).toEqual([]);
  });

  test("[R13] and the documented command for Citus distributes every table that holds data, by its space", async () => {
    const url = await schemaUrl();
    await (await openPostgresStore({ url })).close();
    const document = readFileSync(join(import.meta.dirname, "../../docs/scaling.md"), "utf8");
    const [, command = ""] = /<<'SQL'\n(.*?)\nSQL\n/s.exec(document) ?? [];
    const asked = await statement<{ calls: string }>(
      url,
      `SET search_path = "${schemaOf(url)}";
       CREATE TABLE calls (name text, by text, beside text);
       CREATE FUNCTION create_distributed_table(name regclass, by text, colocate_with text DEFAULT NULL) RETURNS void
         LANGUAGE sql AS 'INSERT INTO calls VALUES (name::text, by, colocate_with)';
       ${command.replace("sync", `"${schemaOf(url)}"`)}
       SELECT concat_ws(' ', name, by, beside) AS calls FROM calls`,
    );
    const calls = (asked.at(-1) as unknown as { calls: string }[]).map((row) => row.calls);
    expect(calls).toEqual(TABLES.map((table) => (table === "space" ? "space name" : `${table} space space`)));
  });

  test("the check finds what is about no certain space, or about two, or not to be had everywhere", () => {
    const flawed = [
      "SELECT * FROM record WHERE id = $1",
      "SELECT * FROM record r JOIN member m ON m.id = r.id WHERE r.space = $1",
      "SELECT * FROM record r WHERE r.space = $1 AND EXISTS (SELECT FROM record r WHERE r.id = $2)",
      "SELECT * FROM entry WHERE space = $1 AND revision > (SELECT journal FROM space)",
      "SELECT * FROM entry WHERE space = $12",
      "UPDATE space SET revision = $2",
      "DELETE FROM outcome o USING gone g WHERE o.id = g.id",
      "INSERT INTO note (name, text) VALUES ($1, $2)",
      "INSERT INTO note (space, name, text) SELECT space, name, text FROM unnest($1) b(space, name, text)",
      "UPDATE note n SET text = json_build_array(n.text)::text WHERE n.space = $1",
      "SELECT ctid FROM note WHERE space = $1",
      "SELECT nextval('revisions')",
      "SELECT pg_advisory_lock(1)",
      "NOTIFY news",
      "CREATE TABLE t (\n    id bigint PRIMARY KEY,\n    space text\n  );",
      "CREATE TABLE t (\n    space text,\n    id bigint UNIQUE,\n    PRIMARY KEY (space, id)\n  );",
      "CREATE TABLE t (\n    space text,\n    seq bigint GENERATED ALWAYS AS IDENTITY,\n    PRIMARY KEY (space, seq)\n  );",
      "CREATE UNIQUE INDEX i ON record (space, id)",
      "CREATE INDEX i ON record (revision)",
    ];
    for (const text of flawed) expect(flawsOf(text), text).not.toEqual([]);
    const fine = [
      "SELECT (SELECT count(*) FROM member m WHERE m.space = r.space) FROM record r WHERE r.space = $1 FOR UPDATE",
      "INSERT INTO note AS n (space, name) SELECT $1, * FROM unnest($2) ON CONFLICT DO NOTHING",
      "UPDATE space SET restore = $2 WHERE name = $1",
    ];
    for (const text of fine) expect(flawsOf(text), text).toEqual([]);
  });
});
