import { describe, expect, test } from "vitest";
import { folderOf } from "../support/folder.ts";
import { CONFIG, reached, run, serve, start } from "./program.ts";

const CHECKED = `
import { collection, defineConfig } from "tidemark/server";
import { z } from "zod";
export default defineConfig({
  collections: { things: collection({ schema: z.object({ id: z.string(), n: z.number() }) }) },
});
`;

const things = (cwd: string, file: string, ...more: string[]) =>
  run(["import", file, "data", "--into", "things", ...more], { cwd });

test("[D6] a second run changes nothing and says so; other values are written, atom by atom", async () => {
  const cwd = folderOf({
    "tidemark.config.ts": CONFIG,
    "1.csv": "id,color,size\na,red,1\nb,blue,2\n",
    "2.csv": "id,color\nb,green\nc,white\n",
  });
  expect((await things(cwd, "1.csv")).stdout).toBe("2 inserted, 0 changed, 0 unchanged, 0 refused in things\n");
  expect((await things(cwd, "1.csv")).stdout).toBe("0 inserted, 0 changed, 2 unchanged, 0 refused in things\n");
  expect(JSON.parse((await run(["head", "data", "--json"], { cwd })).stdout).revision).toBe(1);
  expect((await things(cwd, "2.csv")).stdout).toBe("1 inserted, 1 changed, 0 unchanged, 0 refused in things\n");
  const pulled = await run(["pull", "data"], { cwd });
  expect(pulled.stdout).toContain('{"color":"green","id":"b","size":"2"}');
});

test("[D6] bad rows are told by file and line, and the others come in all the same", async () => {
  const cwd = folderOf({
    "tidemark.config.ts": CHECKED,
    "rows.csv": "id,n\na,1\nb,one\n,3\nd\ne,5\nf,\n",
  });
  const { code, stdout, stderr } = await things(cwd, "rows.csv", "--parse", "n");
  expect(stderr.trim().split("\n")).toEqual([
    'rows.csv:3: n holds "one": not JSON',
    "rows.csv:4: id is missing: every record needs an id",
    "rows.csv:5: the header has 2 columns, and this row has 1",
    expect.stringMatching(/^rows\.csv:7: n: .*expected number/),
  ]);
  expect(stdout).toBe("2 inserted, 0 changed, 0 unchanged, 4 refused in things\n");
  expect(code).toBe(1);
});

test("[D6] what somebody wrote before is overwritten by the file; the base is the head when the import began", async () => {
  const cwd = folderOf({ "tidemark.config.ts": CONFIG, "1.ndjson": '{"id":"a","n":1}' });
  const server = await serve(cwd);
  const writes = [{ op: "insert", collection: "things", record: { id: "a", n: 5 } }];
  const body = JSON.stringify({ client: "somebody", mutations: [{ id: 1, base: 0, writes }] });
  const headers = { "content-type": "application/json" };
  await fetch(`${server.url}/v1/spaces/main/push`, { method: "POST", body, headers });
  const { stdout } = await run(["import", "1.ndjson", server.url, "--into", "things"], { cwd });
  expect(stdout).toBe("0 inserted, 1 changed, 0 unchanged, 0 refused in things\n");
});

test("[D6] two imports at the same time take nothing from each other", async () => {
  const rows = (name: string) => Array.from({ length: 3_000 }, (_, i) => `{"id":"${name}${i}"}`).join("\n");
  const cwd = folderOf({ "tidemark.config.ts": CONFIG, "a.ndjson": rows("a"), "b.ndjson": rows("b") });
  const server = await serve(cwd);
  const both = ["a.ndjson", "b.ndjson"].map((file) =>
    run(["import", file, server.url, "--into", "things", "--json"], { cwd }),
  );
  for (const { stdout } of await Promise.all(both))
    expect(JSON.parse(stdout)).toMatchObject({ inserted: 3_000, refused: 0 });
});

test("[D6] it reads standard input, TSV, and a JSON array", async () => {
  const cwd = folderOf({ "tidemark.config.ts": CONFIG, "t.tsv": "code\tcolor\n1\tred\n", "a.json": '[{"id":"2"}]' });
  const args = ["import", "-", "data", "--into", "things", "--format", "ndjson"];
  expect((await run(args, { cwd, input: '{"id":"0"}\n' })).stdout).toMatch(/^1 inserted/);
  expect((await things(cwd, "t.tsv", "--id", "code")).stdout).toMatch(/^1 inserted/);
  expect((await things(cwd, "a.json")).stdout).toMatch(/^1 inserted/);
  const { stdout } = await run(["pull", "data"], { cwd });
  expect(stdout).toContain('[{"id":"0"},{"color":"red","id":"1"},{"id":"2"}]');
});

describe("[D6 D3] a file that will not do is refused whole", () => {
  test.each([
    { name: "x.csv", text: "name\na\n", code: 2, says: /has no column id: .*--id.*There are: name/ },
    { name: "x.csv", text: "id,a,a\n1,2,3\n", code: 2, says: /two columns a/ },
    { name: "x.csv", text: "id,my size\n1,2\n", code: 2, says: /"my size" must be renamed/ },
    { name: "x.json", text: '{"id":"a"}', code: 1, says: /x\.json:1: a JSON file holds one array/ },
    { name: "x.csv", text: "", code: 1, says: /x\.csv:1: the file is empty/ },
  ])("$text", async ({ name, text, code, says }) => {
    const ended = await things(folderOf({ "tidemark.config.ts": CONFIG, [name]: text }), name);
    expect(ended.stderr).toMatch(says);
    expect(ended.code).toBe(code);
  });

  test("one that is not there", async () => {
    const { code, stderr } = await things(folderOf({ "tidemark.config.ts": CONFIG }), "none.csv");
    expect([code, stderr]).toEqual([1, "tidemark: none.csv does not exist.\n"]);
  });

  test("a collection that is not configured", async () => {
    const cwd = folderOf({ "tidemark.config.ts": CONFIG, "x.csv": "id\na\n" });
    const { code, stderr } = await run(["import", "x.csv", "data", "--into", "others"], { cwd });
    expect(stderr).toMatch(/refuses the import: .*others/);
    expect(code).toBe(1);
  });
});

test("[D6] SIGTERM ends it between two transactions; run again, it goes on", async () => {
  const rows = Array.from({ length: 50_000 }, (_, i) => `{"id":"r${i}"}`).join("\n");
  const cwd = folderOf({ "tidemark.config.ts": CONFIG, "rows.ndjson": rows });
  const server = await serve(cwd);
  const importing = start(["import", "rows.ndjson", server.url, "--into", "things", "--json"], { cwd });
  await reached(server.url, 3);
  const stopped = await importing.stop();
  const { inserted, complete } = JSON.parse(stopped.stdout);
  expect([stopped.code, complete]).toEqual([1, false]);
  const again = await run(["import", "rows.ndjson", server.url, "--into", "things", "--json"], { cwd });
  expect(JSON.parse(again.stdout)).toMatchObject({ inserted: 50_000 - inserted, unchanged: inserted, complete: true });
});
