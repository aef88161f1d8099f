// SPDX-License-Identifier: MIT
// The committed bundle is what the sources give, small, and free of what could run foreign text.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const dashboard = fileURLToPath(new URL("../../dashboard/", import.meta.url));
const run = (...command) =>
  execFileSync(process.execPath, command, { cwd: dashboard, stdio: ["ignore", "pipe", "pipe"] });

test("the committed bundle is what vite builds from the sources", () => {
  const folder = mkdtempSync(join(tmpdir(), "notifier-bundle-"));
  run("node_modules/vite/bin/vite.js", "build", "--outDir", folder, "--emptyOutDir");
  for (const file of ["app.js", "app.css"]) {
    const built = readFileSync(join(folder, file), "utf8");
    assert.ok(
      built === readFileSync(join(dashboard, "bundle", file), "utf8"),
      `dashboard/bundle/${file} is stale: npm run build in dashboard/`,
    );
  }
  assert.equal(
    readFileSync(join(dashboard, "index.html"), "utf8"),
    readFileSync(join(dashboard, "bundle", "index.html"), "utf8"),
  );
  rmSync(folder, { recursive: true });
});

test("types hold under tsc --strict", () => {
  run("node_modules/typescript/bin/tsc", "--noEmit");
});

test("perturbations are described as in the harness", () => {
  run("scripts/make_words.mjs", "--check");
});

test("the bundle keeps to its budget: 150 kB, 50 kB compressed", () => {
  const files = readdirSync(join(dashboard, "bundle"));
  const bytes = files.map((file) => readFileSync(join(dashboard, "bundle", file)));
  const size = bytes.reduce((sum, one) => sum + one.length, 0);
  const packed = bytes.reduce((sum, one) => sum + gzipSync(one).length, 0);
  assert.ok(size <= 150_000, `${size} bytes`);
  assert.ok(packed <= 50_000, `${packed} bytes compressed`);
});

test("no source writes text as HTML or runs text as code", () => {
  const sources = readdirSync(join(dashboard, "src"), { recursive: true })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => [file, readFileSync(join(dashboard, "src", file), "utf8")]);
  assert.ok(sources.length > 10);
  const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/;
  for (const [file, text] of sources) assert.doesNotMatch(text, forbidden, file);
});

test("the lock file names no registry host", () => {
  for (const lock of ["package-lock.json", "node-runtime/package-lock.json"]) {
    assert.doesNotMatch(readFileSync(join(dashboard, lock), "utf8"), /"resolved": "http/);
  }
});
