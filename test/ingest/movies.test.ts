import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { type CleanOptions, clean, date, files, range, required, type Stream, string } from "../../src/ingest/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Store } from "../../src/store/store.ts";
import { Desk, SPACE } from "./support.ts";

const MOVIES = fileURLToPath(new URL("../../node_modules/vega-datasets/data/movies.json", import.meta.url));
const TASK = "vega.movies";

const schema = z.looseObject({ Title: z.string(), Release_Date: z.iso.date() });
const strict: CleanOptions = {
  collection: "movies",
  normalise: { Release_Date: date(["MMM dd yyyy"]) },
  schema,
  check: [required("Title"), range("Release_Date", { max: "2016-12-31" })],
};
/** The rules as corrected: numbers are titles, too, and years of two digits had been taken for those of this century. */
const corrected: CleanOptions = {
  ...strict,
  normalise: { Title: string(), Release_Date: date(["MMM dd yyyy"], { pivot: 2016, repairCentury: true }) },
};

function desk(store: Store, options: CleanOptions): Desk {
  const source = files({ name: "vega", stream: "movies", path: MOVIES, key: "position" });
  return new Desk({ [SPACE]: [{ source, streams: [clean(source.streams[0] as Stream, options)] }] }, { store });
}

describe("real dirty data: 3,201 movies", () => {
  test("[I6 I5] numeric titles and future dates are in quarantine with reasons; a corrected rule brings them in, once", async () => {
    const store = openSqliteStore({ path: ":memory:" });
    onTestFinished(() => store.close());
    const before = desk(store, strict);
    expect(await before.run(TASK)).toMatchObject({ status: "done", read: 3_201, rejected: 29, added: 3_172 });
    const items = await before.items(TASK);
    const future = items.filter(({ code }) => code === "range");
    expect(future).toHaveLength(19);
    expect(future.map(({ value, message }) => [value?.["Release Date"], message])).toContainEqual([
      "Mar 09 2033",
      '"2033-03-09" lies above 2016-12-31',
    ]);
    const titles = items.filter(({ path }) => path === "Title");
    expect(titles.map(({ value }) => value?.["Title"])).toEqual(expect.arrayContaining([1776, 1941, 2012, 9, null]));
    expect(titles).toHaveLength(10);

    const after = desk(store, corrected);
    expect(await after.ingest.replay(SPACE, TASK)).toMatchObject({ added: 28, rejected: 1 });
    const records = Object.values(await after.records("movies"));
    expect(records).toHaveLength(3_200);
    expect(records.filter(({ Title }) => Title === "1776" || Title === "42nd Street")).toMatchObject([
      { Release_Date: expect.any(String) },
      { Release_Date: "1933-03-09" },
    ]);
    expect(await after.items(TASK)).toMatchObject([{ code: "schema", path: "Title", value: { Title: null } }]);

    const revision = await after.revision();
    expect(await after.ingest.replay(SPACE, TASK)).toMatchObject({ added: 0, changed: 0, rejected: 1 });
    expect(await after.revision()).toBe(revision);
    expect(Object.values(await after.records("movies"))).toEqual(records);
  }, 60_000);
});
