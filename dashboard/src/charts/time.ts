// SPDX-License-Identifier: MIT
// A metric over time: median, band of the 10th to 90th percentile, runs as points, changes as lines.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { h } from "../dom.js";
import { formatDate, formatValue } from "../format.js";
import { color } from "../theme.js";

export interface TimeChartData {
  times: number[];
  p10: (number | null)[];
  p50: (number | null)[];
  p90: (number | null)[];
  p99: (number | null)[];
  /** Medians of single runs, at their own times; may be empty. */
  runTimes: number[];
  runs: number[];
  changes: { time: number; worse: boolean | null; provisional: boolean }[];
  /** Nights on which runs failed or were skipped. */
  marks: { time: number; failed: boolean }[];
}

export interface TimeChartOptions {
  label: string;
  unit: string;
  from: number | null;
  to: number | null;
  onZoom: (from: number | null, to: number | null) => void;
  onOpen: (index: number) => void;
}

const height = 320;

export class TimeChart {
  readonly element: HTMLElement;
  private readonly readout = h("p", { class: "readout", "aria-live": "polite" });
  private readonly place = h("div", { class: "plot" });
  private plot: uPlot | null = null;
  private cursor = -1;
  private readonly resize = new ResizeObserver(() => this.fit());

  constructor(
    private readonly data: TimeChartData,
    private readonly options: TimeChartOptions,
  ) {
    this.readout.textContent = `${data.times.length} nights. Arrow keys read them, drag to zoom.`;
    this.place.setAttribute("tabindex", "0");
    this.place.setAttribute("role", "img");
    this.place.setAttribute("aria-label", options.label);
    this.place.addEventListener("keydown", (event) => this.onKey(event));
    this.place.addEventListener("dblclick", () => options.onZoom(null, null));
    this.element = h("figure", { class: "chart" }, this.place, this.readout);
  }

  /** To be called once the element is in the page. */
  draw(): void {
    this.plot?.destroy();
    const data = this.data;
    const columns = [data.times, data.p90, data.p10, data.p50, data.p99];
    this.plot = new uPlot(this.plotOptions(), columns as uPlot.AlignedData, this.place);
    const { from, to } = this.options;
    if (from !== null && to !== null) this.plot.setScale("x", { min: from, max: to });
    this.resize.disconnect();
    this.resize.observe(this.place);
  }

  private plotOptions(): uPlot.Options {
    const axis = {
      stroke: color("text"),
      grid: { stroke: color("grid"), width: 1 },
      ticks: { stroke: color("grid"), width: 1 },
    };
    const points = { show: false };
    const fill = color("band");
    return {
      width: Math.max(320, this.place.clientWidth),
      height,
      legend: { show: false },
      cursor: { points: { size: 6 }, drag: { x: true, y: false, setScale: false } },
      scales: { y: { range: (_plot, low, high) => [Math.min(0, low), high * 1.05 || 1] } },
      axes: [
        axis,
        { ...axis, size: 78, values: (_plot, ticks) => ticks.map((tick) => this.format(tick)) },
      ],
      bands: [{ series: [1, 2], fill }],
      series: [
        {},
        { stroke: "transparent", points },
        { stroke: "transparent", points },
        { stroke: color("line"), width: 1.5, points: { show: this.data.times.length < 60 } },
        { stroke: color("second"), width: 1, dash: [4, 4], points },
      ],
      hooks: {
        draw: [(plot) => this.drawRuns(plot), (plot) => this.drawMarks(plot)],
        setCursor: [(plot) => this.read(plot.cursor.idx ?? null)],
        setSelect: [(plot) => this.zoom(plot)],
        ready: [(plot) => plot.over.addEventListener("click", () => this.open(plot))],
      },
    };
  }

  private format(value: number | null | undefined): string {
    return formatValue(value, this.options.unit);
  }

  private drawRuns(plot: uPlot): void {
    const context = plot.ctx;
    context.save();
    context.fillStyle = color("point");
    const size = 2 * devicePixelRatio;
    const { min = -Infinity, max = Infinity } = plot.scales["x"] ?? {};
    this.data.runTimes.forEach((time, i) => {
      if (time < (min as number) || time > (max as number)) return;
      const x = plot.valToPos(time, "x", true);
      const y = plot.valToPos(this.data.runs[i] as number, "y", true);
      if (y >= plot.bbox.top) context.fillRect(x - size / 2, y - size / 2, size, size);
    });
    context.restore();
  }

  private drawMarks(plot: uPlot): void {
    const context = plot.ctx;
    const { left, top, width, height: tall } = plot.bbox;
    context.save();
    context.beginPath();
    context.rect(left, top, width, tall);
    context.clip();
    for (const mark of this.data.marks) {
      context.fillStyle = color(mark.failed ? "bad" : "faint");
      const size = (mark.failed ? 8 : 4) * devicePixelRatio;
      context.fillRect(plot.valToPos(mark.time, "x", true) - 1, top + tall - size, 3, size);
    }
    context.font = `${12 * devicePixelRatio}px sans-serif`;
    context.textAlign = "center";
    for (const change of this.data.changes) {
      const x = plot.valToPos(change.time, "x", true);
      const tone = change.worse === null ? "text" : change.worse ? "worse" : "better";
      context.strokeStyle = context.fillStyle = color(tone);
      context.setLineDash(change.provisional ? [4, 4] : []);
      context.beginPath();
      context.moveTo(x, top + 16 * devicePixelRatio);
      context.lineTo(x, top + tall);
      context.stroke();
      const glyph = change.worse === null ? "◆" : change.worse ? "▲" : "▼";
      context.fillText(glyph, x, top + 13 * devicePixelRatio);
    }
    context.restore();
  }

  private read(index: number | null): void {
    if (index === null) return;
    this.cursor = index;
    const data = this.data;
    this.readout.textContent =
      `${formatDate(data.times[index])}: median ${this.format(data.p50[index])}, ` +
      `10th–90th percentile ${this.format(data.p10[index])} – ${this.format(data.p90[index])}, ` +
      `99th ${this.format(data.p99[index])}`;
  }

  private zoom(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 5) return;
    const from = plot.posToVal(left, "x");
    const to = plot.posToVal(left + width, "x");
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    plot.setScale("x", { min: from, max: to });
    this.options.onZoom(from, to);
  }

  private open(plot: uPlot): void {
    if (plot.select.width < 5 && plot.cursor.idx !== null && plot.cursor.idx !== undefined) {
      this.options.onOpen(plot.cursor.idx);
    }
  }

  private onKey(event: KeyboardEvent): void {
    const last = this.data.times.length - 1;
    const at = this.cursor < 0 ? last : this.cursor;
    const moves: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: last,
    };
    if (event.key === "Enter" && this.cursor >= 0) this.options.onOpen(this.cursor);
    if (event.key === "Escape") this.options.onZoom(null, null);
    const wanted = moves[event.key];
    if (wanted === undefined || !this.plot) return;
    event.preventDefault();
    const index = Math.min(Math.max(wanted, 0), last);
    const left = this.plot.valToPos(this.data.times[index] as number, "x");
    this.plot.setCursor({ left, top: 10 });
    this.read(index);
  }

  private fit(): void {
    const width = Math.max(320, this.place.clientWidth);
    if (this.plot && this.plot.width !== width) this.plot.setSize({ width, height });
  }
}
