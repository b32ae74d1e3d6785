import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { BUGS, type Bug } from "./bugs.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FAST = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** As many hunts at a time as the machines that run this have cores. */
const AT_ONCE = 2;
const found = new Map<Bug, Promise<Hunt>>();

describe("what the tests can find: bugs put into a copy of the sources", { timeout: 600_000 }, () => {
  it.each(BUGS)("[$rule] $name", async (bug) => {
    const hunt = await started(bug);
    expect(hunt.found, `${bug.seeds} seeds of the ${bug.where} found nothing`).toBe(true);
  });
});

/** Starts the hunts for this bug and those that come after it. */
function started(bug: Bug): Promise<Hunt> {
  for (const next of BUGS.slice(BUGS.indexOf(bug)).slice(0, AT_ONCE)) if (!found.has(next)) found.set(next, hunt(next));
  return found.get(bug) as Promise<Hunt>;
}

describe("the list of bugs", () => {
  it("has at least one for each of pull, push, verify and recovery", () => {
    const letters = new Set(BUGS.map(({ rule }) => rule[0]));
    for (const letter of ["P", "W", "V", "R"]) expect(letters).toContain(letter);
    expect(BUGS.length).toBeGreaterThanOrEqual(14);
  });

  it.each(BUGS)("has the place where it goes exactly once: $name", ({ file, find }) => {
    expect(readFileSync(join(ROOT, file), "utf8").split(find).length - 1).toBe(1);
  });

  it("is needed: without a bug the first seeds find nothing", async () => {
    const { found, output } = await hunt({
      where: "simulation",
      seeds: 2,
      file: "src/util/backoff.ts",
      find: "2 **",
      replace: "2 **",
    });
    expect(found, output).toBe(false);
  }, 120_000);
});

interface Hunt {
  readonly found: boolean;
  readonly output: string;
}

/** Runs seeds on a copy of the sources with the bug in it, in a process of its own. */
async function hunt({ where, seeds, file, find, replace }: Omit<Bug, "name" | "rule">): Promise<Hunt> {
  const folder = mkdtempSync(join(FAST, "tidemark-bug-"));
  try {
    cpSync(join(ROOT, "package.json"), join(folder, "package.json"));
    for (const part of ["src", "test/oracle", "test/simulation", "test/support"])
      cpSync(join(ROOT, part), join(folder, part), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const text = readFileSync(join(folder, file), "utf8");
    writeFileSync(
      join(folder, file),
      text.replace(find, () => replace),
    );
    return await run(process.execPath, [join(folder, "test/simulation/hunt.ts"), where, String(seeds)]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Exit code 1 with a seed's line is a find; any other failure is a mistake of the patch. */
function run(command: string, args: readonly string[]): Promise<Hunt> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: 300_000 }, (error, stdout, stderr) => {
      const found = stdout.startsWith("seed ");
      if (error !== null && !found) reject(new Error(`${stdout}${stderr}`.slice(0, 2000)));
      else resolve({ found, output: stdout });
    });
  });
}
