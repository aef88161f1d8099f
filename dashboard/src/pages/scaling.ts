// SPDX-License-Identifier: MIT
// How the headline metric grows with the size of the memory, on the latest night.
import { scaling, type ScalingPoint } from "../charts/figures.js";
import { load, type ScalingDocument } from "../data.js";
import { h, name } from "../dom.js";
import { formatDate, formatSize, formatValue } from "../format.js";
import type { Model } from "../model.js";
import { hashOf, type View } from "../state.js";
import { Table } from "../table.js";
import { caseLink, choice, type Page, platformNote } from "./parts.js";

function costText(family: ScalingDocument[number]): string {
  if (!family.page_cost) return "";
  const [fixed, perPage, low, high] = family.page_cost;
  const value = (of: number) => formatValue(of, family.unit);
  const interval =
    low !== null && high !== null
      ? ` (95 % interval ${value(low)} to ${value(high)})`
      : " (too few runs for an interval)";
  return (
    `${family.metric} is about ${value(fixed)} and ${value(perPage)} for each page of 4 KiB` +
    `${interval}. `
  );
}

export async function scalingPage(model: Model, view: View): Promise<Page> {
  const families = await load<ScalingDocument>("scaling");
  const title = "Scaling";
  const element = h("div", {}, h("h1", {}, "Stall against size"));
  if (families.length === 0) {
    element.append(
      h("p", {}, "No cases that differ in nothing but the size were measured last night."),
    );
    return { title, element };
  }
  const titleOf = (family: ScalingDocument[number]) => {
    const timeline = model.index.timelines[family.timeline];
    return `${family.label} · ${timeline?.machine} · ${timeline?.platform}`;
  };
  const wanted = view.settings["family"] ?? "";
  const chosen = families.find((family) => titleOf(family) === wanted) ?? families[0];
  if (!chosen) return { title, element };
  const timeline = model.index.timelines[chosen.timeline];
  const points = chosen.points
    .map(([caseIndex, size, p10, p50, p90]) => ({ caseIndex, size, p10, p50, p90 }))
    .sort((a, b) => a.size - b.size);
  const fit = chosen.fit;
  const text =
    costText(chosen) +
    (fit
      ? `${chosen.metric} grows with size to the power of ${fit[1].toFixed(2)} ` +
        `(half of all pairs of sizes: ${fit[2].toFixed(2)} to ${fit[3].toFixed(2)}).`
      : "Two sizes are too few for a fit.");
  element.append(
    h(
      "div",
      { class: "controls" },
      choice(
        "Cases",
        titleOf(chosen),
        families.map((family): [string, string] => [titleOf(family), titleOf(family)]),
        (family) => {
          location.hash = hashOf({ page: "scaling", settings: { family } });
        },
      ),
    ),
    platformNote(timeline?.platform ?? "") ?? "",
    h(
      "p",
      {},
      name(timeline?.machine ?? ""),
      `, device `,
      name(chosen.device || "not recorded"),
      `, night of ${formatDate(timeline?.epochs.at(-1))}. ${text}`,
    ),
    h(
      "figure",
      {},
      scaling(points as ScalingPoint[], fit, chosen.page_cost, chosen.unit, text),
      h(
        "figcaption",
        {},
        "Points are medians, the line is the fitted cost, whiskers the 10th and 90th percentile; both axes are logarithmic.",
      ),
    ),
    new Table<(typeof points)[number]>({
      label: "Sizes",
      rows: points,
      height: 240,
      columns: [
        {
          title: "Size",
          width: "7rem",
          numeric: true,
          cell: (p) => formatSize(p.size),
          key: (p) => p.size,
        },
        {
          title: "p10",
          width: "7rem",
          numeric: true,
          cell: (p) => formatValue(p.p10, chosen.unit),
        },
        {
          title: "Median",
          width: "7rem",
          numeric: true,
          cell: (p) => formatValue(p.p50, chosen.unit),
        },
        {
          title: "p90",
          width: "7rem",
          numeric: true,
          cell: (p) => formatValue(p.p90, chosen.unit),
        },
        {
          title: "Case",
          width: "1fr",
          cell: (p) => {
            const of = model.cases[p.caseIndex];
            return of ? caseLink(of) : "";
          },
        },
      ],
    }).element,
  );
  return { title, element };
}
