import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { clean, type FilesOptions, files, type Stream } from "../../src/ingest/index.ts";
import { folderOf } from "../support/folder.ts";
import { Desk, SPACE } from "./support.ts";

function deskOver(options: Partial<FilesOptions> & { path: string }) {
  const source = files({ name: "drop", key: ["id"], ...options });
  const [stream] = source.streams as [Stream];
  return new Desk({
    [SPACE]: [{ source, streams: [clean(stream, { collection: "rows", deletes: { orCount: 1_000 } })] }],
  });
}
const TASK = "drop.records";

async function readOf(name: string, bytes: string | Buffer, options: Partial<FilesOptions> = {}) {
  const folder = folderOf();
  await writeFile(join(folder, name), bytes);
  const desk = deskOver({ path: join(folder, name), ...options });
  const row = await desk.run(TASK);
  const bad = (await desk.items(TASK)).map(({ code, position, message, raw }) => ({ code, position, message, raw }));
  return { row, bad, records: await desk.records("rows"), desk, folder };
}

describe("files", () => {
  const rows = { "1": { id: "1", name: "Müller" }, "2": { id: "2", name: "a\nb" } };
  const csv = 'id,name\r\n1,Müller\r\n2,"a\nb"\r\n';

  test.each([
    ["UTF-8", "x.csv", Buffer.from(csv), {}],
    ["a byte order mark", "x.csv", Buffer.from(`\ufeff${csv}`), {}],
    ["Latin-1", "x.csv", Buffer.from(csv, "latin1"), { encoding: "latin1" }],
    ["UTF-16 with its mark", "x.csv", Buffer.from(`\ufeff${csv}`, "utf16le"), {}],
    ["gzip", "x.csv.gz", gzipSync(csv), {}],
    ["semicolons", "x.csv", Buffer.from(csv.replaceAll(",", ";")), { delimiter: ";" }],
    ["NDJSON", "x.ndjson", Buffer.from('{"id":1,"name":"Müller"}\n\n{"id":"2","name":"a\\nb"}'), {}],
    ["JSON", "x.json", Buffer.from('[{"id":1,"name":"Müller"},\n {"id":"2","name":"a\\nb"}]'), {}],
  ] as const)("[I10] reads %s", async (_, name, bytes, options) => {
    expect(await readOf(name, bytes, options)).toMatchObject({
      records: rows,
      bad: [],
      row: { status: "done", kind: "complete" },
    });
  });

  test("[I10 I6] broken rows are in quarantine with their lines, and the rows around them are not lost", async () => {
    const bytes = Buffer.concat([
      Buffer.from('id,name\n1,a\n2,b,c\n3,"open\n4,d\n5,5" disk\n6,n\0ul\n'),
      Buffer.from("7,M\xfcller\n,nobody\n8,h\n", "latin1"),
    ]);
    const { bad, records } = await readOf("x.csv", bytes);
    expect(Object.keys(records)).toEqual(["1", "4", "8"]);
    expect(bad.map(({ position, message }) => `${position} ${message}`)).toEqual([
      "x.csv:3 the header has 2 columns, and this row has 3",
      "x.csv:4 a quote is opened here, and never closed",
      expect.stringContaining("x.csv:6 Invalid Opening Quote"),
      "x.csv:7 there is a NUL byte in it",
      "x.csv:8 the bytes are not of the declared encoding: is it latin1?",
      "x.csv:9 it has no key: the field id is empty",
    ]);
  });

  test("[I10 I6] a line of 64 MB is too large: it is told with its place, in memory that does not grow with it", async () => {
    const path = join(folderOf(), "big.csv");
    const file = createWriteStream(path);
    file.write("id,name\n1,a\n2,");
    const chunk = Buffer.alloc(1_048_576, "x");
    for (let i = 0; i < 64; i++) if (!file.write(chunk)) await once(file, "drain");
    file.end("\n3,c\n");
    await finished(file);
    const desk = deskOver({ path });
    const before = process.memoryUsage().arrayBuffers;
    await desk.run(TASK);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1_048_576);
    expect(Object.keys(await desk.records("rows"))).toEqual(["1", "3"]);
    expect(await desk.items(TASK)).toMatchObject([{ code: "too-large", position: "big.csv:3" }]);
  });

  test("[I10] a JSON file, or a gzip, that is cut in half stops the run: what it does not show is not deleted", async () => {
    const whole = JSON.stringify(
      Array.from({ length: 3_000 }, (_, i) => ({ id: i, junk: randomBytes(20).toString("hex") })),
    );
    const { desk, folder } = await readOf("x.json", whole);
    await writeFile(join(folder, "x.json"), whole.slice(0, whole.length / 2));
    const row = await desk.run(TASK);
    expect(row).toMatchObject({ status: "failed", deleted: 0 });
    expect(row.reasons[0]).toContain("x.json: it ends in line 1, before its JSON array does");
    await writeFile(join(folder, "x.json"), gzipSync(whole).subarray(0, 20_000));
    expect((await desk.run(TASK)).reasons[0]).toContain("cannot be unzipped");
    expect(Object.keys(await desk.records("rows"))).toHaveLength(3_000);
  });

  test("[I10 I2] a folder is one pass; what left its files is gone, and nothing is read while nothing changes", async () => {
    const folder = folderOf({
      "a.csv": "id,name\n1,a\n2,b\n",
      "b.ndjson": '{"id":"3","name":"c"}\n',
      "readme.txt": "no data",
    });
    const desk = deskOver({ path: folder });
    expect(await desk.run(TASK)).toMatchObject({ added: 3 });
    expect(await desk.run(TASK)).toMatchObject({ read: 0, status: "done", kind: "incremental" });
    await writeFile(join(folder, "new"), "id,name\n2,B\n");
    await rename(join(folder, "new"), join(folder, "a.csv"));
    expect(await desk.run(TASK)).toMatchObject({ deleted: 1, changed: 1, unchanged: 1 });
    expect(await desk.records("rows")).toMatchObject({ "2": { name: "B" }, "3": { name: "c" } });
  });

  test("[I5] what a source gave lies beside the database, by run, and only the last runs' do", async () => {
    const folder = folderOf({ "a.csv": "id\n1\n" });
    const { readdir } = await import("node:fs/promises");
    const data = folderOf();
    const source = files({ name: "drop", path: join(folder, "a.csv"), key: ["id"] });
    const desk = new Desk(
      { [SPACE]: [{ source, streams: [clean(source.streams[0] as Stream, { collection: "rows" })] }] },
      { folder: data },
    );
    for (let i = 0; i < 7; i++) await desk.run(TASK, { do: "refresh" });
    expect(await readdir(join(data, "ingest", TASK))).toEqual(
      ["3", "4", "5", "6", "7"].map((n) => `${n.padStart(12, "0")}.ndjson.gz`),
    );
  });
});
