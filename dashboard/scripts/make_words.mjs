// SPDX-License-Identifier: MIT
// What each perturbation does, from docs/cases.md, for the page of cases. `npm run words` writes src/generated/words.ts; with --check it only compares.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
// Per perturbation: "### name", its summary, and lines "- what: text".
const source = readFileSync(here("../../docs/cases.md"), "utf8");
const rows = [];
for (const block of source.split(/^### /m).slice(1)) {
  const [name, , summary] = block.split("\n");
  const field = (what) => block.match(new RegExp(`^- ${what}: (.*)$`, "m"))?.[1] ?? "";
  rows.push([
    name,
    summary.replace(/\.$/, ""),
    field("evictions per event"),
    field("hazardous on a real GPU"),
  ]);
}
if (rows.length === 0) throw new Error("no perturbation found in docs/cases.md");
const lines = rows.map(
  (row) => `  [\n${row.map((one) => `    ${JSON.stringify(one)},`).join("\n")}\n  ],`,
);
const text = `// SPDX-License-Identifier: MIT
// Generated from docs/cases.md by \`npm run words\`.
export const perturbations: [name: string, does: string, evictions: string, hazard: string][] = [
${lines.join("\n")}
];
`;
const target = here("../src/generated/words.ts");
if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("src/generated/words.ts is not what `npm run words` writes");
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}
