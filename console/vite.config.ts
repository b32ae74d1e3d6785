import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  // Served under any prefix: every address is relative to the page.
  base: "./",
  plugins: [react()],
  // Also where a test builds it, whose environment says otherwise.
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
