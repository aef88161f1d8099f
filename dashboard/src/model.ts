// SPDX-License-Identifier: MIT
// The index as objects, and the questions that pages ask of it. Pure: nothing here draws.
import { type IndexDocument, type OverviewDocument, shortsOf, type Timeline } from "./data.js";

export type State = "measured" | "failed" | "skipped" | "undefined" | "not measured";
export const stateNames: State[] = ["measured", "failed", "skipped", "undefined", "not measured"];
/** The codes of analysis/site/encode.cpp, in the order of stateNames. */
const overviewCodes = [0, -32765, -32766, -32767, -32768];
const overviewStep = 1e-4;

export interface Case {
  index: number;
  timeline: Timeline;
  timelineIndex: number;
  device: string;
  name: string;
  version: number;
  memory: string;
  backing: string;
  perturbation: string;
  policy: string;
  recovery: string;
  context: string;
  sizeBytes: number | null;
  headline: Series | null;
  series: Series[];
  state: State;
  reason: string;
  violations: { position: number; count: number }[];
  steps: Step[];
  /** Where its nights begin in the overview's values. */
  offset: number;
}
export interface Series {
  id: string;
  of: Case;
  metric: string;
  unit: string;
  better: string;
  last: number | null;
  nights: number;
}
export interface Step {
  of: Case;
  position: number;
  logRatio: number;
  z: number;
  provisional: boolean;
  group: number;
}

export class Model {
  readonly cases: Case[] = [];
  readonly series: Series[] = [];
  readonly steps: Step[] = [];
  private overviewValues: Int16Array | null = null;
  private bases: (number | null)[] = [];

  constructor(readonly index: IndexDocument) {
    const text = (i: number) => index.cases.texts[i] ?? "";
    let offset = 0;
    index.cases.rows.forEach((row, i) => {
      const timeline = index.timelines[row[0]] as Timeline;
      this.cases.push({
        index: i,
        timeline,
        timelineIndex: row[0],
        device: timeline.devices[row[1]] ?? "",
        name: text(row[2]),
        version: row[3],
        memory: text(row[4]),
        backing: text(row[5]),
        perturbation: text(row[6]),
        policy: text(row[7]),
        recovery: text(row[8]),
        context: text(row[9]),
        sizeBytes: row[10],
        headline: null,
        series: [],
        state: stateNames[row[12]] ?? "not measured",
        reason: "",
        violations: [],
        steps: [],
        offset,
      });
      offset += timeline.names.length;
    });
    for (const [id, caseIndex, metric, unit, better, last, nights] of index.series.rows) {
      const of = this.cases[caseIndex] as Case;
      const names = index.series.texts;
      const series = {
        id,
        of,
        metric: names[metric] ?? "",
        unit: names[unit] ?? "",
        better: names[better] ?? "none",
        last,
        nights,
      };
      of.series.push(series);
      this.series.push(series);
    }
    index.cases.rows.forEach((row, i) => {
      const found = row[11] === null ? undefined : this.series[row[11]];
      if (found) (this.cases[i] as Case).headline = found;
    });
    for (const [i, position, count] of index.cases.violations) {
      this.cases[i]?.violations.push({ position, count });
    }
    for (const [i, reason] of index.cases.reasons) {
      const of = this.cases[i];
      if (of) of.reason = reason;
    }
    for (const [i, position, logRatio, z, provisional, group] of index.steps) {
      const step = { of: this.cases[i] as Case, position, logRatio, z, provisional, group };
      this.steps.push(step);
      step.of.steps.push(step);
    }
  }

  setOverview(overview: OverviewDocument): void {
    this.overviewValues = shortsOf(overview.values);
    this.bases = overview.bases;
  }

  /** Values relative to the case's median, as logarithms in steps of 1e-4, with codes for states. */
  overview(of: Case): Int16Array {
    if (!this.overviewValues) return new Int16Array(0);
    return this.overviewValues.subarray(of.offset, of.offset + of.timeline.names.length);
  }

  valueAt(of: Case, position: number): { state: State; value: number | null } {
    const coded = this.overview(of)[position];
    const base = this.bases[of.index];
    const code = coded === undefined ? -1 : overviewCodes.indexOf(coded, 1);
    if (coded === undefined || code > 0) {
      return { state: stateNames[code] ?? "not measured", value: null };
    }
    return {
      state: "measured",
      value: base === null || base === undefined ? null : base * Math.exp(coded * overviewStep),
    };
  }

  findTimeline(machine: string, platform: string): number {
    return this.index.timelines.findIndex((t) => t.machine === machine && t.platform === platform);
  }

  /** The newest version unless one is named. */
  findCase(timeline: number, name: string, device: string, version: string): Case | undefined {
    let best: Case | undefined;
    for (const of of this.cases) {
      if (of.timelineIndex !== timeline || of.name !== name) continue;
      if (device && of.device !== device) continue;
      if (version && String(of.version) !== version) continue;
      if (!best || of.version > best.version) best = of;
    }
    return best;
  }
}

export const isCode = (value: number) => value <= -32765;
export const codeState = (value: number): State =>
  stateNames[overviewCodes.indexOf(value, 1)] ?? "measured";
export const logOf = (value: number) => value * overviewStep;

/** Whether a step is a change for the worse; null when the metric has no better direction. */
export function isWorse(logRatio: number, better: string): boolean | null {
  if (better === "lower") return logRatio > 0;
  if (better === "higher") return logRatio < 0;
  return null;
}
