import { expect, test } from "vitest";
import { folderOf } from "../support/folder.ts";
import { run } from "./program.ts";

const INDEX = new URL("../../src/ingest/index.ts", import.meta.url).href;

const CONFIG = `
import { clean, files, matching } from ${JSON.stringify(INDEX)};
const match = matching({ exact: ["email"], fields: { given: "name", family: "name", email: "email" } });
const pickup = (name) => {
  const source = files({ name, stream: "people", path: name + ".csv", key: ["id"] });
  return { source, streams: [clean(source.streams[0], { collection: "people", match })] };
};
export default { ingest: { main: [pickup("crm"), pickup("survey")] } };
`;

test("[I8 I24] duplicates: list, show, differences, merge and split over files", async () => {
  const cwd = folderOf({
    "crm.csv": "id,given,family,email\n1,Ada,Lovelace,ada@example.org\n2,Grace,Hopper,\n",
    "survey.csv": "id,given,family,email\n7,A.,King,ADA@example.org\n8,Gracie,Hoper,\n",
    "tidemark.config.ts": CONFIG,
  });
  const tidemark = (...args: string[]) => run(args, { cwd });
  expect(await tidemark("ingest", "run")).toMatchObject({ code: 0, stderr: "" });

  const list = await tidemark("duplicates", "list", "people");
  expect(list.stdout).toMatch(
    /RECORD +RECORD +SCORE +DOUBT +ALIKE\n2 +8 +0\.\d+ +score +given 0\.\d+, family 0\.\d+\n$/,
  );
  const show = await tidemark("duplicates", "show", "people", "1", "--json");
  expect(JSON.parse(show.stdout).entity.members).toEqual(["crm.people/1", "survey.people/7"]);
  const differences = await tidemark("duplicates", "differences", "people");
  expect(differences.stdout).toContain("1 email: another spelling: ada@example.org (crm.people/1)");

  const merged = await tidemark("duplicates", "merge", "people", "2", "8");
  expect(merged.stdout).toMatch(/^people\/8 became part of people\/2, in revision \d+\.\n$/);
  expect((await tidemark("duplicates", "list", "people")).stdout).toBe("Nobody has to be asked about anything.\n");
  const split = await tidemark("duplicates", "split", "people", "2", "--json");
  expect(JSON.parse(split.stdout)).toMatchObject({ records: ["2", "8"] });
  const history = await tidemark("history", "data", "people", "8");
  expect(history.stdout).toContain("ingest:duplicates/people");

  expect(await tidemark("duplicates", "merge", "people", "2")).toMatchObject({ code: 1, stdout: "" });
  expect(await tidemark("duplicates", "list", "orders")).toMatchObject({ code: 1, stdout: "" });
  expect(await tidemark("duplicates", "guess", "people")).toMatchObject({ code: 2, stdout: "" });
});
