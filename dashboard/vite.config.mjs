// One classic script and one style sheet: a page opened from file:// may not load modules.
import { copyFileSync } from "node:fs";
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    outDir: "bundle",
    emptyOutDir: true,
    target: "es2022",
    lib: {
      entry: "src/main.ts",
      name: "notifierDashboard",
      formats: ["iife"],
      fileName: () => "app.js",
      cssFileName: "app",
    },
  },
  plugins: [{ name: "page", closeBundle: () => copyFileSync("index.html", "bundle/index.html") }],
});
