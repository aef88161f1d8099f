// SPDX-License-Identifier: MIT
// Numbers, sizes and times as text. Undefined is "n/a", never 0.

const siUnits: Record<string, [scale: number, unit: string][]> = {
  ns: [
    [1e9, "s"],
    [1e6, "ms"],
    [1e3, "µs"],
    [1, "ns"],
  ],
};

export function formatValue(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "n/a";
  for (const [scale, name] of siUnits[unit] ?? []) {
    if (Math.abs(value) >= scale) return `${significant(value / scale)} ${name}`;
  }
  return unit && unit !== "count" ? `${significant(value)} ${unit}` : significant(value);
}

export function significant(value: number, digits = 3): string {
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude >= digits) return Math.round(value).toString();
  return value.toFixed(Math.min(9, Math.max(0, digits - 1 - magnitude)));
}

export function formatSize(bytes: number | null): string {
  if (bytes === null) return "n/a";
  for (const [shift, name] of [
    [30, "GiB"],
    [20, "MiB"],
    [10, "KiB"],
  ] as const) {
    if (bytes >= 2 ** shift) return `${significant(bytes / 2 ** shift)} ${name}`;
  }
  return `${bytes} B`;
}

/** Log of a ratio as a change in per cent: "+8.0 %". */
export function formatChange(logRatio: number): string {
  const percent = (Math.exp(logRatio) - 1) * 100;
  return `${percent >= 0 ? "+" : "−"}${significant(Math.abs(percent), 2)} %`;
}

export function formatDate(epoch: number | null | undefined): string {
  if (epoch === null || epoch === undefined) return "unknown date";
  return new Date(epoch * 1000).toISOString().slice(0, 10);
}
export function formatTime(epoch: number | null | undefined): string {
  if (epoch === null || epoch === undefined) return "unknown time";
  return `${new Date(epoch * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
export const formatCount = (count: number) => count.toLocaleString("en-US");
