// SPDX-License-Identifier: MIT
// node budgets.mjs SITE: times of a browser that opens the site, medians of five, and the bundle's size.
// Prints "name value unit budget" lines; scripts/bench_dashboard puts them beside its own.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { fileUrl, launch, openPage, ready } from "./browser.mjs";

const repetitions = 5;
const site = process.argv[2];
const browser = await launch();

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Two frames after `selector` is there and the page is not busy, in milliseconds since `begin`. */
const painted = (page, selector, begin) =>
  page.evaluate(
    ([wanted, from]) =>
      new Promise((done) => {
        const look = () => {
          const main = document.getElementById("main");
          if (main.hasAttribute("aria-busy") || !document.querySelector(wanted)) {
            requestAnimationFrame(look);
          } else {
            requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - from)));
          }
        };
        look();
      }),
    [selector, begin],
  );

async function overview() {
  const page = await browser.context.newPage();
  await page.goto(fileUrl(site), { waitUntil: "commit" });
  await page.waitForSelector("#main", { state: "attached" });
  // performance.now() begins with the navigation
  const time = await painted(page, 'main[data-page="overview"] [aria-label="Series"] .row', 0);
  await page.close();
  return time;
}

/** From the click on a series that was not shown yet to its chart. */
async function series(number) {
  const { page, trouble } = await openPage(browser, fileUrl(site));
  await ready(page);
  const begin = await page.evaluate((index) => {
    const links = document.querySelectorAll('[aria-label="Series"] .row a[href^="#series"]');
    const now = performance.now();
    links[index].click();
    return now;
  }, number);
  const time = await painted(page, 'main[data-page="series"] .plot canvas', begin);
  await page.close();
  if (trouble.length > 0) throw new Error(trouble.join("\n"));
  return time;
}

const timesOf = async (measure) => {
  await measure(0); // the browser's own start
  const times = [];
  for (let i = 0; i < repetitions; i++) times.push(await measure(i));
  return median(times) / 1000;
};

console.log(`overview painted|${(await timesOf(overview)).toFixed(3)}|s|1.0`);
console.log(`series after the click|${(await timesOf(series)).toFixed(3)}|s|0.25`);
await browser.close();

const files = ["index.html", "app.js", "app.css"];
const bytes = files.map((file) => readFileSync(join(site, file)));
const kilobytes = (lengths) => (lengths.reduce((sum, one) => sum + one, 0) / 1000).toFixed(1);
console.log(`bundle|${kilobytes(bytes.map((one) => one.length))}|kB|150`);
console.log(`bundle, compressed|${kilobytes(bytes.map((one) => gzipSync(one).length))}|kB|50`);
const data = readdirSync(join(site, "data")).length;
if (data === 0) throw new Error("the site has no data");
