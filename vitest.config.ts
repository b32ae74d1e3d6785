import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Tests import `tidemark/*` as users do and get the source: each alias is an entry of "exports".
const exported: Record<string, { default?: string }> = JSON.parse(readFileSync(here("package.json"), "utf8")).exports;
const alias = Object.entries(exported)
  .filter(([, target]) => target.default !== undefined)
  .map(([name, target]) => ({
    find: new RegExp(`^tidemark${name.slice(1)}$`),
    replacement: here(String(target.default).replace("./dist/", "./src/").replace(/\.js$/, ".ts")),
  }));

export default defineConfig({
  resolve: { alias },
  test: {
    include: ["{src,test,examples,bench}/**/*.test.ts"],
    reporters: ["default", here("test/support/tally.ts")],
    globalSetup: here("test/support/postgres-setup.ts"),
    pool: "forks",
    // On two cores vitest would take one: a test that waits for a process would keep all others waiting.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: process.env["TIDEMARK_LONG"] ? 900_000 : 120_000,
    hookTimeout: 60_000,
  },
});
