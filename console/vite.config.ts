import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  // Served under any prefix: every address is relative to the page.
  base: "./",
  // Also where a test builds it, whose environment says otherwise.
  oxc: { jsx: { runtime: "automatic", development: false } },
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    outDir: here("../dist/console"),
    emptyOutDir: true,
    target: "es2022",
    // A file that is written into another one as data: would need a policy that lets such in.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
});
