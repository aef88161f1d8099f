// SPDX-License-Identifier: MIT
// Every page of a site, in Chromium, from file:// and over http: no error, no foreign request,
// permalinks, keyboard, dark mode, and no serious finding of axe-core.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { axeSource, fileUrl, go, launch, openPage, ready, serve } from "./browser.mjs";

const site = process.env.NOTIFIER_SITE;
assert.ok(site, "NOTIFIER_SITE names the folder of a site");
const machine = "machine=synthetic-01&platform=software";
const name = "userptr/anon/fork_exit/default/preempt/small/64KiB";

let browser;
let server;
before(async () => {
  browser = await launch();
  server = await serve(site);
});
after(async () => {
  await browser.close();
  server.close();
});

/** The newest recording of the first machine, as the page itself knows it. */
async function newestRecording(page) {
  const href = await page.getAttribute('[aria-label="Machines and families of cases"] a', "href");
  return new URLSearchParams(href.split("?")[1]).get("recording");
}

async function hashes(page) {
  const recording = await newestRecording(page);
  return {
    overview: "#overview",
    series: `#series?${machine}&case=${name}`,
    run: `#run?${machine}&recording=${recording}&case=${name}`,
    compare: "#compare",
    scaling: "#scaling",
    environment: `#environment?${machine}`,
    cases: "#cases",
  };
}

for (const kind of ["file", "http"]) {
  test(`all pages open from ${kind} without error or foreign request`, async () => {
    const url = kind === "file" ? fileUrl(site) : server.url;
    const { page, trouble } = await openPage(browser, url);
    for (const [pageName, hash] of Object.entries(await hashes(page))) {
      await go(page, hash);
      assert.equal(await page.getAttribute("#main", "data-page"), pageName);
      assert.ok((await page.textContent("h1")).length > 3, pageName);
      assert.equal(await page.locator(".note.bad").count(), 0, pageName);
    }
    assert.deepEqual(trouble, []);
    await page.close();
  });
}

test("clicking goes from the overview to a series, a run and back", async () => {
  const { page, trouble } = await openPage(browser, fileUrl(site));
  await page.click('[aria-label="Series"] a[href^="#series"]');
  await ready(page);
  await page.waitForSelector(".plot canvas");
  await page.click("details:last-of-type summary");
  await page.click('details:last-of-type a[href^="#run"]');
  await page.waitForSelector('main[data-page="run"]');
  await page.goBack();
  await page.waitForSelector('main[data-page="series"]');
  assert.deepEqual(trouble, []);
  await page.close();
});

test("the compare page says which events are compared", async () => {
  const { page } = await openPage(browser, fileUrl(site));
  await go(page, "#compare");
  assert.match(await page.textContent("main"), /Compared are all events, flagged ones too/);
  await page.close();
});

test("violations, changes and the synthetic banner stand on the overview", async () => {
  const { page } = await openPage(browser, fileUrl(site));
  const attention = await page.textContent(".attention");
  assert.match(attention, /integrity violations/);
  assert.match(await page.textContent(".banner"), /SYNTHETIC/);
  assert.match(await page.textContent("main"), /false changes in [\d,]+ nights/);
  await page.close();
});

test("filter and sort are in the URL, and a reload gives the same view", async () => {
  const { page } = await openPage(browser, server.url);
  await page.fill('input[type="search"]', "munmap 4MiB");
  await page.selectOption('label:has-text("Show") select', "measured");
  await page.click('[aria-label="Series"] [role="columnheader"] button:has-text("Last")');
  const rows = async () => page.locator('[aria-label="Series"] .rows .row').allTextContents();
  const before = await rows();
  assert.ok(before.length > 0);
  assert.match(page.url(), /filter=munmap\+4MiB&state=measured&sort=3/);
  await page.reload();
  await ready(page);
  assert.deepEqual(await rows(), before);
  assert.equal(await page.inputValue('input[type="search"]'), "munmap 4MiB");
  await page.close();
});

test("a zoomed series is a permalink", async () => {
  const { page } = await openPage(browser, server.url);
  await go(page, `#series?${machine}&case=${name}`);
  const box = await page.locator(".plot .u-over").boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 4 });
  await page.mouse.up();
  await page.waitForFunction(() => location.hash.includes("from="));
  const axis = () =>
    page.locator(".plot canvas").evaluate((canvas) => canvas.toDataURL().length);
  const zoomed = await page.evaluate(() => location.hash);
  const drawn = await axis();
  await page.reload();
  await ready(page);
  assert.equal(await page.evaluate(() => location.hash), zoomed);
  // The permalink keeps minutes, the drag had fractions of a second: the picture is as good as equal.
  assert.ok(Math.abs((await axis()) - drawn) < drawn * 0.1);
  await page.close();
});

test("settings of another metric change the page and the URL", async () => {
  const { page } = await openPage(browser, server.url);
  await go(page, `#series?${machine}&case=${name}`);
  await page.selectOption('label:has-text("Metric") select', "syscall_ns");
  await page.waitForFunction(() => location.hash.includes("metric=syscall_ns"));
  await ready(page);
  assert.match(await page.getAttribute(".plot", "aria-label"), /^syscall_ns of /);
  await page.selectOption('label:has-text("Events") select', "all");
  await page.waitForFunction(() => location.hash.includes("events=all"));
  await page.close();
});

test("the keyboard reaches the content, rows of a table, and nights of a chart", async () => {
  const { page } = await openPage(browser, fileUrl(site));
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  const label = '[aria-label="Series"]';
  await page.focus(`${label} [aria-rowindex="2"] a`);
  for (let i = 0; i < 40; i++) await page.keyboard.press("ArrowDown");
  const row = await page.evaluate(() =>
    document.activeElement.closest("[aria-rowindex]")?.getAttribute("aria-rowindex"),
  );
  assert.equal(row, "42");
  await go(page, `#series?${machine}&case=${name}`);
  await page.focus(".plot");
  await page.keyboard.press("End");
  const last = await page.textContent(".readout");
  await page.keyboard.press("ArrowLeft");
  const previous = await page.textContent(".readout");
  assert.match(last, /^\d{4}-\d\d-\d\d: median /);
  assert.notEqual(last, previous);
  await page.keyboard.press("Enter");
  await page.waitForSelector('main[data-page="run"]');
  await page.close();
});

test("dark mode changes the paper and stays", async () => {
  const { page } = await openPage(browser, server.url);
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.click("button.theme");
  const dark = await paper();
  assert.notEqual(light, dark);
  await page.reload();
  await ready(page);
  assert.equal(await paper(), dark);
  await page.click("button.theme");
  await page.close();
});

for (const theme of ["light", "dark"]) {
  test(`axe-core finds nothing serious on any page in ${theme} colours`, async () => {
    const { page } = await openPage(browser, server.url);
    await page.emulateMedia({ colorScheme: theme });
    await page.evaluate((wanted) => {
      document.documentElement.dataset.theme = wanted;
    }, theme);
    await page.evaluate(axeSource);
    for (const [pageName, hash] of Object.entries(await hashes(page))) {
      await go(page, hash);
      const found = await page.evaluate(async () => (await globalThis.axe.run()).violations);
      const serious = found.filter((one) => ["serious", "critical"].includes(one.impact));
      assert.deepEqual(
        serious.map((one) => [pageName, one.id, one.nodes.slice(0, 2).map((node) => node.html)]),
        [],
      );
    }
    await page.close();
  });
}

test("printing leaves out what only a screen has", async () => {
  const { page } = await openPage(browser, server.url);
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.isVisible("header"), false);
  assert.equal(await page.isVisible("h1"), true);
  await page.close();
});
