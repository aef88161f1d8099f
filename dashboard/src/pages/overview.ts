// SPDX-License-Identifier: MIT
// Last night at a glance: what is wrong, what changed and why, then every series.
import { spark } from "../charts/spark.js";
import { load, type OverviewDocument } from "../data.js";
import { h, name } from "../dom.js";
import { formatCount, formatDate, formatValue } from "../format.js";
import { type Case, isWorse, type Model, type Step } from "../model.js";
import { replaceSettings, type View } from "../state.js";
import { Table } from "../table.js";
import {
  betterOf,
  caseLink,
  causeOf,
  changeMark,
  choice,
  isRecent,
  link,
  matches,
  type Page,
  recentNights,
  runLink,
  stateMark,
  textFilter,
} from "./parts.js";
import { machineTable } from "./overview_machines.js";

export async function overviewPage(model: Model, view: View): Promise<Page> {
  model.setOverview(await load<OverviewDocument>("overview"));
  const { index } = model;
  const element = h(
    "div",
    {},
    h("h1", {}, "Last night"),
    summary(model),
    attention(model),
    h("h2", {}, "Machines"),
    machineTable(model),
    h("h2", {}, "Series"),
    seriesPart(model, view),
    falseAlarms(model),
    index.unreadable.length > 0 ? unreadable(model) : null,
  );
  return { title: "Overview", element };
}

function summary(model: Model): HTMLElement {
  const { counts, timelines } = model.index;
  const epochs = timelines.map((t) => t.epochs[t.epochs.length - 1]).filter((e) => e != null);
  const latest = epochs.length > 0 ? formatDate(epochs.reduce((a, b) => Math.max(a, b))) : "never";
  return h(
    "p",
    {},
    `${formatCount(counts.recordings)} recordings of ${formatCount(timelines.length)} machines and ` +
      `platforms, ${formatCount(model.cases.length)} cases; the latest is of ${latest}.`,
  );
}

function attention(model: Model): HTMLElement {
  const items: HTMLElement[] = [];
  for (const of of model.cases) {
    const last = of.timeline.names.length - 1;
    const hit = of.violations.find((violation) => violation.position === last);
    if (hit) {
      items.push(
        h(
          "li",
          { class: "item violation" },
          h("strong", {}, `⚠ ${formatCount(hit.count)} integrity violations`),
          " in ",
          caseLink(of),
          " on ",
          name(of.timeline.machine),
          ", ",
          runLink(of, last),
        ),
      );
    }
  }
  items.push(...changeItems(model));
  const failed = model.cases.filter((of) => of.state === "failed");
  for (const of of failed.slice(0, 20)) {
    items.push(
      h(
        "li",
        { class: "item" },
        stateMark("failed"),
        " ",
        caseLink(of),
        " on ",
        name(of.timeline.machine),
        ": ",
        name(of.reason || "no reason recorded"),
      ),
    );
  }
  if (failed.length > 20) items.push(h("li", {}, `and ${failed.length - 20} more failed cases`));
  if (items.length === 0) {
    return h(
      "p",
      { class: "good" },
      `✓ No violation, no failed case, no change in ${recentNights} nights.`,
    );
  }
  return h("ul", { class: "attention", "aria-label": "Needs attention" }, items.slice(0, 100));
}

/** Recent changes, one item per group; regressions first, then the largest. */
function changeItems(model: Model): HTMLElement[] {
  const groups = new Map<number, Step[]>();
  for (const step of model.steps) {
    if (!isRecent(step)) continue;
    const known = groups.get(step.group);
    if (known) known.push(step);
    else groups.set(step.group, [step]);
  }
  const strength = (steps: Step[]) =>
    Math.max(
      ...steps.map(
        (step) =>
          Math.abs(step.logRatio) + (isWorse(step.logRatio, betterOf(step)) === true ? 10 : 0),
      ),
    );
  return [...groups]
    .sort((a, b) => strength(b[1]) - strength(a[1]))
    .map(([group, steps]) => changeItem(model, group, steps));
}

function changeItem(model: Model, group: number, steps: Step[]): HTMLElement {
  const shown = [...steps].sort((a, b) => Math.abs(b.logRatio) - Math.abs(a.logRatio));
  const first = shown[0] as Step;
  const machines = new Set(steps.map((step) => step.of.timeline.machine));
  return h(
    "li",
    { class: "item" },
    changeMark(first.logRatio, betterOf(first), first.provisional),
    " since ",
    runLink(first.of, first.position),
    " in ",
    caseLink(first.of),
    steps.length > 1 ? ` and ${steps.length - 1} more series` : "",
    ` on ${machines.size > 1 ? `${machines.size} machines` : "machine "}`,
    machines.size > 1 ? "" : name(first.of.timeline.machine),
    h("br"),
    h("span", { class: "cause" }, "cause: ", causeOf(model, group)),
  );
}

function lastStep(of: Case): Step | undefined {
  return of.steps[of.steps.length - 1];
}

function seriesPart(model: Model, view: View): HTMLElement {
  let filter = view.settings["filter"] ?? "";
  let state = view.settings["state"] ?? "";
  const text = (of: Case) =>
    `${of.timeline.machine} ${of.timeline.platform} ${of.device} ${of.name}`;
  const wanted = () =>
    model.cases.filter(
      (of) =>
        (filter === "" || matches(text(of), filter)) &&
        (state === "" ||
          (state === "changed" ? of.steps.some(isRecent) : of.state === state) ||
          (state === "violations" && of.violations.length > 0)),
    );
  const sortColumn = Number(view.settings["sort"] ?? "-1");
  const table = new Table<Case>({
    label: "Series",
    height: 620,
    rows: wanted(),
    empty: "no series matches",
    ...(sortColumn >= 0
      ? { sort: { column: sortColumn, descending: view.settings["order"] === "down" } }
      : {}),
    onSort: (column, descending) =>
      replaceSettings({ sort: String(column), order: descending ? "down" : "" }),
    columns: seriesColumns(model),
  });
  const count = h("output", {}, "");
  const update = () => {
    replaceSettings({ filter, state });
    const rows = wanted();
    count.textContent = `${formatCount(rows.length)} of ${formatCount(model.cases.length)}`;
    table.setRows(rows);
  };
  count.textContent = `${formatCount(wanted().length)} of ${formatCount(model.cases.length)}`;
  const states: [string, string][] = [
    ["", "all"],
    ["changed", `changed in ${recentNights} nights`],
    ["violations", "with violations"],
    ["measured", "ok last night"],
    ["failed", "failed last night"],
    ["skipped", "skipped last night"],
    ["not measured", "not measured last night"],
  ];
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
      choice("Show", state, states, (value) => {
        state = value;
        update();
      }),
      count,
    ),
    table.element,
  );
}

function seriesColumns(model: Model) {
  return [
    {
      title: "Machine",
      width: "minmax(7rem, 1fr)",
      cell: (of: Case) =>
        link(
          "environment",
          { machine: of.timeline.machine, platform: of.timeline.platform },
          name(of.timeline.machine),
        ),
      key: (of: Case) => of.timeline.machine,
    },
    {
      title: "Platform",
      width: "6rem",
      cell: (of: Case) => name(of.timeline.platform),
      key: (of: Case) => of.timeline.platform,
    },
    {
      title: "Case",
      width: "minmax(16rem, 4fr)",
      cell: caseLink,
      key: (of: Case) => of.name,
    },
    {
      title: "Last",
      width: "6rem",
      numeric: true,
      cell: (of: Case) => formatValue(of.headline?.last, of.headline?.unit ?? ""),
      key: (of: Case) => of.headline?.last ?? -1,
    },
    {
      title: "State",
      width: "8rem",
      cell: (of: Case) => stateMark(of.state),
      key: (of: Case) => of.state,
    },
    {
      title: "Latest change",
      width: "10.5rem",
      cell: (of: Case) => {
        const step = lastStep(of);
        return step ? changeMark(step.logRatio, betterOf(step), step.provisional) : "–";
      },
      key: (of: Case) => Math.abs(lastStep(of)?.logRatio ?? 0),
    },
    {
      title: "All nights",
      width: "230px",
      cell: (of: Case) =>
        spark(
          model.overview(of),
          of.steps.map((step) => step.position),
          `${of.timeline.names.length} nights, ${of.steps.length} changes`,
        ),
    },
  ];
}

function falseAlarms(model: Model): HTMLElement {
  const [series, nights, steps] = model.index.false_alarms;
  const text =
    series === 0
      ? "Not measured: it needs at least two runs a night, whose halves are compared with each other."
      : `${formatCount(steps)} false changes in ${formatCount(nights)} nights of ${formatCount(series)} ` +
        `series (${((steps / nights) * 365).toFixed(3)} per series and year). These series compare the ` +
        "even runs of each night with the odd ones, so every change in them is a false alarm.";
  return h("div", {}, h("h2", {}, "This page's own false-alarm rate"), h("p", {}, text));
}

function unreadable(model: Model): HTMLElement {
  return h(
    "div",
    {},
    h("h2", {}, "Recordings that cannot be read"),
    new Table({
      label: "Unreadable recordings",
      rows: model.index.unreadable,
      height: 240,
      columns: [
        { title: "Machine", width: "1fr", cell: (row) => name(row[0]), key: (row) => row[0] },
        { title: "Recording", width: "2fr", cell: (row) => name(row[1]), key: (row) => row[1] },
        { title: "Why", width: "4fr", cell: (row) => name(row[2]) },
      ],
    }).element,
  );
}
