// SPDX-License-Identifier: MIT
// node screenshots.mjs SITE OUT NAME=HASH...: one PNG per page of a site, for docs/dashboard.md.
import { join } from "node:path";
import { fileUrl, go, launch, openPage } from "./browser.mjs";

const [site, out, ...shots] = process.argv.slice(2);
const browser = await launch();
const { page, trouble } = await openPage(browser, fileUrl(site));
const [width, height] = (process.env.PICTURE_SIZE ?? "1100x760").split("x").map(Number);
await page.setViewportSize({ width, height });
for (const shot of shots) {
  const equals = shot.indexOf("=");
  await go(page, shot.slice(equals + 1));
  await page.screenshot({ path: join(out, `${shot.slice(0, equals)}.png`) });
}
await browser.close();
if (trouble.length > 0) throw new Error(trouble.join("\n"));
