// SPDX-License-Identifier: MIT
// What several pages show: links, states, changes and their causes.
import type { Candidate } from "../data.js";
import { h, name, caseName } from "../dom.js";
import { formatChange, formatDate, formatTime } from "../format.js";
import { type Case, isWorse, type Model, type Series, type State, type Step } from "../model.js";
import { hashOf, type View } from "../state.js";

export interface Page {
  title: string;
  element: HTMLElement;
  /** Called when the element is in the page. */
  shown?: () => void;
}

export function link(page: string, settings: View["settings"], ...content: (Node | string)[]) {
  return h("a", { href: hashOf({ page, settings }) }, ...content);
}

export function seriesSettings(series: Series): View["settings"] {
  const { of } = series;
  const several = of.timeline.devices.length > 1;
  return {
    machine: of.timeline.machine,
    platform: of.timeline.platform,
    case: of.name,
    metric: series.metric,
    device: several ? of.device : "",
    version: of.version === 1 ? "" : String(of.version),
  };
}

export function caseLink(of: Case): HTMLElement {
  return of.headline
    ? link("series", seriesSettings(of.headline), caseName(of.name))
    : link(
        "series",
        { machine: of.timeline.machine, platform: of.timeline.platform, case: of.name },
        caseName(of.name),
      );
}

export function runLink(of: Case, position: number): HTMLElement {
  const { machine, platform, names, epochs } = of.timeline;
  return link(
    "run",
    { machine, platform, recording: names[position] ?? "", case: of.name },
    formatDate(epochs[position]),
  );
}

const glyphs: Record<State, string> = {
  measured: "●",
  failed: "✖",
  skipped: "⊘",
  undefined: "∅",
  "not measured": "·",
};
const words: Record<State, string> = {
  measured: "ok",
  failed: "failed",
  skipped: "skipped",
  undefined: "no value",
  "not measured": "not measured",
};
export function stateMark(state: State): HTMLElement {
  const style = state.replace(" ", "-");
  return h("span", { class: `state ${style}` }, glyphs[state], ` ${words[state]}`);
}

export function changeMark(logRatio: number, better: string, provisional: boolean): HTMLElement {
  const worse = isWorse(logRatio, better);
  const glyph = worse === null ? "◆" : worse ? "▲" : "▼";
  const word = worse === null ? "changed" : worse ? "worse" : "better";
  return h(
    "span",
    { class: `change ${worse === null ? "" : word}` },
    `${glyph} ${formatChange(logRatio)} ${word}${provisional ? ", provisional" : ""}`,
  );
}

export const betterOf = (step: Step) => step.of.headline?.better ?? "none";

/** The nights that count as recent on the overview. */
export const recentNights = 14;
export const isRecent = (step: Step) =>
  step.position + recentNights >= step.of.timeline.names.length;

function candidateText(candidate: Candidate): HTMLElement {
  const [field, , from, to, stepped, steady] = candidate;
  const others =
    steady > 0 ? `, but not on ${steady} other${steady > 1 ? "s" : ""} with this change` : "";
  return h(
    "span",
    {},
    name(field),
    " ",
    name(from || "(none)"),
    " → ",
    name(to || "(none)"),
    ` (on ${stepped} machine${stepped === 1 ? "" : "s"} that stepped${others})`,
  );
}

export function causeOf(model: Model, group: number): HTMLElement {
  const found = model.index.groups[group];
  const texts: Record<string, string> = {
    one_device: "one GPU of several: the device or its slot",
    one_machine: "this machine only, with no change of its environment that explains it",
    unknown: "no recorded change of the environment explains it",
  };
  const best = found?.candidates[0];
  if (!found) return h("span", {}, "unknown");
  if (found.cause === "environment" && best) {
    return h("span", {}, h("strong", {}, best[1]), ": ", candidateText(best));
  }
  return h("span", {}, texts[found.cause] ?? found.cause);
}

export function candidateList(model: Model, group: number): HTMLElement | null {
  const candidates = model.index.groups[group]?.candidates ?? [];
  if (candidates.length === 0) return null;
  return h(
    "ul",
    {},
    candidates.map((candidate) => h("li", {}, candidateText(candidate))),
  );
}

export function platformNote(platform: string): HTMLElement | null {
  if (platform !== "software") return null;
  return h(
    "p",
    { class: "note" },
    "platform=software: these times describe the software GPU, not AMD hardware.",
  );
}

export function recordingTime(of: { epochs: (number | null)[] }, position: number): string {
  return formatTime(of.epochs[position]);
}

/** A choice whose value is one of the page's settings. */
export function choice(
  label: string,
  value: string,
  options: [value: string, text: string][],
  onChange: (value: string) => void,
): HTMLElement {
  const select = h("select", {
    change: () => onChange(select.value),
  });
  for (const [key, text] of options) {
    select.append(h("option", { value: key, selected: key === value }, text));
  }
  return h("label", {}, `${label} `, select);
}

export function textFilter(
  label: string,
  value: string,
  onInput: (value: string) => void,
): HTMLElement {
  const input = h("input", { type: "search", value, placeholder: "words, all must match" });
  input.addEventListener("input", () => onInput(input.value));
  return h("label", {}, `${label} `, input);
}

/** Whether all words occur in the text. */
export function matches(text: string, filter: string): boolean {
  const lower = text.toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}
