// SPDX-License-Identifier: MIT
// What notifier_site writes (analysis/site/documents.cpp has the same shapes), and how it is loaded:
// each file is a script that calls notifierData, since a page on file:// may load nothing else.

export interface Timeline {
  machine: string;
  platform: string;
  devices: string[];
  names: string[];
  epochs: (number | null)[];
  interrupted: number[];
  details_from: number;
}

type CaseRow = [
  timeline: number,
  device: number,
  name: number,
  version: number,
  memory: number,
  backing: number,
  perturbation: number,
  policy: number,
  recovery: number,
  context: number,
  sizeBytes: number | null,
  headline: number | null,
  state: number,
];
type SeriesRow = [
  id: string,
  caseIndex: number,
  metric: number,
  unit: number,
  better: number,
  last: number | null,
  nights: number,
];
type StepRow = [
  caseIndex: number,
  position: number,
  logRatio: number,
  z: number,
  provisional: boolean,
  group: number,
];
export type Candidate = [
  field: string,
  fieldClass: string,
  from: string,
  to: string,
  stepped: number,
  steady: number,
];

export interface IndexDocument {
  format: number;
  synthetic: boolean;
  counts: { recordings: number; rows: number; series: number };
  metrics: [name: string, unit: string, better: string, meaning: string][];
  flags: [name: string, taints: boolean, meaning: string][];
  timelines: Timeline[];
  cases: {
    texts: string[];
    rows: CaseRow[];
    violations: [caseIndex: number, position: number, count: number][];
    reasons: [caseIndex: number, reason: string][];
  };
  series: { texts: string[]; rows: SeriesRow[] };
  steps: StepRow[];
  groups: { cause: string; candidates: Candidate[] }[];
  unreadable: [machine: string, name: string, problem: string][];
  false_alarms: [series: number, nights: number, steps: number];
}

export interface OverviewDocument {
  bases: (number | null)[];
  values: string;
}
export interface SeriesDocument {
  nights: string;
  runs: string;
  steps: [position: number, logRatio: number, z: number, provisional: boolean][];
  spikes: number[];
  outcomes: [
    position: number,
    ok: number,
    failed: number,
    skipped: number,
    violations: number,
    reason: string,
  ][];
}
export type EnvironmentDocument = [
  field: string,
  fieldClass: string,
  unsteady: boolean,
  changes: number,
  values: [position: number, value: string][],
][];
export type ScalingDocument = {
  timeline: number;
  label: string;
  device: string;
  metric: string;
  unit: string;
  points: [caseIndex: number, size: number, p10: number | null, p50: number, p90: number | null][];
  fit: [factor: number, exponent: number, low: number, high: number] | null;
  /** In the metric's unit; the interval is of the cost per page of 4 KiB. */
  page_cost: [fixed: number, perPage: number, low: number | null, high: number | null] | null;
}[];

const documents = new Map<string, unknown>();
const pending = new Map<string, Promise<unknown>>();

declare global {
  interface Window {
    notifierData: (name: string, document: unknown) => void;
    /** In a report, which is one file: all documents by name. */
    notifierDocuments?: Record<string, unknown>;
  }
}
window.notifierData = (name, document) => documents.set(name, document);

/** Whether this page is the report of one recording and holds its data. */
export const isReport = () => window.notifierDocuments !== undefined;

/** Loads data/<name>.js once. Rejects when the file is missing or is another document. */
export function load<Document>(name: string): Promise<Document> {
  const given = window.notifierDocuments;
  if (given) {
    return name in given
      ? Promise.resolve(given[name] as Document)
      : Promise.reject(new Error(`this report holds no ${name}`));
  }
  const known = pending.get(name);
  if (known) return known as Promise<Document>;
  const promise = new Promise<unknown>((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `data/${name}.js`;
    script.onload = () => {
      script.remove();
      if (documents.has(name)) resolve(documents.get(name));
      else reject(new Error(`data/${name}.js holds something else`));
    };
    script.onerror = () => reject(new Error(`data/${name}.js cannot be loaded`));
    document.head.append(script);
  });
  pending.set(name, promise);
  return promise as Promise<Document>;
}

function bytesOf(base64: string): ArrayBuffer {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}
export const floatsOf = (base64: string) => new Float32Array(bytesOf(base64));
export const shortsOf = (base64: string) => new Int16Array(bytesOf(base64));

/** Splits equally long columns that stand one after the other. */
export function columnsOf(base64: string, count: number): Float32Array[] {
  const all = floatsOf(base64);
  const length = all.length / count;
  return Array.from({ length: count }, (_, i) => all.subarray(i * length, (i + 1) * length));
}
