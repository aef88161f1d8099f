// SPDX-License-Identifier: MIT
// Machines × families of cases: the worst of last night in each cell.
import { h, name } from "../dom.js";
import { formatDate } from "../format.js";
import { type Case, isWorse, type Model } from "../model.js";
import { hashOf } from "../state.js";
import { type Column, Table } from "../table.js";
import { betterOf, isRecent, link } from "./parts.js";

interface Cell {
  cases: number;
  violations: number;
  failed: number;
  skipped: number;
  worse: number;
  better: number;
}
interface Row {
  timeline: number;
  cells: Map<string, Cell>;
}
const mostFamilies = 24;

function add(cell: Cell, of: Case): void {
  const last = of.timeline.names.length - 1;
  cell.cases++;
  if (of.violations.some((violation) => violation.position === last)) cell.violations++;
  if (of.state === "failed") cell.failed++;
  if (of.state === "skipped") cell.skipped++;
  for (const step of of.steps) {
    if (!isRecent(step)) continue;
    const worse = isWorse(step.logRatio, betterOf(step));
    if (worse === true) cell.worse++;
    if (worse === false) cell.better++;
  }
}

/** The worst thing, as a glyph with its number, and its style. */
function verdict(cell: Cell): [text: string, style: string, words: string] {
  if (cell.violations > 0) return [`⚠ ${cell.violations}`, "bad", "violations"];
  if (cell.worse > 0) return [`▲ ${cell.worse}`, "worse", "worse"];
  if (cell.failed > 0) return [`✖ ${cell.failed}`, "bad", "failed"];
  if (cell.better > 0) return [`▼ ${cell.better}`, "better", "better"];
  if (cell.skipped === cell.cases) return ["⊘", "skipped", "skipped"];
  return ["✓", "good", "nothing new"];
}

export function machineTable(model: Model): HTMLElement {
  const rows: Row[] = model.index.timelines.map((_, timeline) => ({ timeline, cells: new Map() }));
  const families = new Map<string, number>();
  for (const of of model.cases) {
    const family = of.perturbation || "(none)";
    families.set(family, (families.get(family) ?? 0) + 1);
    const cells = (rows[of.timelineIndex] as Row).cells;
    const cell = cells.get(family) ?? {
      cases: 0,
      violations: 0,
      failed: 0,
      skipped: 0,
      worse: 0,
      better: 0,
    };
    add(cell, of);
    cells.set(family, cell);
  }
  const shown = [...families.keys()].sort().slice(0, mostFamilies);
  const timelineOf = (row: Row) => model.index.timelines[row.timeline];
  const columns: Column<Row>[] = [
    {
      title: "Machine",
      width: "14rem",
      cell: (row) => machineLink(model, row.timeline),
      key: (row) => timelineOf(row)?.machine ?? "",
    },
    {
      title: "Platform",
      width: "6rem",
      cell: (row) => name(timelineOf(row)?.platform ?? ""),
      key: (row) => timelineOf(row)?.platform ?? "",
    },
    {
      title: "Latest",
      width: "7rem",
      cell: (row) => formatDate(timelineOf(row)?.epochs.at(-1)),
      key: (row) => timelineOf(row)?.epochs.at(-1) ?? 0,
    },
    ...shown.map((family) => familyColumn(model, family)),
  ];
  const table = new Table({
    label: "Machines and families of cases",
    height: 320,
    rows,
    columns,
    empty: "no recordings",
  });
  return h("div", { class: "wide" }, table.element);
}

function machineLink(model: Model, index: number): HTMLElement {
  const timeline = model.index.timelines[index];
  const { machine = "", platform = "", names = [] } = timeline ?? {};
  return link("run", { machine, platform, recording: names.at(-1) ?? "" }, name(machine));
}

function familyColumn(model: Model, family: string): Column<Row> {
  return {
    title: family,
    width: `${Math.max(5, Math.ceil(family.length * 0.62) + 1)}rem`,
    cell: (row) => {
      const cell = row.cells.get(family);
      if (!cell) return h("span", { class: "state not-measured", title: "not measured" }, "·");
      const [text, style, words] = verdict(cell);
      const machine = model.index.timelines[row.timeline]?.machine ?? "";
      return h(
        "a",
        {
          class: style,
          href: hashOf({ page: "overview", settings: { filter: `${machine} /${family}/` } }),
          "aria-label": `${family}: ${text} ${words}, ${cell.cases} cases`,
          title: `${words}; ${cell.cases} cases`,
        },
        text,
      );
    },
  };
}
