import { describe, expect, test } from "vitest";
import { csvRows } from "./csv.ts";
import { arrayRows, ndjsonRows } from "./json.ts";
import { recordOf } from "./record.ts";
import type { Row } from "./rows.ts";

/** The text in pieces of a few characters, so that everything falls on a border once. */
async function* pieces(text: string, size = 3): AsyncGenerator<string> {
  for (let i = 0; i < text.length; i += size) yield text.slice(i, i + size);
}

async function all(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

const csv = (text: string, parsed: ReadonlySet<string> | "all" = new Set()) =>
  all(csvRows(pieces(text), { delimiter: ",", parsed, header: () => {} }));

describe("[D6] CSV", () => {
  test("cells are text, empty ones are absent, and a byte order mark is none of the data", async () => {
    expect(await csv("\uFEFFid,zip\na,01234\nb,\n")).toEqual([
      { line: 2, data: { id: "a", zip: "01234" } },
      { line: 3, data: { id: "b", zip: null } },
    ]);
  });

  test("named columns hold JSON; what is not JSON there is refused", async () => {
    expect(await csv('id,n\na,1.5\nb,"[1,2]"\nc,null\nd,one\n', new Set(["n"]))).toEqual([
      { line: 2, data: { id: "a", n: 1.5 } },
      { line: 3, data: { id: "b", n: [1, 2] } },
      { line: 4, data: { id: "c", n: null } },
      { line: 5, reason: 'n holds "one": not JSON' },
    ]);
  });

  test("with * all that is JSON is taken as JSON, and the rest as text", async () => {
    expect(await csv("id,n\na,01\nb,true\n", "all")).toEqual([
      { line: 2, data: { id: "a", n: "01" } },
      { line: 3, data: { id: "b", n: true } },
    ]);
  });

  test("lines are counted through quoted line breaks, empty lines and Windows' line ends", async () => {
    expect(await csv('id,t\r\na,"x\r\ny"\r\n\r\n\r\nb\r\nc,z\r\n')).toEqual([
      { line: 2, data: { id: "a", t: "x\r\ny" } },
      { line: 6, reason: "the header has 2 columns, and this row has 1" },
      { line: 7, data: { id: "c", t: "z" } },
    ]);
  });

  test("a quote in the wrong place is a bad row, not the end", async () => {
    const [first, second] = await csv('id,t\na,x"y"\nb,z\n');
    expect(first).toMatchObject({ line: 2, reason: expect.stringContaining("Quote") });
    expect(second).toEqual({ line: 3, data: { id: "b", t: "z" } });
  });

  test("an empty file is said to be empty", async () => {
    await expect(csv("")).rejects.toMatchObject({ line: 1, message: expect.stringContaining("header row") });
  });
});

describe("[D6] a JSON array", () => {
  test("its items come one by one, whatever brackets and quotes they hold", async () => {
    expect(await all(arrayRows(pieces('[\n {"id":"a,]\\"","x":[1,{}]},\n\n {"id":\n"b"} ]\n')))).toEqual([
      { line: 2, data: { id: 'a,]"', x: [1, {}] } },
      { line: 4, data: { id: "b" } },
    ]);
    expect(await all(arrayRows(pieces(" [] ")))).toEqual([]);
  });

  test("what is no object is a bad row", async () => {
    expect(await all(arrayRows(pieces('[5,\n{"a":},\n{"id":"b"}]')))).toEqual([
      { line: 1, reason: "a record is a JSON object" },
      { line: 2, reason: expect.stringContaining("this is not JSON") },
      { line: 3, data: { id: "b" } },
    ]);
  });

  test.each([
    ["", /empty/],
    ['{"id":"a"}', /one array.*ndjson/],
    ['[{"id":"a"}', /ends before/],
    ["[] []", /behind the end/],
  ])("%s is not one", async (text, reason) => {
    await expect(all(arrayRows(pieces(text)))).rejects.toThrow(reason);
  });
});

test("[D6] NDJSON: a record a line, and a bad line harms no other", async () => {
  expect(await all(ndjsonRows(pieces('{"id":"a"}\n\n{"id"\r\n[1]\n{"id":"b"}')))).toEqual([
    { line: 1, data: { id: "a" } },
    { line: 3, reason: expect.stringContaining("this is not JSON") },
    { line: 4, reason: "a record is a JSON object" },
    { line: 5, data: { id: "b" } },
  ]);
});

describe("[D6 M7] a row becomes a record", () => {
  const record = (data: object, id = "id") => recordOf({ line: 7, data: data as never }, id);

  test("by the column that is its id; a whole number is one as its digits", () => {
    expect(record({ code: 12, name: "x" }, "code")).toEqual({ line: 7, record: { id: "12", name: "x" } });
  });

  test.each([
    [{ name: "x" }, "id is missing: every record needs an id"],
    [{ id: "" }, 'id is "", and an id has 1 to 256 bytes of UTF-8'],
    [{ id: true }, "id is true, and an id is a string"],
    [{ id: "a", "two words": 1 }, expect.stringContaining('"two words" cannot be an atom')],
    [JSON.parse('{"id":"a","__proto__":1}'), expect.stringContaining("reserved")],
    [{ id: "a", text: "\ud800" }, "text: a string holds no lone surrogates"],
  ])("or is refused: %j", (data, reason) => {
    expect(record(data)).toEqual({ line: 7, reason });
  });

  test("not with two ids", () => {
    expect(record({ id: "a", code: "b" }, "code")).toEqual({ line: 7, reason: "the row has both code and id" });
  });
});
