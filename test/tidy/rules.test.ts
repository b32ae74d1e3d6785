// Every rule of docs/spec.md that is in force is named by the title of a test, and no title names a rule that
// does not exist. A title names rules in square brackets: `test("[P1 P2] a delta is consolidated", …)`.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lineOf, ROOT, readSources, type Source, source, visit } from "./source.ts";

const IDS = /\[([A-Z][0-9]+(?: [A-Z][0-9]+)*)\]/g;
const RUNNERS = ["test", "it", "describe", "suite", "skipUnless"];

interface Mention {
  readonly rule: string;
  readonly where: string;
}

const spec = readSpec(readFileSync(join(ROOT, "docs/spec.md"), "utf8"));
const mentions = mentionsIn(
  readSources("src", "test", "examples").filter(
    ({ path }) => path.endsWith(".test.ts") || path.startsWith("src/testing/") || /^test\/(?!tidy)/.test(path),
  ),
);

describe("rules and tests", () => {
  test("every rule in force has a test", () => {
    const tested = new Set(mentions.map(({ rule }) => rule));
    expect(spec.rules.filter((rule) => !spec.notYet.includes(rule) && !tested.has(rule))).toEqual([]);
  });

  test("no test names a rule that does not exist", () => {
    expect(mentions.filter(({ rule }) => !spec.rules.includes(rule))).toEqual([]);
  });

  test("the specification names each rule once, and puts off only rules that exist", () => {
    expect(spec.rules.filter((rule, index) => spec.rules.indexOf(rule) !== index)).toEqual([]);
    expect(spec.notYet.filter((rule) => !spec.rules.includes(rule))).toEqual([]);
  });
});

describe("the check itself", () => {
  test("it reads rules, several in a line, and those put off", () => {
    const text = "Not yet in force:\nA3\nA4\n\n- **A1** First (see **A9**).\n- **A3** `x`, **A4** `y`.\n";
    expect(readSpec(text)).toEqual({ rules: ["A1", "A3", "A4"], notYet: ["A3", "A4"] });
  });

  test("it reads titles of tests, of suites and of cases in a table, and nothing else", () => {
    const text = [
      'test("[M1 M2] one", () => {});',
      "describe.each([1])(`[P5] $" + "{x}`, () => {});",
      'skipUnless(root, "needs root")("a full disk [R5]", async () => {});',
      'export const cases = [{ title: "[W1] per atom", run: (store) => store }];',
      'check("[W2] own writes", async function () {});',
      '// test("[A1] in a comment", () => {});',
      'const other = ["[A2]", call("[A3] no body"), { title: "[A4] no body" }];',
    ].join("\n");
    expect(mentionsIn([source("x.test.ts", text)])).toEqual([
      { rule: "M1", where: "x.test.ts:1" },
      { rule: "M2", where: "x.test.ts:1" },
      { rule: "P5", where: "x.test.ts:2" },
      { rule: "R5", where: "x.test.ts:3" },
      { rule: "W1", where: "x.test.ts:4" },
      { rule: "W2", where: "x.test.ts:5" },
    ]);
  });
});

function readSpec(text: string): { rules: string[]; notYet: string[] } {
  const items = text.split("\n").filter((line) => line.startsWith("- **"));
  // One line may state several rules: `- **H3** …, **H4** …`. A rule in parentheses is only referred to.
  const rules = items.flatMap((line) =>
    [...line.matchAll(/(?<=^- |, )\*\*([A-Z][0-9]+)\*\*/g)].map((match) => String(match[1])),
  );
  const putOff = /^Not yet in force:\n((?:[A-Z0-9 ]+\n)*)/m.exec(text)?.[1] ?? "";
  const notYet = putOff.split(/\s+/).filter((rule) => rule !== "");
  return { rules, notYet };
}

function mentionsIn(files: readonly Source[]): Mention[] {
  return files.flatMap((file) => {
    const found: Mention[] = [];
    const note = (title: string | null, start: number) => {
      for (const match of title?.matchAll(IDS) ?? []) {
        for (const rule of String(match[1]).split(" "))
          found.push({ rule, where: `${file.path}:${lineOf(file, start)}` });
      }
    };
    visit(file, {
      CallExpression(node) {
        const [title, ...rest] = node.arguments;
        const runner = /^[a-zA-Z]+/.exec(file.text.slice(node.callee.start, node.callee.end))?.[0] ?? "";
        if (title && (RUNNERS.includes(runner) || rest.some(isFunction))) note(textOf(title), node.start);
      },
      ObjectExpression(node) {
        const values = node.properties.map((property) => (property.type === "Property" ? property.value : null));
        if (!values.some((value) => value !== null && isFunction(value))) return;
        for (const value of values) if (value !== null) note(textOf(value), value.start);
      },
    });
    return found;
  });
}

interface Node {
  readonly type: string;
}

function isFunction(node: Node): boolean {
  return node.type === "ArrowFunctionExpression" || node.type === "FunctionExpression";
}

function textOf(node: Node & { value?: unknown; quasis?: readonly { value: { raw: string } }[] }): string | null {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : null;
  if (node.type === "TemplateLiteral") return (node.quasis ?? []).map((part) => part.value.raw).join("…");
  return null;
}
