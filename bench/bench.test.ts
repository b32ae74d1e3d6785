import { describe, expect, test } from "vitest";
import { atLeast, atMost, judged, markdown, numberText, type Row, tableOf } from "./figures.ts";
import { decadesOf, lineCharts } from "./growth/svg.ts";
import { isWhole } from "./load.ts";
import { optionsOf } from "./options.ts";
import { selfTimes } from "./profiles.ts";
import { ratioChart } from "./ratios-svg.ts";
import { withSection } from "./section.ts";

const row: Row = { id: "W9", work: "work", unit: "ms", values: [30, 10, 20], floor: [8, 10, 12] };

describe("judging a row", () => {
  test("takes medians, and the ratio of them", () => {
    expect(judged(row)).toMatchObject({ value: { median: 20, least: 10, most: 30 }, ratio: 2, met: null });
  });

  test.each([
    ["at most, of the ratio", atMost(2), true],
    ["at most, of the ratio, missed", atMost(1.9), false],
    ["at least, of the ratio", atLeast(2), true],
    ["at least, of the ratio, missed", atLeast(2.1), false],
    ["at most, of the figure", atMost(20, "value"), true],
    ["at most, of the figure, missed", atMost(19, "value"), false],
  ])("%s", (_, target, met) => {
    expect(judged({ ...row, target })?.met).toBe(met);
  });

  test("says nothing of what has not been measured, and of a ratio without a floor", () => {
    expect(judged({ ...row, values: [] })).toBeNull();
    expect(judged({ ...row, floor: [], target: atMost(2) })).toMatchObject({ floor: null, ratio: null, met: null });
  });
});

describe("the table", () => {
  test("shows what was found beside its target", () => {
    const last = tableOf([{ ...row, target: atMost(1.5), note: "a note" }])
      .split("\n")
      .at(-1);
    expect(last?.split("|").map((cell) => cell.trim())).toEqual([
      "",
      "W9",
      "work",
      "20 (10–30) ms",
      "10",
      "2.00×",
      "≤ 1.50×",
      "**no**",
      "a note",
      "",
    ]);
  });

  test("pads its columns", () => {
    expect(markdown(["a", "long"], [["wider", "b"]])).toBe("| a     | long |\n| ----- | ---- |\n| wider | b    |");
  });

  test("rounds to three digits and sets thousands apart", () => {
    expect([0.456, 12.34, 123.4, 1234.5, 3].map(numberText)).toEqual(["0.46", "12.3", "123", "1,235", "3"]);
  });
});

describe("a section of a document", () => {
  const text = "before\n<!-- own:begin -->\nold\n<!-- own:end -->\nafter\n";

  test("is replaced, and nothing else", () => {
    expect(withSection(text, "own", "new\n")).toBe("before\n<!-- own:begin -->\nnew\n<!-- own:end -->\nafter\n");
  });

  test("must be there", () => {
    expect(() => withSection(text, "other", "new")).toThrow("no section");
  });
});

describe("charts", () => {
  test("an axis runs over whole powers of ten", () => {
    expect(decadesOf([3, 250])).toEqual([1, 10, 100, 1000]);
    expect(decadesOf([1, 10])).toEqual([1, 10]);
  });

  test("a line goes through each of its points", () => {
    const svg = lineCharts([{ title: "records", at: [1, 10], lines: [{ name: "copy", values: [1, 100] }] }]);
    expect(/points="([^"]*)"/.exec(svg)?.[1]).toBe("0,240 250,0");
  });

  test("a bar for each ratio that has a target, and none for the rest", () => {
    const svg = ratioChart([{ ...row, target: atMost(3) }, row, { ...row, values: [] }]);
    expect(svg.match(/<rect/g)).toHaveLength(1);
    expect(svg).toContain("2.00×");
  });
});

describe("options", () => {
  const names = ["W1", "W2"];

  test("several names, in any case", () => {
    expect(optionsOf(["--only", "w1,W2", "--runs", "3"], names)).toMatchObject({ only: ["W1", "W2"], runs: 3 });
  });

  test.each([
    [["--runs", "0"], "--runs 0"],
    [["--runs", "many"], "--runs many"],
    [["--only", "W9"], "--only W9"],
    [["--fast"], "--fast"],
    [["W1"], "W1"],
    [["--write", "--only", "W1"], "--write"],
  ])("%j is refused by name", (args, named) => {
    expect(() => optionsOf(args, names)).toThrow(named);
  });
});

describe("the load", () => {
  test("knows an answer's end, by its length or by its last chunk", () => {
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    expect([head, `${head}{`, `${head}{}`].map(isWhole)).toEqual([false, false, true]);
    const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n";
    expect([chunked, `${chunked}0\r\n\r\n`].map(isWhole)).toEqual([false, true]);
  });
});

describe("a profile", () => {
  test("adds up the samples of each function, the greatest first, idle time left out", () => {
    const frame = (functionName: string) => ({ functionName, url: "file:///x/dist/a.js", lineNumber: 4 });
    const nodes = ["slow", "fast"].map((name, id) => ({ id, callFrame: frame(name) }));
    const idle = { id: 2, callFrame: { functionName: "(idle)", url: "", lineNumber: -1 } };
    const profile = { nodes: [...nodes, idle], samples: [0, 1, 0, 2], timeDeltas: [2000, 1000, 3000, 9000] };
    expect(selfTimes(profile)).toEqual([
      { name: "slow dist/a.js:5", ms: 5 },
      { name: "fast dist/a.js:5", ms: 1 },
    ]);
  });
});
