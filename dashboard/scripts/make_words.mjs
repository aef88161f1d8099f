// SPDX-License-Identifier: MIT
// What each perturbation does, from the table in harness/perturbation_table.cpp, for the page of
// cases. `npm run words` writes src/generated/words.ts; with --check it only compares.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const source = readFileSync(here("../../harness/perturbation_table.cpp"), "utf8");
const literal = '((?:"(?:[^"\\\\]|\\\\.)*"\\s*)+)';
const rows = [];
for (const row of source.split(/\bPerturbation\{/).slice(1)) {
  const field = (name) => {
    const found = row.match(new RegExp(`\\.${name}\\s*=\\s*${literal}`));
    return (found?.[1].match(/"(?:[^"\\]|\\.)*"/g) ?? []).map((one) => JSON.parse(one)).join("");
  };
  if (field("name")) {
    rows.push([field("name"), field("summary"), field("evictions_source"), field("hazard")]);
  }
}
if (rows.length === 0) throw new Error("no perturbation found in harness/perturbation_table.cpp");
const lines = rows.map(
  (row) => `  [\n${row.map((one) => `    ${JSON.stringify(one)},`).join("\n")}\n  ],`,
);
const text = `// SPDX-License-Identifier: MIT
// Generated from harness/perturbation_table.cpp by \`npm run words\`.
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
