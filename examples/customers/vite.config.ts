import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  publicDir: "app/public",
  // A second copy of one of these would be a second world: hooks of the one know nothing of the other.
  resolve: { dedupe: ["react", "react-dom"] },
  build: { target: "es2023", chunkSizeWarningLimit: 1_000 },
});
