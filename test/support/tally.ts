// The last word of a test run: `N passed, N failed`. What did not prove anything counts as failed: a
// failed test, a file or hook that threw, an unhandled error, and a test skipped without an accepted reason.
import { readFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";

interface AcceptedSkip {
  readonly reason: string;
  readonly because: string;
}

export default class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[], reason: string): void {
    const accepted = new Set(acceptedSkips().map((skip) => skip.reason));
    const complaints: string[] = [];
    const skipped: string[] = [];
    let passed = 0;

    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const suite of [module, ...module.children.allSuites()]) {
        for (const error of suite.errors()) complaints.push(`${place(suite)}: ${error.message}`);
      }
      if (tests.length === 0 && module.errors().length === 0) complaints.push(`${place(module)}: holds no test`);
      for (const test of tests) {
        const result = test.result();
        const note = result.state === "skipped" ? result.note : undefined;
        if (result.state === "passed") passed++;
        else if (note !== undefined && accepted.has(note)) skipped.push(note);
        else complaints.push(`${place(test)}: ${described(result.state, note)}`);
      }
    }
    for (const error of unhandled) complaints.push(`unhandled: ${messageOf(error)}`);
    if (passed === 0 && complaints.length === 0) complaints.push("no test ran");
    if (reason === "interrupted" && complaints.length === 0) complaints.push("the run was interrupted");

    if (complaints.length > 0) process.exitCode = 1;
    // Vitest prints its own summary from the same hook, so the tally waits for the very end.
    process.on("exit", () => {
      for (const complaint of complaints) console.log(`failed: ${complaint}`);
      for (const [why, times] of counted(skipped)) console.log(`skipped ${times}: ${why}`);
      console.log(`${passed} passed, ${complaints.length} failed`);
    });
  }
}

function acceptedSkips(): AcceptedSkip[] {
  return JSON.parse(readFileSync(new URL("../skips.json", import.meta.url), "utf8"));
}

function place(entity: TestModule | TestSuite | TestCase): string {
  if (entity.type === "module") return entity.relativeModuleId;
  return `${entity.module.relativeModuleId} > ${entity.fullName}`;
}

function described(state: string, note: string | undefined): string {
  if (state === "failed") return "failed";
  if (note === undefined) return `${state} without a reason`;
  return `skipped, and "${note}" is not in test/skips.json`;
}

function messageOf(error: unknown): string {
  return error instanceof Error || (typeof error === "object" && error !== null && "message" in error)
    ? String(error.message)
    : String(error);
}

function counted(reasons: readonly string[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const reason of reasons) times.set(reason, (times.get(reason) ?? 0) + 1);
  return times;
}
