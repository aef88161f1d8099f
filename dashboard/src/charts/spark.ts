// SPDX-License-Identifier: MIT
// One series as a line in a table row. Failed, skipped and missing nights are told apart.
import { h } from "../dom.js";
import { codeState, isCode } from "../model.js";
import { color } from "../theme.js";

const width = 220;
const height = 24;

/** `values` are the overview's numbers; `steps` are positions of changes. */
export function spark(values: Int16Array, steps: number[], label: string): HTMLCanvasElement {
  const scale = window.devicePixelRatio || 1;
  const canvas = h("canvas", {
    width: Math.round(width * scale),
    height: Math.round(height * scale),
    role: "img",
    "aria-label": label,
    class: "spark",
  });
  const context = canvas.getContext("2d");
  if (context) {
    context.scale(scale, scale);
    paint(context, values, steps);
  }
  return canvas;
}

interface Span {
  low: number;
  high: number;
}

function paint(context: CanvasRenderingContext2D, values: Int16Array, steps: number[]): void {
  const columns: (Span | null)[] = Array.from({ length: width }, () => null);
  const marks: [x: number, failed: boolean][] = [];
  let low = Infinity;
  let high = -Infinity;
  const placeOf = (i: number) =>
    Math.min(width - 1, Math.floor(((i + 0.5) / values.length) * width));
  values.forEach((value, i) => {
    const x = placeOf(i);
    if (isCode(value)) {
      const state = codeState(value);
      if (state === "failed" || state === "skipped") marks.push([x, state === "failed"]);
      return;
    }
    const span = columns[x];
    if (span) {
      span.low = Math.min(span.low, value);
      span.high = Math.max(span.high, value);
    } else {
      columns[x] = { low: value, high: value };
    }
    low = Math.min(low, value);
    high = Math.max(high, value);
  });
  const range = Math.max(high - low, 1000);
  const middle = (high + low) / 2;
  const yOf = (value: number) => height / 2 - ((value - middle) / range) * (height - 6);
  context.fillStyle = color("mark");
  for (const step of steps) context.fillRect(placeOf(step), 0, 1, height);
  drawLine(context, columns, yOf);
  for (const [x, failed] of marks) {
    context.fillStyle = color(failed ? "bad" : "faint");
    context.fillRect(x, failed ? height - 5 : height - 2, 1.5, failed ? 5 : 2);
  }
}

function drawLine(
  context: CanvasRenderingContext2D,
  columns: (Span | null)[],
  yOf: (value: number) => number,
): void {
  context.strokeStyle = color("line");
  context.lineWidth = 1;
  context.beginPath();
  let open = false;
  let gap = 0;
  const widest = Math.ceil(width / Math.max(1, columns.filter(Boolean).length)) + 1;
  columns.forEach((span, x) => {
    if (!span) {
      gap++;
      if (gap > widest) open = false;
      return;
    }
    gap = 0;
    if (open) context.lineTo(x + 0.5, yOf(span.low));
    else context.moveTo(x + 0.5, yOf(span.low) + 0.5);
    context.lineTo(x + 0.5, yOf(span.high));
    open = true;
  });
  context.stroke();
}
