// SPDX-License-Identifier: MIT
// One case of a recording: distribution, decomposition, worst events, integrity.
import { ecdf, type EcdfSteps, type Histogram, histogram, stackedBar } from "../charts/figures.js";
import { h, name } from "../dom.js";
import { formatCount, formatValue } from "../format.js";
import type { Model } from "../model.js";
import type { View } from "../state.js";
import { Table, tableBehind } from "../table.js";
import { link } from "./parts.js";

type Figure = [
  run: number,
  metric: string,
  events: string,
  n: number,
  min: number | null,
  p10: number | null,
  p50: number | null,
  p90: number | null,
  p99: number | null,
  max: number | null,
];
interface Run {
  run: number;
  status: string;
  reason: string;
  flags: string;
  violations: (number | null)[];
  words_checked: number | null;
  evictions: number | null;
  recovery_observed: string;
  memory_path: string;
  clock_residual_ns: number | null;
  duration_s: number | null;
}
interface Worst {
  run: number;
  event: number;
  start_ns: number;
  value: number;
  syscall_ns: number | null;
  flags: string;
  violations: number | null;
  parts: (number | null)[];
}
export interface CaseDetail {
  name: string;
  device: string;
  headline: string;
  runs: Run[];
  figures: Figure[];
  histogram?: Histogram | null;
  ecdf?: { events: EcdfSteps; shams: EcdfSteps };
  parts?: [metric: string, median: number | null, n: number][];
  worst?: Worst[];
}

const violationClasses = ["stale", "torn", "lost", "foreign", "zero", "protocol", "missed"];

export function caseReport(model: Model, detail: CaseDetail, view: View): HTMLElement {
  const unit = model.index.metrics.find(([metric]) => metric === detail.headline)?.[1] ?? "";
  const { machine = "", platform = "" } = view.settings;
  return h(
    "div",
    {},
    h(
      "p",
      {},
      link(
        "series",
        { machine, platform, case: detail.name, metric: detail.headline },
        "All nights of ",
        name(detail.name),
      ),
    ),
    distribution(detail, unit),
    decomposition(detail),
    worstEvents(detail, unit),
    integrity(detail),
    figureTable(model, detail),
  );
}

function distribution(detail: CaseDetail, unit: string): HTMLElement | null {
  if (!detail.histogram) {
    return h(
      "p",
      {},
      "No samples of this case here, so no distribution: only its summary is kept.",
    );
  }
  const data = detail.histogram;
  const sum = (bins: number[]) => bins.reduce((a, b) => a + b, 0);
  const label =
    `${detail.headline}: ${sum(data.events)} events from ` +
    `${formatValue(data.low, unit)} to ${formatValue(data.high, unit)}`;
  const edge = (i: number) => data.low * (data.high / data.low) ** (i / data.events.length);
  return h(
    "figure",
    {},
    h(
      "figcaption",
      {},
      `Distribution of ${detail.headline}: ${sum(data.events)} events as bars, ` +
        `${sum(data.shams)} shams (nothing was done to the memory) as a line. Below: the share of ` +
        "events up to a value, blue, and of shams.",
    ),
    histogram(data, unit, label),
    detail.ecdf
      ? ecdf(detail.ecdf, unit, `Share of events up to a value of ${detail.headline}`)
      : null,
    tableBehind<number>({
      label: `distribution of ${detail.headline}`,
      rows: data.events.map((_, i) => i),
      columns: [
        { title: "From", width: "1fr", numeric: true, cell: (i) => formatValue(edge(i), unit) },
        { title: "To", width: "1fr", numeric: true, cell: (i) => formatValue(edge(i + 1), unit) },
        { title: "Events", width: "1fr", numeric: true, cell: (i) => String(data.events[i]) },
        { title: "Shams", width: "1fr", numeric: true, cell: (i) => String(data.shams[i]) },
      ],
    }),
  );
}

function decomposition(detail: CaseDetail): HTMLElement | null {
  const before = ["call_to_evict_ns", "evict_to_stop_ns"];
  const parts = (detail.parts ?? []).flatMap(([metric, median, n]) =>
    median === null || before.includes(metric)
      ? []
      : [{ label: `${metric} (n ${n})`, value: median }],
  );
  const lead = (detail.parts ?? [])
    .filter(([metric, median]) => before.includes(metric) && median !== null)
    .map(([metric, median]) => `${metric} ${formatValue(median, "ns")}`)
    .join(", ");
  if (parts.length === 0) return null;
  const text = parts.map((part) => `${part.label} ${formatValue(part.value, "ns")}`).join(", ");
  return h(
    "figure",
    {},
    h(
      "figcaption",
      {},
      `Parts of the stall, median of each over the events that have it. Before it: ${lead}.`,
    ),
    stackedBar(parts, "ns", `Parts of the stall: ${text}`),
  );
}

function worstEvents(detail: CaseDetail, unit: string): HTMLElement | null {
  if (!detail.worst || detail.worst.length === 0) return null;
  const value = (at: (row: Worst) => number | null | undefined, title: string, of = "ns") => ({
    title,
    width: "1fr",
    numeric: true,
    cell: (row: Worst) => formatValue(at(row), of),
    key: (row: Worst) => at(row) ?? -1,
  });
  return h(
    "section",
    {},
    h("h3", {}, "Worst events"),
    new Table<Worst>({
      label: "Worst events",
      rows: detail.worst,
      height: 280,
      columns: [
        { title: "Run", width: "4rem", numeric: true, cell: (row) => String(row.run) },
        { title: "Event", width: "5rem", numeric: true, cell: (row) => String(row.event) },
        value((row) => row.value, detail.headline, unit),
        value((row) => row.syscall_ns, "syscall_ns"),
        ...(detail.parts ?? []).map(([metric], i) =>
          value((row) => row.parts[i], metric.replace(/_ns$/, "").replace(/_/g, " ")),
        ),
        { title: "Flags", width: "8rem", cell: (row) => name(row.flags) },
      ],
    }).element,
  );
}

function integrity(detail: CaseDetail): HTMLElement {
  const text = (run: Run) =>
    violationClasses
      .flatMap((kind, i) => {
        const count = run.violations[i];
        return count ? [`${kind} ${formatCount(count)}`] : [];
      })
      .join(", ") || (run.violations.every((count) => count === null) ? "not checked" : "none");
  return h(
    "section",
    {},
    h("h3", {}, "Runs"),
    new Table<Run>({
      label: "Runs of this case",
      rows: detail.runs,
      height: 240,
      columns: [
        { title: "Run", width: "4rem", numeric: true, cell: (run) => String(run.run) },
        { title: "Status", width: "6rem", cell: (run) => run.status },
        { title: "Violations", width: "1fr", cell: text },
        {
          title: "Words checked",
          width: "8rem",
          numeric: true,
          cell: (run) => (run.words_checked === null ? "n/a" : formatCount(run.words_checked)),
        },
        {
          title: "Evictions",
          width: "6rem",
          numeric: true,
          cell: (run) => (run.evictions === null ? "n/a" : formatCount(run.evictions)),
        },
        { title: "Path", width: "7rem", cell: (run) => name(run.memory_path || "n/a") },
        {
          title: "Recovery seen",
          width: "8rem",
          cell: (run) => name(run.recovery_observed || "n/a"),
        },
        {
          title: "Residual",
          width: "6rem",
          numeric: true,
          cell: (run) => formatValue(run.clock_residual_ns, "ns"),
        },
        { title: "Flags", width: "8rem", cell: (run) => name(run.flags) },
        { title: "Reason", width: "1fr", cell: (run) => name(run.reason) },
      ],
    }).element,
  );
}

function figureTable(model: Model, detail: CaseDetail): HTMLElement {
  const unitOf = (metric: string) =>
    model.index.metrics.find(([known]) => known === metric)?.[1] ?? "";
  const value = (i: 4 | 5 | 6 | 7 | 8 | 9, title: string) => ({
    title,
    width: "1fr",
    numeric: true,
    cell: (row: Figure) => formatValue(row[i], unitOf(row[1])),
    key: (row: Figure) => row[i] ?? -1,
  });
  return tableBehind<Figure>({
    label: `all figures of this case (${detail.figures.length})`,
    rows: detail.figures,
    columns: [
      { title: "Metric", width: "12rem", cell: (row) => name(row[1]), key: (row) => row[1] },
      {
        title: "Run",
        width: "4rem",
        numeric: true,
        cell: (row) => String(row[0]),
        key: (row) => row[0],
      },
      { title: "Events", width: "6rem", cell: (row) => row[2], key: (row) => row[2] },
      { title: "n", width: "4rem", numeric: true, cell: (row) => String(row[3]) },
      value(4, "min"),
      value(5, "p10"),
      value(6, "p50"),
      value(7, "p90"),
      value(8, "p99"),
      value(9, "max"),
    ],
  });
}
