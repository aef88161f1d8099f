// SPDX-License-Identifier: MIT
// One metric of one case on one machine, over all nights.
import { TimeChart, type TimeChartData } from "../charts/time.js";
import { columnsOf, type EnvironmentDocument, load, type SeriesDocument } from "../data.js";
import { h, name } from "../dom.js";
import { formatDate, formatValue } from "../format.js";
import { type Case, isWorse, type Model, type Series } from "../model.js";
import { replaceSettings, hashOf, type View } from "../state.js";
import { tableBehind } from "../table.js";
import { onThemeChange } from "../theme.js";
import {
  candidateList,
  causeOf,
  changeMark,
  choice,
  link,
  type Page,
  platformNote,
  runLink,
  seriesSettings,
  stateMark,
} from "./parts.js";

interface Night {
  position: number;
  runs: number;
  p10: number | null;
  p50: number | null;
  p90: number | null;
  p99: number | null;
  max: number | null;
  p50All: number | null;
}

const defined = (value: number | undefined) =>
  value === undefined || Number.isNaN(value) ? null : value;

export async function seriesPage(model: Model, view: View): Promise<Page> {
  const { settings } = view;
  const timeline = model.findTimeline(settings["machine"] ?? "", settings["platform"] ?? "");
  const of = model.findCase(
    timeline,
    settings["case"] ?? "",
    settings["device"] ?? "",
    settings["version"] ?? "",
  );
  if (!of) return notFound(settings);
  const series = of.series.find((one) => one.metric === settings["metric"]) ?? of.headline;
  if (!series) return neverMeasured(of);
  const document = await load<SeriesDocument>(`series/${series.id}`);
  const nights = nightsOf(document);
  const chart = makeChart(series, document, nights, settings);
  onThemeChange(() => chart.draw());
  const element = h(
    "div",
    {},
    h("h1", {}, name(of.name)),
    h(
      "p",
      {},
      "on ",
      link(
        "environment",
        { machine: of.timeline.machine, platform: of.timeline.platform },
        name(of.timeline.machine),
      ),
      ", device ",
      name(of.device || "not recorded"),
      `, platform ${of.timeline.platform}, case version ${of.version}, last night `,
      stateMark(of.state),
      of.reason ? ": " : "",
      of.reason ? name(of.reason) : null,
    ),
    platformNote(of.timeline.platform),
    controls(of, series, settings),
    chart.element,
    legend(),
    changes(model, series, document),
    outcomes(of, document),
    nightTable(series, nights),
  );
  return { title: of.name, element, shown: () => chart.draw() };
}

function notFound(settings: View["settings"]): Page {
  return {
    title: "Series",
    element: h(
      "div",
      {},
      h("h1", {}, "No such series"),
      h("p", {}, "Nothing was recorded for ", name(settings["case"] ?? "(no case)"), "."),
      link("overview", {}, "All series"),
    ),
  };
}

function neverMeasured(of: Case): Page {
  const element = h(
    "div",
    {},
    h("h1", {}, name(of.name)),
    h("p", {}, "Never measured on ", name(of.timeline.machine), ". ", stateMark(of.state)),
    h("p", {}, "Reason: ", name(of.reason || "none recorded")),
  );
  return { title: of.name, element };
}

function nightsOf(document: SeriesDocument): Night[] {
  const columns = columnsOf(document.nights, 8);
  const [positions, runs, p10, p50, p90, p99, max, p50All] = columns;
  return Array.from(positions ?? [], (position, i) => ({
    position,
    runs: runs?.[i] ?? 0,
    p10: defined(p10?.[i]),
    p50: defined(p50?.[i]),
    p90: defined(p90?.[i]),
    p99: defined(p99?.[i]),
    max: defined(max?.[i]),
    p50All: defined(p50All?.[i]),
  }));
}

function makeChart(
  series: Series,
  document: SeriesDocument,
  nights: Night[],
  settings: View["settings"],
): TimeChart {
  const { timeline } = series.of;
  const timeOf = (position: number) => timeline.epochs[position] ?? position * 86400;
  const all = settings["events"] === "all";
  const [runPositions, , runValues] = columnsOf(document.runs, 3);
  const data: TimeChartData = {
    times: nights.map((night) => timeOf(night.position)),
    p10: nights.map((night) => (all ? null : night.p10)),
    p50: nights.map((night) => (all ? night.p50All : night.p50)),
    p90: nights.map((night) => (all ? null : night.p90)),
    p99: nights.map((night) => (all ? null : night.p99)),
    runTimes: Array.from(runPositions ?? [], timeOf),
    runs: Array.from(runValues ?? []),
    changes: document.steps.map(([position, logRatio, , provisional]) => ({
      time: timeOf(position),
      worse: isWorse(logRatio, series.better),
      provisional,
    })),
    marks: document.outcomes
      .filter(([, , failed, skipped]) => failed + skipped > 0)
      .map(([position, , failed]) => ({ time: timeOf(position), failed: failed > 0 })),
  };
  const dateOf = (text: string | undefined) => {
    const time = text ? Date.parse(`${text}Z`) : Number.NaN;
    return Number.isNaN(time) ? null : time / 1000;
  };
  const textOf = (time: number | null) =>
    time === null ? "" : new Date(time * 1000).toISOString().slice(0, 16);
  const chart: TimeChart = new TimeChart(data, {
    label: `${series.metric} of ${series.of.name}, ${nights.length} nights`,
    unit: series.unit,
    from: dateOf(settings["from"]),
    to: dateOf(settings["to"]),
    onZoom: (from, to) => {
      replaceSettings({ from: textOf(from), to: textOf(to) });
      if (from === null) {
        window.dispatchEvent(new HashChangeEvent("hashchange"));
      }
    },
    onOpen: (i) => {
      const recording = timeline.names[nights[i]?.position ?? -1] ?? "";
      const { machine, platform } = timeline;
      location.hash = hashOf({
        page: "run",
        settings: { machine, platform, recording, case: series.of.name },
      });
    },
  });
  return chart;
}

function controls(of: Case, series: Series, settings: View["settings"]): HTMLElement {
  const go = (changes: Record<string, string>) => {
    location.hash = hashOf({
      page: "series",
      settings: { ...seriesSettings(series), ...pick(settings), ...changes },
    });
  };
  const metrics = of.series.map((one): [string, string] => [one.metric, one.metric]);
  return h(
    "div",
    { class: "controls" },
    choice("Metric", series.metric, metrics, (metric) => go({ metric })),
    choice(
      "Events",
      settings["events"] ?? "",
      [
        ["", "without flagged ones"],
        ["all", "all"],
      ],
      (events) => go({ events }),
    ),
    settings["from"]
      ? h("button", { type: "button", click: () => go({ from: "", to: "" }) }, "Show all nights")
      : null,
  );
}

function pick(settings: View["settings"]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const key of ["events", "from", "to"]) kept[key] = settings[key] ?? "";
  return kept;
}

function legend(): HTMLElement {
  return h(
    "p",
    { class: "legend" },
    h("span", { class: "key line" }),
    " median of the night's runs  ",
    h("span", { class: "key band" }),
    " 10th–90th percentile  ",
    h("span", { class: "key dash" }),
    " 99th percentile  ",
    h("span", { class: "key point" }),
    " one run  ▲ ▼ change for the worse, the better (dashed: provisional)  ",
    h("span", { class: "key failed" }),
    " failed ",
    h("span", { class: "key skipped" }),
    " skipped",
  );
}

function changes(model: Model, series: Series, document: SeriesDocument): HTMLElement {
  const { of } = series;
  if (document.steps.length === 0) {
    const rule = "A provisional one needs ten nights before it and three since.";
    return h("p", {}, `No change found in this series. ${rule}`);
  }
  const items = [...document.steps].reverse().map(([position, logRatio, z, provisional]) => {
    const grouped = of.headline === series && of.steps.find((step) => step.position === position);
    return h(
      "li",
      { class: "item" },
      changeMark(logRatio, series.better, provisional),
      ` (z ${z.toFixed(1)}) since `,
      runLink(of, position),
      grouped ? h("div", { class: "cause" }, "cause: ", causeOf(model, grouped.group)) : null,
      grouped ? candidateList(model, grouped.group) : null,
      environmentChanges(of, position),
    );
  });
  return h("section", {}, h("h2", {}, "Changes"), h("ul", {}, items));
}

/** What else changed around that night; loaded when asked for. */
function environmentChanges(of: Case, position: number): HTMLElement {
  const details = h(
    "details",
    {},
    h("summary", {}, "Changes of the environment around that night"),
  );
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return;
    const place = h("div", {}, "loading …");
    details.append(place);
    void load<EnvironmentDocument>(`environment/${of.timelineIndex}`).then((fields) => {
      const found = fields
        .filter(([, , unsteady]) => !unsteady)
        .flatMap(([field, , , , values]) =>
          values.flatMap(([at, to], i) =>
            i > 0 && Math.abs(at - position) <= 3
              ? [{ field, at, from: values[i - 1]?.[1] ?? "", to }]
              : [],
          ),
        );
      place.replaceChildren(
        found.length === 0
          ? "none recorded"
          : h(
              "ul",
              {},
              found.map((one) =>
                h(
                  "li",
                  {},
                  `${formatDate(of.timeline.epochs[one.at])}: `,
                  name(one.field),
                  " ",
                  name(one.from || "(none)"),
                  " → ",
                  name(one.to || "(none)"),
                ),
              ),
            ),
      );
    });
  });
  return details;
}

function outcomes(of: Case, document: SeriesDocument): HTMLElement {
  return tableBehind({
    label: `failed, skipped and violating nights (${document.outcomes.length})`,
    rows: [...document.outcomes].reverse(),
    height: 240,
    empty: "none",
    columns: [
      { title: "Night", width: "8rem", cell: (row) => runLink(of, row[0]), key: (row) => row[0] },
      { title: "ok", width: "4rem", numeric: true, cell: (row) => String(row[1]) },
      { title: "failed", width: "5rem", numeric: true, cell: (row) => String(row[2]) },
      { title: "skipped", width: "5rem", numeric: true, cell: (row) => String(row[3]) },
      { title: "violations", width: "6rem", numeric: true, cell: (row) => String(row[4]) },
      { title: "Reason", width: "1fr", cell: (row) => name(row[5]) },
    ],
  });
}

function nightTable(series: Series, nights: Night[]): HTMLElement {
  const value = (title: string, of: (night: Night) => number | null) => ({
    title,
    width: "1fr",
    numeric: true,
    cell: (night: Night) => formatValue(of(night), series.unit),
    key: (night: Night) => of(night) ?? -1,
  });
  return tableBehind<Night>({
    label: `all nights of ${series.metric}`,
    rows: [...nights].reverse(),
    columns: [
      {
        title: "Night",
        width: "8rem",
        cell: (night) => runLink(series.of, night.position),
        key: (night) => night.position,
      },
      { title: "Runs", width: "4rem", numeric: true, cell: (night) => String(night.runs) },
      value("p10", (night) => night.p10),
      value("median", (night) => night.p50),
      value("median, all events", (night) => night.p50All),
      value("p90", (night) => night.p90),
      value("p99", (night) => night.p99),
      value("max", (night) => night.max),
    ],
  });
}
