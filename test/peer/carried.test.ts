// A bootstrap by file (S8): what no line would carry comes on a disk, and the link goes on from there.
import { appendFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run, serve } from "../cli/program.ts";
import { folderOf } from "../support/folder.ts";
import { SiteProcess } from "./site-process.ts";

const RECORDS = 3_000;

async function filled() {
  const above = await SiteProcess.of();
  await above.start();
  const csv = join(folderOf(), "things.csv");
  const text = (n: number) => `${n}`.repeat(400).slice(0, 400);
  writeFileSync(csv, `id,text\n${Array.from({ length: RECORDS }, (_, n) => `t${n},${text(n)}`).join("\n")}\n`);
  expect(await run(["import", csv, above.url, "--into", "things"])).toMatchObject({ code: 0 });
  const file = join(folderOf(), "copy");
  const exported = () => run(["export", above.url, file]);
  const config = { links: { main: { up: { url: above.url, direction: "both" } } } };
  const below = folderOf({ "tidemark.config.ts": `export default ${JSON.stringify(config)};` });
  const imported = (name = file) => run(["import", name, "data", "--link", "up"], { cwd: below });
  return { above, file, exported, below, imported };
}

async function headOf(url: string) {
  const { revision, scopes } = (await (await fetch(`${url}/v1/spaces/main?scope=*`)).json()) as {
    revision: number;
    scopes: { "*": { count: number; digest: string } };
  };
  return { revision, ...scopes["*"] };
}

test("[S8] [S15] a link begins with a file, also when it is imported twice, and goes on with deltas alone", async () => {
  const { above, file, exported, below, imported } = await filled();
  expect(await exported()).toMatchObject({ code: 0, stdout: `${file}: ${RECORDS} records of * at revision 6\n` });
  await above.write("late", { op: "insert", collection: "things", record: { id: "late" } });
  const first = await imported();
  expect(first).toMatchObject({
    code: 0,
    stdout: "up is complete to revision 6 of upstream, and goes on from there.\n",
  });
  expect(await imported()).toMatchObject({ code: 1, stderr: expect.stringContaining("and needs no copy") });
  const server = await serve(below);
  while ((await headOf(server.url)).count <= RECORDS);
  expect((await headOf(server.url)).digest).toBe((await headOf(above.url)).digest);
  // The delta of one record, and no second copy.
  const journal = (await (await fetch(`${server.url}/v1/spaces/main/journal?since=0&limit=100`)).json()) as {
    entries: { author: { mutation: number }; changes: unknown[] }[];
  };
  const all = journal.entries.map(({ author, changes }) => [author.mutation, changes.length] as const);
  expect(all.at(-1)).toEqual([7, 1]);
  expect(new Set(all.slice(0, -1).map(([origin]) => origin))).toEqual(new Set([6]));
  expect(all.slice(0, -1).reduce((sum, [, changes]) => sum + changes, 0)).toBe(RECORDS);
  await run(["edit", server.url, "things", "below", "n=1"]);
  while ((await headOf(above.url)).count <= RECORDS + 1);
}, 120_000);

test("[S8] [S15] a file with a wrong byte, or without its end, changes nothing", async () => {
  const { file, exported, imported } = await filled();
  await exported();
  const whole = readFileSync(file);
  const wrong = Buffer.from(whole);
  wrong[wrong.length >> 1] = (wrong[wrong.length >> 1] as number) ^ 1;
  writeFileSync(`${file}.wrong`, wrong);
  expect(await imported(`${file}.wrong`)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("not a whole copy"),
  });
  writeFileSync(`${file}.short`, whole.subarray(0, whole.length >> 1));
  expect(await imported(`${file}.short`)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("not a whole copy"),
  });
  expect(await imported()).toMatchObject({ code: 0 });
}, 120_000);

test("[S8] [S15] an export that was broken off goes on behind its last mark", async () => {
  const { above, file, exported, imported, below } = await filled();
  await exported();
  const text = readFileSync(file, "utf8");
  const mark = text.indexOf('{"op":"mark"');
  expect(mark).toBeGreaterThan(0);
  renameSync(file, `${file}.part`);
  truncateSync(`${file}.part`, text.indexOf("\n", mark) + 1);
  appendFileSync(`${file}.part`, '{"op":"put","coll');
  expect(await exported()).toMatchObject({ code: 0, stdout: expect.stringContaining(`${RECORDS} records`) });
  const again = readFileSync(file, "utf8");
  expect(again.slice(0, mark)).toBe(text.slice(0, mark));
  expect(again.match(/"id":"t1"/g)).toHaveLength(1);
  expect(await imported()).toMatchObject({ code: 0 });
  const server = await serve(below);
  expect((await headOf(server.url)).digest).toBe((await headOf(above.url)).digest);
}, 120_000);
