// Parquet as others write it: DuckDB, and hyparquet-writer for what DuckDB does not write.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { type FilesOptions, files } from "../../src/ingest/index.ts";
import { folderOf } from "../support/folder.ts";
import { deskOf, read } from "./tables-support.ts";

const TASK = "drop.rows";
const source = (path: string, more: Partial<FilesOptions> = {}) =>
  files({ name: "drop", stream: "rows", path, key: ["id"], ...more });

/** What a SELECT of DuckDB gives, as a Parquet file. */
async function write(path: string, select: string, options = ""): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet${options})`);
  connection.closeSync();
  instance.closeSync();
}

describe("Parquet", () => {
  test("[I53 I3 I10] values of all kinds that DuckDB writes", async () => {
    const path = join(folderOf(), "x.parquet");
    await write(
      path,
      `SELECT 1::INT AS id, 9007199254740993::BIGINT AS big, 42::BIGINT AS small, 1.5::DOUBLE AS d, 'NaN'::DOUBLE AS nan,
       true AS b, 'Müller' AS t, 12.34::DECIMAL(9,2) AS dec, DATE '2026-03-01' AS day,
       TIMESTAMP '2026-03-01 12:00:00.123456' AS at, TIMESTAMPTZ '2026-03-01 12:00:00+02' AS zoned,
       '\\x00\\xFF'::BLOB AS bytes, [1, 2, NULL] AS list, {'a': 1, 'b': 'x'} AS struct, NULL::VARCHAR AS nothing,
       '7a3f0000-0000-0000-0000-000000000001'::UUID AS uuid`,
    );
    const { changes, error } = await read(source(path), null, 0);
    expect(error).toBeUndefined();
    expect(changes).toEqual([
      {
        op: "put",
        key: ["1"],
        position: "x.parquet:1",
        value: {
          id: 1,
          big: "9007199254740993",
          small: 42,
          d: 1.5,
          nan: "NaN",
          b: true,
          t: "Müller",
          dec: 12.34,
          day: "2026-03-01",
          at: "2026-03-01T12:00:00.123456Z",
          zoned: "2026-03-01T10:00:00Z",
          bytes: "AP8=",
          list: [1, 2, null],
          struct: { a: 1, b: "x" },
          nothing: null,
          uuid: "7a3f0000-0000-0000-0000-000000000001",
        },
      },
    ]);
  });

  test.each(["uncompressed", "snappy", "gzip", "zstd", "brotli"])("[I53 I3 I10] %s, in row groups", async (codec) => {
    const path = join(folderOf(), "x.parquet");
    await write(
      path,
      "SELECT i AS id, 'name ' || (i % 100) AS name FROM range(10000) t(i)",
      `, CODEC '${codec}', ROW_GROUP_SIZE 2048`,
    );
    const { changes, pages, last } = await read(source(path), null, 0);
    expect(last).toBe("complete");
    expect(pages[0]?.changes).toHaveLength(1_000);
    expect(new Set(changes.map((change) => change.op === "put" && change.key[0])).size).toBe(10_000);
    expect(changes[9_999]).toMatchObject({ position: "x.parquet:10000", value: { id: 9_999, name: "name 99" } });
  });

  test("[I53 I3 I10] what another writer makes, in a folder beside CSV: one pass", async () => {
    const folder = folderOf({ "b.csv": "id,name\n3,c\n" });
    const columnData = [
      { name: "id", data: ["1", "2"], type: "STRING" as const },
      { name: "name", data: ["a", "b"], type: "STRING" as const },
    ];
    await writeFile(join(folder, "a.parquet"), Buffer.from(parquetWriteBuffer({ columnData })));
    const desk = deskOf(source(folder));
    expect(await desk.run(TASK)).toMatchObject({ kind: "complete", added: 3 });
    expect(await desk.run(TASK)).toMatchObject({ kind: "incremental", read: 0 });
  });

  test("[I53 I3 I10] one that is cut off, damaged, or none stops the run: what it does not show is not deleted", async () => {
    const folder = folderOf();
    const path = join(folder, "x.parquet");
    await write(path, "SELECT i AS id, hash(i) AS junk FROM range(5000) t(i)", ", ROW_GROUP_SIZE 2048");
    const desk = deskOf(source(path));
    await desk.run(TASK);
    const whole = await readFile(path);
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, 4, 200);
    for (const bytes of [
      whole.subarray(0, whole.length / 2),
      damaged,
      Buffer.from("id,name\n1,a\n"),
      Buffer.from("x"),
    ]) {
      await writeFile(path, bytes);
      const row = await desk.run(TASK);
      expect(row).toMatchObject({ status: "failed", deleted: 0 });
      expect(row.reasons[0]).toContain("x.parquet cannot be read as Parquet: is it whole?");
    }
    expect(Object.keys(await desk.records("rows"))).toHaveLength(5_000);
  });

  test("[I53 I3 I10 I6] a row without its key, and one that is too large, are in quarantine with their row", async () => {
    const path = join(folderOf(), "x.parquet");
    await write(
      path,
      "SELECT * FROM (VALUES ('1', 'a'), (NULL, 'b'), ('3', repeat('x', 3000)), ('4', 'd')) t(id, name)",
    );
    const desk = deskOf(source(path, { limit: 1_000 }));
    expect(await desk.run(TASK)).toMatchObject({ added: 2, rejected: 2 });
    expect(await desk.items(TASK)).toMatchObject([
      { code: "unreadable", position: "x.parquet:2" },
      { code: "too-large", position: "x.parquet:3" },
    ]);
  });
});
