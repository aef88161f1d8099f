// SPDX-License-Identifier: MIT
// Charts that uPlot has no kind for, as SVG. Each has a text alternative and a table beside it.
import { svg } from "../dom.js";
import { formatSize, formatValue } from "../format.js";

const width = 560;
const height = 220;
const left = 70;
const bottom = 34;

function frame(label: string, ...children: Node[]): SVGElement {
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "figure" },
    ...children,
  );
}
function text(x: number, y: number, content: string, anchor = "middle"): SVGElement {
  return svg("text", { x, y, "text-anchor": anchor }, content);
}

/** 1, 10, 100 … of the unit within the axis; 2 and 5 as well where there would be few. */
export function ticksOfLogarithm(low: number, high: number): number[] {
  const within = (steps: number[]) => {
    const found: number[] = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; ++power) {
      found.push(...steps.map((step) => step * 10 ** power).filter((v) => v >= low && v <= high));
    }
    return found;
  };
  const decades = within([1]);
  if (decades.length >= 3) {
    const every = Math.ceil(decades.length / 6);
    return decades.filter((_, i) => i % every === 0);
  }
  const fine = within([1, 2, 5]);
  return fine.length >= 2 ? fine : [low, high];
}

/** The axis below a chart of values from `low` to `high`, with a line up from each tick. */
function logarithmicAxis(low: number, high: number, unit: string): SVGElement[] {
  const plotWidth = width - left - 10;
  const safeHigh = high > low ? high : low * 2;
  return ticksOfLogarithm(low, safeHigh).flatMap((value) => {
    const x = left + (Math.log(value / low) / Math.log(safeHigh / low)) * plotWidth;
    return [
      svg("path", { class: "grid", d: `M${x},10V${height - bottom}` }),
      text(Math.min(x, width - 26), height - bottom + 18, formatValue(value, unit)),
    ];
  });
}

export interface Histogram {
  low: number;
  high: number;
  events: number[];
  shams: number[];
}

/** Events as bars, shams (nothing happened) as an outline, on a logarithmic axis. */
export function histogram(data: Histogram, unit: string, label: string): SVGElement {
  const most = Math.max(1, ...data.events, ...data.shams);
  const plotWidth = width - left - 10;
  const plotHeight = height - bottom - 10;
  const step = plotWidth / data.events.length;
  const bars = data.events.map((count, i) => {
    const tall = (count / most) * plotHeight;
    const y = height - bottom - tall;
    return svg("rect", { class: "bar", x: left + i * step, y, width: step - 1, height: tall });
  });
  let outline = `M${left},${height - bottom}`;
  data.shams.forEach((count, i) => {
    const y = height - bottom - (count / most) * plotHeight;
    outline += `V${y}H${left + (i + 1) * step}`;
  });
  outline += `V${height - bottom}`;
  return frame(
    label,
    ...logarithmicAxis(data.low, data.high, unit),
    ...bars,
    svg("path", { class: "outline", d: outline }),
    svg("path", { class: "axis", d: `M${left},10V${height - bottom}H${width - 10}` }),
    text(left - 6, 20, String(most), "end"),
    text(left - 6, height - bottom, "0", "end"),
  );
}

export type EcdfSteps = [value: number, share: number][];

/** Shares of events (line) and shams (dashed) up to a value, on a logarithmic axis. */
export function ecdf(
  data: { events: EcdfSteps; shams: EcdfSteps },
  unit: string,
  label: string,
): SVGElement {
  const values = [...data.events, ...data.shams].map(([value]) => value).filter((v) => v > 0);
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  const plotWidth = width - left - 10;
  const plotHeight = height - bottom - 10;
  const xOf = (value: number) =>
    left + ((Math.log(Math.max(value, Math.exp(low))) - low) / (high - low || 1)) * plotWidth;
  const path = (steps: EcdfSteps) =>
    steps.reduce(
      (drawn, [value, share]) => `${drawn}H${xOf(value)}V${height - bottom - share * plotHeight}`,
      `M${left},${height - bottom}`,
    );
  return frame(
    label,
    ...logarithmicAxis(Math.exp(low), Math.exp(high), unit),
    svg("path", { class: "axis", d: `M${left},10V${height - bottom}H${width - 10}` }),
    svg("path", { class: "outline", d: path(data.shams) }),
    svg("path", { class: "ecdf", d: path(data.events) }),
    text(left - 6, 18, "100 %", "end"),
    text(left - 6, height - bottom, "0", "end"),
  );
}

/** Parts of a whole, one beside the other, each with its own pattern of lightness. */
export function stackedBar(
  parts: { label: string; value: number }[],
  unit: string,
  label: string,
): SVGElement {
  const total = parts.reduce((sum, part) => sum + Math.max(0, part.value), 0) || 1;
  let x = 10;
  const drawn = parts.flatMap((part, i) => {
    const wide = (Math.max(0, part.value) / total) * (width - 20);
    const y = 64 + i * 24;
    const nodes = [
      svg("rect", { class: `part part${i}`, x, y: 14, width: wide, height: 34 }),
      svg("rect", { class: `part part${i}`, x: 10, y: y - 11, width: 14, height: 14 }),
      text(32, y + 1, `${part.label}: ${formatValue(part.value, unit)}`, "start"),
    ];
    x += wide;
    return nodes;
  });
  return frame(label, ...drawn);
}

export interface ScalingPoint {
  size: number;
  p10: number | null;
  p50: number;
  p90: number | null;
}

/** Both axes logarithmic; the fitted power law is a straight line, a cost per page a curve. */
export function scaling(
  points: ScalingPoint[],
  fit: [factor: number, exponent: number, low: number, high: number] | null,
  cost: [fixed: number, perPage: number, ...rest: unknown[]] | null,
  unit: string,
  label: string,
): SVGElement {
  const sizes = points.map((point) => Math.log(point.size));
  const values = points.flatMap((point) =>
    [point.p10, point.p50, point.p90].filter((v): v is number => v !== null && v > 0).map(Math.log),
  );
  const [x0, x1] = [Math.min(...sizes), Math.max(...sizes)];
  const [y0, y1] = [Math.min(...values), Math.max(...values)];
  const xOf = (v: number) => left + 20 + ((v - x0) / (x1 - x0 || 1)) * (width - left - 60);
  const yOf = (v: number) =>
    height - bottom - 10 - ((v - y0) / (y1 - y0 || 1)) * (height - bottom - 40);
  const marks = points.flatMap((point) => {
    const x = xOf(Math.log(point.size));
    const y = yOf(Math.log(point.p50));
    const range =
      point.p10 && point.p90
        ? [
            svg("path", {
              class: "whisker",
              d: `M${x},${yOf(Math.log(point.p10))}V${yOf(Math.log(point.p90))}`,
            }),
          ]
        : [];
    return [
      ...range,
      svg("circle", { class: "dot", cx: x, cy: y, r: 4 }),
      text(x, height - bottom + 18, formatSize(point.size)),
    ];
  });
  const pageBytes = 4096;
  const curve = (fixed: number, perPage: number) =>
    Array.from({ length: 49 }, (_, i) => x0 + ((x1 - x0) * i) / 48)
      .map((v): [number, number] => [v, fixed + (perPage * Math.exp(v)) / pageBytes])
      .filter(([, value]) => value > 0)
      .map(([v, value], i) => `${i ? "L" : "M"}${xOf(v)},${yOf(Math.log(value))}`)
      .join("");
  const line = cost
    ? [svg("path", { class: "fit", d: curve(cost[0], cost[1]) })]
    : fit
      ? [
          svg("path", {
            class: "fit",
            d: [x0, x1]
              .map((v, i) => `${i ? "L" : "M"}${xOf(v)},${yOf(Math.log(fit[0]) + fit[1] * v)}`)
              .join(""),
          }),
        ]
      : [];
  return frame(
    label,
    svg("path", { class: "axis", d: `M${left},10V${height - bottom}H${width - 10}` }),
    ...line,
    ...marks,
    ...ticksOfLogarithm(Math.exp(y0), Math.exp(y1)).flatMap((value) => {
      const y = yOf(Math.log(value));
      return [
        svg("path", { class: "grid", d: `M${left},${y}H${width - 10}` }),
        text(left - 6, y + 4, formatValue(value, unit), "end"),
      ];
    }),
  );
}
