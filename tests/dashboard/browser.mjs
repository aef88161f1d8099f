// SPDX-License-Identifier: MIT
// What the browser tests share: Debian's Chromium, a static server on loopback, and pages that
// report every error and every request that leaves their origin.
import { createServer } from "node:http";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join, normalize, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const require = createRequire(
  fileURLToPath(new URL("../../dashboard/package.json", import.meta.url)),
);
const { chromium } = require("playwright-core");
export const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

export async function serve(folder) {
  const root = resolve(folder);
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
    try {
      const bytes = readFileSync(join(root, path === "/" ? "/index.html" : path));
      response.writeHead(200, { "content-type": types[extname(path)] ?? "text/html" });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

export const fileUrl = (folder) => pathToFileURL(join(resolve(folder), "index.html")).href;

export async function launch() {
  const profile = mkdtempSync(join(tmpdir(), "notifier-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    viewport: { width: 1280, height: 900 },
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  return {
    context,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** A page whose `trouble` lists errors of the console and requests to anywhere but `origin`. */
export async function openPage(browser, url) {
  const page = await browser.context.newPage();
  const trouble = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") trouble.push(message.text());
  });
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("requestfailed", (request) => trouble.push(`failed: ${request.url()}`));
  const base = url.startsWith("file:") ? url.slice(0, url.lastIndexOf("/") + 1) : new URL(url).origin;
  page.on("request", (request) => {
    const to = request.url();
    if (!to.startsWith(base) && !to.startsWith("data:")) trouble.push(`left the origin: ${to}`);
  });
  await page.goto(url);
  await ready(page);
  return { page, trouble };
}

/** Waits until the page that the hash names is shown. */
export const ready = (page) =>
  page.waitForFunction(() => {
    const main = document.getElementById("main");
    return main && !main.hasAttribute("aria-busy") && main.dataset.page;
  });

export async function go(page, hash) {
  await page.evaluate((to) => {
    document.getElementById("main").setAttribute("aria-busy", "true");
    location.hash = to;
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  }, hash);
  await ready(page);
}
