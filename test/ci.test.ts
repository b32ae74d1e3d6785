// What stands around the tests: the tally that ends a run, .ci/run, and the step that installs.
import { spawnSync } from "node:child_process";
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { folderOf } from "./support/folder.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

describe("the tally of a test run", () => {
  const passing = 'import { test } from "vitest"; test("passes", () => {});';

  test("what passes, and what is skipped for an accepted reason, is fine", () => {
    const { status, last } = runVitest({
      "a.test.ts": `${passing} test("rests", (context) => context.skip("needs root"));`,
    });
    expect(last).toBe("1 passed, 0 failed");
    expect(status).toBe(0);
  });

  test.each([
    ["a failed test", 'test("x", () => { throw new Error("no"); });'],
    ["a test skipped without a reason", 'test.skip("x", () => {});'],
    ["a test skipped for a reason that is not accepted", 'test("x", (context) => context.skip("not today"));'],
    ["a test that is only planned", 'test.todo("x");'],
    ["an unhandled error", 'test("y", () => { Promise.reject(new Error("lost")); });', 2],
    ["a hook that throws", 'import { afterAll } from "vitest"; afterAll(() => { throw new Error("no"); });'],
  ])("%s counts as failed", (_, text, passed = 1) => {
    const { status, last } = runVitest({ "a.test.ts": `${passing}\n${text}` });
    expect(last).toBe(`${passed} passed, 1 failed`);
    expect(status).toBe(1);
  });

  test.each([
    ["a file that cannot be imported", 'import "./nowhere.ts";'],
    ["a file that cannot be parsed", "const = ;"],
    ["a file without a test", "export const a = 1;"],
  ])("%s counts as failed", (_, text) => {
    const { status, last } = runVitest({ "a.test.ts": passing, "b.test.ts": text });
    expect(last).toBe("1 passed, 1 failed");
    expect(status).toBe(1);
  });
});

describe(".ci/run", () => {
  const npm = (test: string, lint: string) =>
    `#!/bin/sh\ncase "$*" in test) ${test};; "run lint") ${lint};; "run types"|"run build") :;; *) exit 9;; esac\n`;

  test.each([
    ["all is well", npm("echo 5 passed, 0 failed", ":"), "8 passed, 0 failed", 0],
    ["a test failed", npm("echo 5 passed, 2 failed; exit 1", ":"), "8 passed, 2 failed", 1],
    ["lint failed", npm("echo 5 passed, 0 failed", "exit 1"), "7 passed, 1 failed", 1],
    ["the tests ended without a count", npm("exit 1", ":"), "3 passed, 1 failed", 1],
    ["the tests counted no failure, but failed", npm("echo 5 passed, 0 failed; exit 3", ":"), "8 passed, 1 failed", 1],
  ])("counts everything: %s", (_, fakeNpm, expected, code) => {
    const folder = folderOf({ "bin/npm": fakeNpm });
    mkdirSync(join(folder, ".ci"));
    copyFileSync(join(root, ".ci/run"), join(folder, ".ci/run"));
    const { status, stdout } = spawnSync("bash", [join(folder, ".ci/run")], {
      encoding: "utf8",
      env: { ...process.env, PATH: `${folder}/bin:/usr/bin:/bin` },
    });
    expect(stdout.trimEnd().split("\n").at(-1)).toBe(expected);
    expect(status).toBe(code);
  });
});

describe("the step that installs", () => {
  test("installs where nothing is, where the lockfile is newer, and otherwise stays silent", () => {
    const folder = folderOf({
      "package-lock.json": "{}",
      "bin/npm": '#!/bin/sh\nmkdir -p node_modules && echo "$1" >> node_modules/log\n',
    });
    mkdirSync(join(folder, "scripts"));
    copyFileSync(join(root, "scripts/ensure.mjs"), join(folder, "scripts/ensure.mjs"));
    const ensure = () => {
      const { status, stderr } = spawnSync(process.execPath, [join(folder, "scripts/ensure.mjs")], {
        encoding: "utf8",
        env: { PATH: `${folder}/bin:/usr/bin:/bin` },
      });
      expect(status).toBe(0);
      return stderr;
    };
    expect(ensure()).toMatch(/^The packages are not installed yet; running npm ci.*\n$/);
    expect(ensure()).toBe("");
    appendFileSync(join(folder, "package-lock.json"), "\n");
    expect(ensure()).toMatch(/^The installed packages are older than package-lock\.json; .*\n$/);
    expect(ensure()).toBe("");
    expect(readFileSync(join(folder, "node_modules/log"), "utf8")).toBe("ci\nci\n");
  });

  test("ends with npm's exit code where npm fails, and tries again the next time", () => {
    const folder = folderOf({ "package-lock.json": "{}", "bin/npm": "#!/bin/sh\nmkdir -p node_modules; exit 3\n" });
    mkdirSync(join(folder, "scripts"));
    copyFileSync(join(root, "scripts/ensure.mjs"), join(folder, "scripts/ensure.mjs"));
    for (let attempt = 0; attempt < 2; attempt++) {
      const { status } = spawnSync(process.execPath, [join(folder, "scripts/ensure.mjs")], {
        env: { PATH: `${folder}/bin:/usr/bin:/bin` },
      });
      expect(status).toBe(3);
    }
    expect(existsSync(join(folder, "node_modules/.tidemark-installed"))).toBe(false);
  });
});

/** Runs vitest with the project's tally over these files, in a folder of their own. */
function runVitest(files: Record<string, string>) {
  const folder = folderOf(files);
  for (const name of ["support/tally.ts", "skips.json"]) {
    mkdirSync(dirname(join(folder, "test", name)), { recursive: true });
    copyFileSync(join(root, "test", name), join(folder, "test", name));
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { status, stdout } = spawnSync(
    join(root, "node_modules/.bin/vitest"),
    ["run", "--root", folder, "--reporter=default", `--reporter=${folder}/test/support/tally.ts`],
    { encoding: "utf8", cwd: folder, env },
  );
  return { status, last: stdout.trimEnd().split("\n").at(-1) };
}
