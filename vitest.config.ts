import { readFileSync } from "node:fs";
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
    pool: "forks",
    testTimeout: process.env["TIDEMARK_LONG"] ? 900_000 : 60_000,
    hookTimeout: 60_000,
  },
});
