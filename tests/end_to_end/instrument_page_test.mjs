// SPDX-License-Identifier: MIT
// The trace in a reader that others wrote, and the report in a browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { go, launch, openPage } from "../dashboard/browser.mjs";

const require = createRequire(
  fileURLToPath(new URL("../../dashboard/package.json", import.meta.url)),
);
const { buildModel } = require("@tracerbench/trace-model");
const recording = process.env.NOTIFIER_RECORDING;

test("the trace has the tracks and the slices in another reader", () => {
  const model = buildModel(
    JSON.parse(readFileSync(join(recording, "trace.json"), "utf8")),
  );
  const cases = model.processes.filter((one) =>
    one.name?.includes("fork_child_hold"),
  );
  assert.equal(cases.length, 3);
  let restored = false;
  for (const one of cases) {
    const names = one.threads.map((thread) => thread.name);
    for (const wanted of [
      "caller",
      "supervisor",
      "restore worker",
      "child",
      "wave 0",
    ]) {
      assert.ok(names.includes(wanted), `${wanted} in ${names}`);
    }
    const call = one.events.filter(
      (event) => event.isComplete() && event.hasCategory("event")
    );
    assert.ok(
      call.some(
        (event) => event.name === "fork_child_hold" && event.duration > 0,
      ),
    );
    restored ||= call.some(
      (event) => event.name === "revalidation" && event.duration > 0,
    );
    assert.ok(
      call.some((event) => event.name === "no progress" && event.duration > 0),
    );
  }
  // Not in each case: on a busy machine the longest gaps are those of waves without a CPU.
  assert.ok(restored, "a revalidation among the worst events of all cases");
});

test("the report opens from disk, asks for nothing and shows all parts", async () => {
  const browser = await launch();
  try {
    const url = pathToFileURL(join(recording, "report.html")).href;
    const { page, trouble } = await openPage(browser, url);
    await page.waitForSelector("main h1");
    const text = await page.innerText("main");
    for (const wanted of [
      "The meter",
      "pause",
      "notifier",
      "revalidation_ns",
      "How to repeat it",
    ]) {
      assert.ok(text.includes(wanted), wanted);
    }
    assert.ok(
      (await page.locator("svg.figure").count()) >= 3,
      "histogram, ECDF, parts",
    );
    await go(page, "#scaling");
    assert.equal(await page.locator("svg.figure").count(), 1);
    assert.match(await page.innerText("main"), /for each page of 4 KiB/);
    await go(page, "#environment");
    assert.match(await page.innerText("main"), /kernel/);
    assert.deepEqual(trouble, []);
  } finally {
    await browser.close();
  }
});
