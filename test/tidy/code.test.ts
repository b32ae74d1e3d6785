// Habits of the code that no compiler checks.
import { describe, expect, test } from "vitest";
import { folderOf, isTest, lineOf, readSources, type Source, source, visit } from "./source.ts";

const LONGEST = 400;
const TIMELESS = ["model", "wire", "server", "client"];
const TIMERS = ["setTimeout", "setInterval"];

const everything = readSources("src", "console", "test", "examples", "bench");
const product = everything.filter((file) => file.path.startsWith("src/") && !isTest(file.path));

describe("files stay short", () => {
  test(`no source file has more than ${LONGEST} lines`, () => expect(tooLong(product)).toEqual([]));

  test("the check finds a long file", () => {
    expect(tooLong([source("src/model/a.ts", "1;\n".repeat(LONGEST + 1))])).toEqual(["src/model/a.ts: 401 lines"]);
    expect(tooLong([source("src/model/a.ts", "1;\n".repeat(LONGEST))])).toEqual([]);
  });
});

describe("time and chance are passed in", () => {
  test("model, wire, server and client read no clock and throw no dice", () =>
    expect(hiddenInputs(product)).toEqual([]));

  test("the check finds them, and leaves a clock's own methods alone", () => {
    const text = [
      "const a = Date.now();",
      "const b = Math.random();",
      "const c = new Date();",
      "setTimeout(() => a, 5);",
      "const later = globalThis.setInterval;",
      "const fine = [new Date(a), clock.setTimeout(b), { setTimeout: 1 }, c]; // Date.now()",
    ].join("\n");
    expect(hiddenInputs([source("src/server/a.ts", text)])).toEqual([
      "src/server/a.ts:1: Date.now",
      "src/server/a.ts:2: Math.random",
      "src/server/a.ts:3: new Date()",
      "src/server/a.ts:4: setTimeout",
      "src/server/a.ts:5: setInterval",
    ]);
    expect(hiddenInputs([source("src/util/a.ts", text)])).toEqual([]);
  });
});

describe("nothing is switched off", () => {
  test("no test is run alone", () => expect(onlys(everything)).toEqual([]));
  test("no type is silenced", () => expect(silenced(everything)).toEqual([]));

  test("the checks find both", () => {
    const text = ["test.only('x', f);", "describe.skip.only('y', f);", "const z = y as any;", "// @ts-ignore: x"].join(
      "\n",
    );
    const broken = [source("src/model/a.test.ts", `${text}\nlist.filter(a.only);`)];
    expect(onlys(broken)).toEqual(["src/model/a.test.ts:1: .only", "src/model/a.test.ts:2: .only"]);
    expect(silenced(broken)).toEqual(["src/model/a.test.ts:3: as any", "src/model/a.test.ts:4: @ts-ignore"]);
  });
});

function tooLong(files: readonly Source[]): string[] {
  return files.flatMap((file) => {
    const lines = file.text.replace(/\n$/, "").split("\n").length;
    return lines > LONGEST ? [`${file.path}: ${lines} lines`] : [];
  });
}

function hiddenInputs(files: readonly Source[]): string[] {
  return files
    .filter((file) => TIMELESS.includes(folderOf(file.path)))
    .flatMap((file) => {
      const found: string[] = [];
      const note = (node: { start: number }, what: string) =>
        found.push(`${file.path}:${lineOf(file, node.start)}: ${what}`);
      visit(file, {
        MemberExpression(node) {
          if (node.object.type !== "Identifier" || node.property.type !== "Identifier" || node.computed) return;
          const name = `${node.object.name}.${node.property.name}`;
          if (name === "Date.now" || name === "Math.random") note(node, name);
          if (node.object.name === "globalThis" && TIMERS.includes(node.property.name)) note(node, node.property.name);
        },
        NewExpression(node) {
          if (node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length === 0)
            note(node, "new Date()");
        },
        CallExpression(node) {
          if (node.callee.type === "Identifier" && TIMERS.includes(node.callee.name)) note(node, node.callee.name);
        },
      });
      return found;
    });
}

function onlys(files: readonly Source[]): string[] {
  return files.flatMap((file) => {
    const found: string[] = [];
    visit(file, {
      MemberExpression(node) {
        const only = node.property.type === "Identifier" && node.property.name === "only" && !node.computed;
        const runner = /^(test|it|describe|suite|bench)\b/.test(file.text.slice(node.start, node.end));
        if (only && runner) found.push(`${file.path}:${lineOf(file, node.start)}: .only`);
      },
    });
    return found;
  });
}

function silenced(files: readonly Source[]): string[] {
  return files.flatMap((file) => {
    const found: string[] = [];
    visit(file, {
      TSAsExpression(node) {
        if (node.typeAnnotation.type === "TSAnyKeyword") found.push(`${file.path}:${lineOf(file, node.start)}: as any`);
      },
    });
    for (const comment of file.parsed.comments) {
      const directive = /^[\s*]*(@ts-ignore|@ts-nocheck)\b/.exec(comment.value)?.[1];
      if (directive) found.push(`${file.path}:${lineOf(file, comment.start)}: ${directive}`);
    }
    return found;
  });
}
