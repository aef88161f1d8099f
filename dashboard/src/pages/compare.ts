// SPDX-License-Identifier: MIT
// Verdicts that notifier_site computed: old nights against new, kernel against kernel, machine
// against machine.
import { load } from "../data.js";
import { h, name, caseName } from "../dom.js";
import { formatChange, formatValue, significant } from "../format.js";
import type { Model } from "../model.js";
import { hashOf, replaceSettings, type View } from "../state.js";
import { Table } from "../table.js";
import { choice, link, matches, type Page, platformNote, textFilter } from "./parts.js";

interface Entry {
  title: string;
  kind: string;
  timeline: number;
}
type Row = [
  machine: string,
  device: string,
  caseName: string,
  metric: string,
  statistic: string,
  unit: string,
  verdict: string,
  logRatio: number | null,
  low: number | null,
  high: number | null,
  p: number | null,
  q: number | null,
  oldRuns: number,
  newRuns: number,
  reason: string,
  oldValue: number | null,
  newValue: number | null,
];
interface Comparison {
  events: string; // which events are compared, and why: analysis/compare/compared_events.hpp
  environment: [field: string, kind: string, old: string, fresh: string][];
  notes: string[];
  rows: Row[];
}

export async function comparePage(model: Model, view: View): Promise<Page> {
  const entries = await load<Entry[]>("compare");
  const title = "Compare";
  if (entries.length === 0) {
    const element = h(
      "div",
      {},
      h("h1", {}, title),
      h("p", {}, "There is nothing to compare yet: it takes two recordings of one platform."),
    );
    return { title, element };
  }
  const wanted = view.settings["pair"] ?? "";
  const found = entries.findIndex((entry) => entry.title === wanted);
  const chosen = Math.max(0, found);
  const entry = entries[chosen] as Entry;
  const comparison = await load<Comparison>(`compare/${chosen}`);
  const element = h(
    "div",
    {},
    h("h1", {}, title),
    h(
      "div",
      { class: "controls" },
      choice(
        "Pair",
        entry.title,
        entries.map((one): [string, string] => [one.title, one.title]),
        (pair) => {
          location.hash = hashOf({ page: "compare", settings: { pair } });
        },
      ),
    ),
    platformNote(model.index.timelines[entry.timeline]?.platform ?? ""),
    verdictCounts(comparison),
    h(
      "ul",
      {},
      comparison.notes.map((note) => h("li", {}, name(note))),
    ),
    differences(comparison),
    h("p", {}, comparison.events),
    rowsPart(model, entry, comparison, view),
  );
  return { title, element };
}

function verdictCounts(comparison: Comparison): HTMLElement {
  const counts = new Map<string, number>();
  for (const row of comparison.rows) counts.set(row[6], (counts.get(row[6]) ?? 0) + 1);
  const text = [...counts].map(([verdict, count]) => `${count} ${verdict}`).join(", ");
  return h("p", {}, `Verdicts: ${text || "none"}.`);
}

function differences(comparison: Comparison): HTMLElement | null {
  if (comparison.environment.length === 0) return null;
  return h(
    "details",
    {},
    h("summary", {}, `${comparison.environment.length} fields of the environment differ`),
    new Table({
      label: "Differences of the environment",
      rows: comparison.environment,
      height: 240,
      columns: [
        { title: "Field", width: "2fr", cell: (row) => name(row[0]), key: (row) => row[0] },
        { title: "Weight", width: "7rem", cell: (row) => row[1], key: (row) => row[1] },
        { title: "Old", width: "2fr", cell: (row) => name(row[2]) },
        { title: "New", width: "2fr", cell: (row) => name(row[3]) },
      ],
    }).element,
  );
}

function rowsPart(model: Model, entry: Entry, comparison: Comparison, view: View): HTMLElement {
  let filter = view.settings["filter"] ?? "";
  let verdict = view.settings["verdict"] ?? "";
  const verdicts = [...new Set(comparison.rows.map((row) => row[6]))].sort();
  const wanted = () =>
    comparison.rows.filter(
      (row) =>
        (verdict === "" || row[6] === verdict) &&
        matches(`${row[0]} ${row[1]} ${row[2]} ${row[3]} ${row[4]}`, filter),
    );
  const platform = model.index.timelines[entry.timeline]?.platform ?? "";
  const table = new Table<Row>({
    label: "Compared figures",
    height: 600,
    rows: wanted(),
    empty: "no row matches",
    columns: columns(platform),
  });
  const update = () => {
    replaceSettings({ filter, verdict });
    table.setRows(wanted());
  };
  return h(
    "div",
    {},
    h(
      "div",
      { class: "controls" },
      textFilter("Filter", filter, (value) => {
        filter = value;
        update();
      }),
      choice(
        "Verdict",
        verdict,
        [["", "all"], ...verdicts.map((one): [string, string] => [one, one])],
        (value) => {
          verdict = value;
          update();
        },
      ),
    ),
    table.element,
  );
}

const glyphs: Record<string, string> = {
  slower: "▲",
  worse: "▲",
  faster: "▼",
  better: "▼",
  broken: "⚠",
  same: "=",
  undecided: "?",
};

function columns(platform: string) {
  return [
    {
      title: "Case",
      width: "minmax(13rem, 3fr)",
      cell: (row: Row) =>
        link(
          "series",
          { machine: row[0], platform, case: row[2], metric: row[3] },
          caseName(row[2]),
        ),
      key: (row: Row) => row[2],
    },
    {
      title: "Metric",
      width: "8.4rem",
      cell: (row: Row) => name(row[3] || "–"),
      key: (row: Row) => row[3],
    },
    {
      title: "Of",
      width: "clamp(3rem, 4.3vw, 4rem)",
      cell: (row: Row) => row[4],
      key: (row: Row) => row[4],
    },
    {
      title: "Verdict",
      width: "8.8rem",
      cell: (row: Row) =>
        h(
          "span",
          { class: `verdict ${row[6].replaceAll(" ", "-")}` },
          `${glyphs[row[6]] ?? "·"} ${row[6]}`,
        ),
      key: (row: Row) => row[6],
    },
    {
      title: "Change",
      width: "5rem",
      numeric: true,
      cell: (row: Row) => (row[7] === null ? "n/a" : formatChange(row[7])),
      key: (row: Row) => row[7] ?? 0,
    },
    {
      title: "95 % interval",
      width: "clamp(7.4rem, 10vw, 9rem)",
      cell: (row: Row) =>
        row[8] === null || row[9] === null
          ? "n/a"
          : `${formatChange(row[8])} to ${formatChange(row[9])}`,
    },
    {
      title: "Old",
      width: "5.2rem",
      numeric: true,
      cell: (row: Row) => formatValue(row[15], row[5]),
    },
    {
      title: "New",
      width: "5.2rem",
      numeric: true,
      cell: (row: Row) => formatValue(row[16], row[5]),
    },
    { title: "Runs", width: "4rem", cell: (row: Row) => `${row[12]} : ${row[13]}` },
    {
      title: "q",
      width: "clamp(3.2rem, 4.3vw, 4rem)",
      numeric: true,
      cell: (row: Row) =>
        row[11] === null ? "n/a" : row[11] < 0.001 ? "< 0.001" : significant(row[11], 2),
      key: (row: Row) => row[11] ?? 2,
    },
    { title: "Why", width: "2fr", cell: (row: Row) => name(row[14]) },
  ];
}
