// SPDX-License-Identifier: MIT
// Text that recordings may hold, all of it shown as text: HTML, scripts, right-to-left, very long
// names, broken files; and ten thousand machines.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileUrl, go, launch, openPage } from "./browser.mjs";

const { NOTIFIER_SITE_TOOL: tool, NOTIFIER_TEST_FOLDER: folder } = process.env;
assert.ok(tool && folder, "run through run.sh");
const good = join(folder, "results", "synthetic-01");
const recordings = readdirSync(good).sort();
const image = "<img src=x onerror=globalThis.hacked=1>";
const nasty = [
  image,
  "</script><script>globalThis.hacked=1</script>",
  "\u202Eevil \u0645\u0631\u062D\u0628\u0627",
  "x".repeat(3000),
  "javascript:globalThis.hacked=1",
  "'\"&<>\u2028`${globalThis.hacked=1}",
];

/** Copies a recording under another machine, its summary and manifest changed. */
function plant(results, machine, recording, change) {
  const to = join(results, machine, recording);
  mkdirSync(join(results, machine), { recursive: true });
  cpSync(join(good, recording), to, { recursive: true });
  for (const file of ["summary.csv", "manifest.json"]) {
    const path = join(to, file);
    writeFileSync(path, change(readFileSync(path, "utf8"), file));
  }
}
const quote = (text) => `"${text.replaceAll('"', '""')}"`;
const build = (results, site) => execFileSync(tool, [results, site], { encoding: "utf8" });

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test("hostile names are text on every page", async () => {
  const results = join(folder, "hostile");
  nasty.forEach((text, i) => {
    for (const recording of recordings.slice(0, 3)) {
      plant(results, `machine${i}`, recording, (content, file) => {
        if (file === "manifest.json") {
          const manifest = JSON.parse(content);
          manifest.machine = `machine${i}${text}`;
          manifest.environment[text] = text;
          manifest.environment.kernel.release = text;
          return JSON.stringify(manifest);
        }
        return content
          .replaceAll("userptr/anon/fork_exit/default/preempt/small/64KiB", quote(text))
          .replaceAll(",fork_exit,", `,${quote(text)},`)
          .replaceAll("worker ended with signal 9", quote(text).slice(1, -1));
      });
    }
  });
  build(results, join(folder, "hostile-site"));
  const { page, trouble } = await openPage(browser, fileUrl(join(folder, "hostile-site")));
  assert.ok((await page.textContent("main")).includes(image));
  for (const [i, text] of nasty.entries()) {
    const settings = new URLSearchParams({
      machine: `machine${i}${text}`,
      platform: "software",
      case: text,
      recording: recordings[2],
    });
    for (const name of ["series", "run", "environment", "overview", "scaling", "compare", "cases"]) {
      await go(page, `#${name}?${settings}`);
      assert.equal(await page.locator("main img, main script").count(), 0, name);
    }
  }
  assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `the page is ${wide} pixels too wide`);
  assert.deepEqual(trouble, []);
  await page.close();
});

test("a link with nonsense in it shows a page that says so", async () => {
  const { page, trouble } = await openPage(browser, fileUrl(process.env.NOTIFIER_SITE));
  for (const hash of ["#series?case=%E0%A4%A", "#run?recording=../../x", "#nothing", "#series", "#%"]) {
    await go(page, hash);
    assert.ok((await page.textContent("h1")).length > 3, hash);
  }
  assert.deepEqual(trouble, []);
  await page.close();
});

test("recordings that cannot be read are listed with the reason, the rest is shown", async () => {
  const results = join(folder, "broken");
  const breakers = {
    "cut short": (text, file) => (file === "summary.csv" ? text.slice(0, -40) : text),
    "no JSON": (text, file) => (file === "manifest.json" ? "{" : text),
    "no column": (text, file) => (file === "summary.csv" ? text.replace("case_name", "x") : text),
    empty: (text, file) => (file === "summary.csv" ? "" : text),
    fine: (text) => text,
  };
  for (const [machine, change] of Object.entries(breakers)) {
    plant(results, machine, recordings[0], change);
  }
  assert.match(build(results, join(folder, "broken-site")), /4 recordings cannot be read/);
  const { page, trouble } = await openPage(browser, fileUrl(join(folder, "broken-site")));
  const table = await page.textContent('[aria-label="Unreadable recordings"]');
  for (const word of ["wrong number of fields", "not JSON", "no column 'case_name'", "no header"]) {
    assert.ok(table.includes(word), `${word}: ${table}`);
  }
  assert.ok(!table.includes(folder), "a path of this machine reached the page");
  assert.deepEqual(trouble, []);
  await page.close();
});

test("ten thousand machines", async () => {
  const results = join(folder, "many");
  const source = join(good, recordings[0]);
  const [header, row] = readFileSync(join(source, "summary.csv"), "utf8").split("\n");
  const manifest = readFileSync(join(source, "manifest.json"), "utf8");
  for (let i = 0; i < 10_000; i++) {
    const to = join(results, `node${i}`, recordings[0]);
    mkdirSync(to, { recursive: true });
    writeFileSync(join(to, "summary.csv"), `${header}\n${row}\n`);
    writeFileSync(join(to, "manifest.json"), manifest.replace("synthetic-01", `node${i}`));
  }
  build(results, join(folder, "many-site"));
  const { page, trouble } = await openPage(browser, fileUrl(join(folder, "many-site")));
  const table = page.locator('[aria-label="Machines and families of cases"]');
  assert.equal(await table.getAttribute("aria-rowcount"), "10001");
  assert.ok((await page.locator(".row").count()) < 300, "only rows in sight are drawn");
  await page.fill('input[type="search"]', "node9999");
  await page.waitForFunction(() => document.querySelector("output").textContent.startsWith("1 of"));
  assert.deepEqual(trouble, []);
  await page.close();
});

test("an empty results folder gives a page without machines", async () => {
  mkdirSync(join(folder, "nothing"), { recursive: true });
  build(join(folder, "nothing"), join(folder, "nothing-site"));
  const { page, trouble } = await openPage(browser, fileUrl(join(folder, "nothing-site")));
  for (const name of ["overview", "compare", "scaling", "environment", "cases"]) {
    await go(page, `#${name}`);
    assert.equal(await page.getAttribute("#main", "data-page"), name);
  }
  assert.deepEqual(trouble, []);
  await page.close();
});
