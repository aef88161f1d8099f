// SPDX-License-Identifier: MIT
// node pictures.mjs RECORDING OUT: pictures of a recording's report and of the worst event of its
// largest fork_child_hold case, for docs/measurement.md.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { go, launch, openPage } from "../dashboard/browser.mjs";

const [recording, out] = process.argv.slice(2);
const width = 1000;
const left = 130;
const row = 34;

/** The tracks of the worst event as SVG: one row each, with a time axis from the call's entry. */
function drawTrace(trace) {
  const events = trace.traceEvents;
  const calls = events.filter(
    (one) => one.ph === "X" && one.name === "fork_child_hold",
  );
  const call = calls.reduce((a, b) =>
    b.args.stall_ns > a.args.stall_ns ? b : a,
  );
  const names = new Map();
  for (const one of events) {
    if (one.ph === "M" && one.name === "thread_name" && one.pid === call.pid) {
      names.set(one.tid, one.args.name);
    }
  }
  const slices = events.filter(
    (one) =>
      one.ph === "X" &&
      one.pid === call.pid &&
      one.args.run === call.args.run &&
      one.args.event === call.args.event,
  );
  const ends = slices
    .filter((one) => one.tid !== 4)
    .map((one) => one.ts + one.dur);
  const [begin, end] = [call.ts, Math.max(...ends)];
  const padding = (end - begin) * 0.02;
  const xOf = (ts) =>
    left +
    ((ts - begin + padding) / (end - begin + 2 * padding)) * (width - left);
  const tracks = [...names.keys()].sort((a, b) => a - b);
  const colours = [
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
  ];
  const parts = tracks.flatMap((tid, i) => {
    const y = 50 + i * row;
    const own = slices.filter((one) => one.tid === tid && one.ts < end);
    const bars = own.map((one, k) => {
      const x = xOf(one.ts);
      const wide = Math.max(1.5, Math.min(width, xOf(one.ts + one.dur)) - x);
      const label = wide > 7 * one.name.length ? one.name : "";
      return (
        `<rect x="${x}" y="${y}" width="${wide}" height="22" fill="${colours[(i + k) % 6]}"/>` +
        `<text x="${x + 5}" y="${y + 15}" fill="white">${label}</text>`
      );
    });
    return [`<text x="8" y="${y + 15}">${names.get(tid)}</text>`, ...bars];
  });
  const bottom = 50 + tracks.length * row;
  const about = (end - begin) / 6;
  const power = 10 ** Math.floor(Math.log10(about));
  const step = [1, 2, 5, 10].find((one) => one * power >= about) * power;
  const count = Math.floor((end - begin) / step) + 1;
  const ticks = Array.from({ length: count }, (_, i) => {
    const ts = begin + step * i;
    return (
      `<path d="M${xOf(ts)},40V${bottom}" stroke="#bbb"/>` +
      `<text x="${xOf(ts)}" y="${bottom + 16}" text-anchor="middle">` +
      `${Number(((ts - begin) / 1000).toPrecision(3))} ms</text>`
    );
  });
  const title = `${events.find((one) => one.ph === "M" && one.pid === call.pid).args.name}: stall ${(
    call.args.stall_ns / 1e6
  ).toFixed(2)} ms`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width + 40}" height="${bottom + 30}" ` +
    `font-family="sans-serif" font-size="13"><text x="8" y="24" font-size="15">${title}</text>` +
    `${ticks.join("")}${parts.join("")}</svg>`
  );
}

const browser = await launch();
const url = pathToFileURL(join(recording, "report.html")).href;
const { page, trouble } = await openPage(browser, url);
await page.setViewportSize({ width: 1000, height: 1250 });
await page.screenshot({ path: join(out, "report.png"), fullPage: false });
await go(page, "#scaling");
await page.setViewportSize({ width: 1000, height: 620 });
await page.screenshot({ path: join(out, "report-scaling.png") });
const drawing = await browser.context.newPage();
const trace = JSON.parse(readFileSync(join(recording, "trace.json"), "utf8"));
await drawing.setContent(
  `<body style="margin:0;background:white">${drawTrace(trace)}</body>`,
);
await drawing
  .locator("svg")
  .screenshot({ path: join(out, "trace-fork-child-hold.png") });
await browser.close();
if (trouble.length > 0) throw new Error(trouble.join("\n"));
