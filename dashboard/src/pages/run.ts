// SPDX-License-Identifier: MIT
// The report of one recording.
import { isReport, load, type Timeline } from "../data.js";
import { h, name, caseName } from "../dom.js";
import { formatTime, formatValue } from "../format.js";
import type { Case, Model } from "../model.js";
import { hashOf, type View } from "../state.js";
import { Table, tableBehind } from "../table.js";
import { caseLink, choice, link, type Page, platformNote, stateMark } from "./parts.js";
import { caseReport, type CaseDetail } from "./run_case.js";

interface RunDocument {
  findings: string[];
  manifest?: {
    environment: Record<string, string>;
    command?: unknown;
    seed?: unknown;
    finished_utc?: string;
    meter?: {
      reliable: boolean;
      failure: string;
      refusals?: string[];
      reports: {
        method: string;
        slope: number;
        constant_ns: number;
        residual_median_ns: number;
        residual_largest_ns: number;
        detection_floor_ns: number;
        reliable: boolean;
      }[];
    };
    coherence?: { checked: number; incoherent: number; share_agreeing: number | null };
    self_test?: { planted: string; caught: boolean; found: string }[];
  };
  cases: CaseDetail[];
  trace: string | null;
}

export async function runPage(model: Model, view: View): Promise<Page> {
  const { machine = "", platform = "", recording = "", case: caseName = "" } = view.settings;
  const index = model.findTimeline(machine, platform);
  const timeline = model.index.timelines[index];
  const position = timeline?.names.indexOf(recording) ?? -1;
  if (!timeline || position < 0) {
    const element = h(
      "div",
      {},
      h("h1", {}, "No such recording"),
      link("overview", {}, "Overview"),
    );
    return { title: "Run", element };
  }
  const hasDetails = position >= timeline.details_from;
  const document = hasDetails ? await load<RunDocument>(`run/${index}-${position}`) : null;
  if (!document) model.setOverview(await load("overview"));
  const element = h(
    "div",
    {},
    h("h1", {}, "Recording ", name(recording)),
    h(
      "p",
      {},
      `${formatTime(timeline.epochs[position])} on `,
      link("environment", { machine, platform }, name(machine)),
      `, platform ${platform}`,
      timeline.interrupted.includes(position) ? "; interrupted, what was measured is valid" : "",
    ),
    platformNote(platform),
    isReport() ? null : neighbours(timeline, position, caseName),
    document ? details(model, document, view) : withoutDetails(model, index, position),
  );
  return { title: `Run ${recording}`, element };
}

function neighbours(timeline: Timeline, position: number, caseName: string): HTMLElement {
  const { machine, platform, names } = timeline;
  const to = (at: number, text: string) =>
    names[at] === undefined
      ? h("span", {}, text)
      : link("run", { machine, platform, recording: names[at], case: caseName }, text);
  return h("p", {}, to(position - 1, "← night before"), " · ", to(position + 1, "night after →"));
}

function withoutDetails(model: Model, timeline: number, position: number): HTMLElement {
  const rows = model.cases.filter((of) => of.timelineIndex === timeline);
  return h(
    "div",
    {},
    h(
      "p",
      {},
      "The full reports of the latest recordings are part of this site; of this one, the headline " +
        "medians are. Build the site with a larger --details to see more.",
    ),
    new Table<Case>({
      label: "Headline medians of this recording",
      rows,
      columns: [
        { title: "Case", width: "minmax(24rem, 4fr)", cell: caseLink, key: (of) => of.name },
        {
          title: "Median",
          width: "8rem",
          numeric: true,
          cell: (of) => formatValue(model.valueAt(of, position).value, of.headline?.unit ?? ""),
          key: (of) => model.valueAt(of, position).value ?? -1,
        },
        {
          title: "State",
          width: "10rem",
          cell: (of) => stateMark(model.valueAt(of, position).state),
        },
      ],
    }).element,
  );
}

function details(model: Model, document: RunDocument, view: View): HTMLElement {
  const chosen =
    document.cases.find((one) => one.name === view.settings["case"]) ?? document.cases[0];
  const options = document.cases.map((one): [string, string] => [one.name, one.name]);
  return h(
    "div",
    {},
    findings(document.findings),
    caseTable(document.cases, view),
    chosen
      ? h(
          "section",
          {},
          h("h2", {}, "Case"),
          h(
            "div",
            { class: "controls" },
            choice("Case", chosen.name, options, (value) => {
              location.hash = hashOf({
                page: "run",
                settings: { ...view.settings, case: value },
              });
            }),
          ),
          caseReport(model, chosen, view),
        )
      : h("p", {}, "This recording holds no case."),
    document.trace
      ? h("p", {}, h("a", { href: document.trace }, "Trace (open it in a trace viewer)"))
      : null,
    instrument(document),
    reproduce(document),
  );
}

function findings(list: string[]): HTMLElement | null {
  if (list.length === 0) return null;
  return h(
    "div",
    { class: "note bad" },
    h("strong", {}, "This recording does not validate:"),
    h(
      "ul",
      {},
      list.map((finding) => h("li", {}, name(finding))),
    ),
  );
}

function caseTable(cases: CaseDetail[], view: View): HTMLElement {
  const sum = (one: CaseDetail) =>
    one.runs.reduce(
      (total, run) => total + run.violations.reduce<number>((a, b) => a + (b ?? 0), 0),
      0,
    );
  const median = (one: CaseDetail) => {
    const values = one.figures
      .filter((figure) => figure[1] === one.headline && figure[2] === "all")
      .map((figure) => figure[6])
      .filter((value): value is number => value !== null)
      .sort((a, b) => a - b);
    return values[Math.floor(values.length / 2)] ?? null;
  };
  const states = (one: CaseDetail) => {
    const failed = one.runs.find((run) => run.status === "failed");
    const skipped = one.runs.find((run) => run.status === "skipped");
    return failed ? "failed" : skipped ? "skipped" : one.headline ? "measured" : "undefined";
  };
  return new Table<CaseDetail>({
    label: "Cases of this recording",
    rows: cases,
    height: 300,
    columns: [
      {
        title: "Case",
        width: "minmax(24rem, 4fr)",
        cell: (one) => link("run", { ...view.settings, case: one.name }, caseName(one.name)),
        key: (one) => one.name,
      },
      { title: "State", width: "8rem", cell: (one) => stateMark(states(one)), key: states },
      { title: "Runs", width: "4rem", numeric: true, cell: (one) => String(one.runs.length) },
      { title: "Headline", width: "8rem", cell: (one) => one.headline || "none" },
      {
        title: "Median",
        width: "7rem",
        numeric: true,
        cell: (one) => formatValue(median(one), one.headline.endsWith("_ns") ? "ns" : ""),
        key: (one) => median(one) ?? -1,
      },
      {
        title: "Violations",
        width: "6rem",
        numeric: true,
        cell: (one) => String(sum(one)),
        key: sum,
      },
      {
        title: "Reason",
        width: "minmax(4rem, 1fr)",
        cell: (one) => name(one.runs.find((run) => run.reason)?.reason ?? ""),
      },
    ],
  }).element;
}

/** What the recording knows of its own meter. */
function instrument(document: RunDocument): HTMLElement | null {
  const { meter, coherence } = document.manifest ?? {};
  if (!meter && !coherence) return null;
  const agree =
    coherence && coherence.share_agreeing !== null
      ? `Device clock and driver's clocks agree in ${(100 * coherence.share_agreeing).toFixed(2)} % ` +
        `of ${coherence.checked} untainted events with an eviction.`
      : "No event had an eviction whose length two clocks could tell.";
  return h(
    "section",
    {},
    h("h2", {}, "The meter"),
    meter && !meter.reliable
      ? h(
          "p",
          { class: "note bad" },
          `The meter's validation failed${meter.failure ? `: ${meter.failure}` : ""}. ` +
            "All rows carry the flag unreliable.",
        )
      : null,
    meter && meter.reports.length > 0
      ? new Table<(typeof meter.reports)[number]>({
          label: "Meter validation: known holds, and what the meter read",
          rows: meter.reports,
          height: 40 + 34 * meter.reports.length,
          columns: [
            { title: "Held by", width: "8rem", cell: (row) => row.method },
            { title: "Slope", width: "6rem", numeric: true, cell: (row) => row.slope.toFixed(4) },
            {
              title: "Constant",
              width: "1fr",
              numeric: true,
              cell: (row) => formatValue(row.constant_ns, "ns"),
            },
            {
              title: "Residual, median",
              width: "1fr",
              numeric: true,
              cell: (row) => formatValue(row.residual_median_ns, "ns"),
            },
            {
              title: "Residual, largest",
              width: "1fr",
              numeric: true,
              cell: (row) => formatValue(row.residual_largest_ns, "ns"),
            },
            {
              title: "Detection floor",
              width: "1fr",
              numeric: true,
              cell: (row) => formatValue(row.detection_floor_ns, "ns"),
            },
            {
              title: "Verdict",
              width: "7rem",
              cell: (row) => (row.reliable ? "reliable" : "unreliable"),
            },
          ],
        }).element
      : null,
    ...(meter?.refusals ?? []).map((refusal) => h("p", {}, `Left out: ${refusal}`)),
    h("p", {}, agree),
  );
}

function reproduce(document: RunDocument): HTMLElement | null {
  const manifest = document.manifest;
  if (!manifest) return null;
  const command = Array.isArray(manifest.command)
    ? (manifest.command as unknown[]).map(String).join(" ")
    : "";
  const caught = manifest.self_test;
  return h(
    "section",
    {},
    h("h2", {}, "How to repeat it"),
    h("pre", {}, command || "no command recorded"),
    h("p", {}, `Seed ${String(manifest.seed ?? "not recorded")}.`),
    caught
      ? h(
          "p",
          {},
          `Self-test: ${caught.filter((one) => one.caught).length} of ${caught.length} planted ` +
            "faults caught and classified.",
        )
      : null,
    tableBehind<[string, string]>({
      label: "environment of this recording",
      rows: Object.entries(manifest.environment),
      columns: [
        { title: "Field", width: "1fr", cell: (row) => name(row[0]), key: (row) => row[0] },
        { title: "Value", width: "2fr", cell: (row) => name(row[1]), key: (row) => row[1] },
      ],
    }),
  );
}
