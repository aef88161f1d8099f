// SPDX-License-Identifier: MIT
// What each machine ran on, and when that changed.
import { type EnvironmentDocument, load } from "../data.js";
import { h, name } from "../dom.js";
import { formatCount, formatDate } from "../format.js";
import type { Model } from "../model.js";
import { hashOf, replaceSettings, type View } from "../state.js";
import { Table } from "../table.js";
import { choice, link, matches, type Page, textFilter } from "./parts.js";

type Field = EnvironmentDocument[number];

export async function environmentPage(model: Model, view: View): Promise<Page> {
  const { timelines } = model.index;
  const title = "Environment";
  const found = model.findTimeline(view.settings["machine"] ?? "", view.settings["platform"] ?? "");
  const index = Math.max(0, found);
  const timeline = timelines[index];
  const element = h("div", {}, h("h1", {}, title));
  if (!timeline) {
    element.append(h("p", {}, "No recording yet."));
    return { title, element };
  }
  const fields = await load<EnvironmentDocument>(`environment/${index}`);
  let filter = view.settings["filter"] ?? "";
  let changed = view.settings["changed"] ?? "";
  const wanted = () =>
    fields.filter(
      ([field, fieldClass, unsteady, changes, values]) =>
        (changed === "" || (changes > 0 && !unsteady)) &&
        matches(`${field} ${fieldClass} ${values.at(-1)?.[1] ?? ""}`, filter),
    );
  const table = new Table<Field>({
    label: `Environment of ${timeline.machine}`,
    rows: wanted(),
    height: 560,
    columns: [
      { title: "Field", width: "2fr", cell: (row) => name(row[0]), key: (row) => row[0] },
      { title: "Part of", width: "6rem", cell: (row) => row[1], key: (row) => row[1] },
      { title: "Now", width: "3fr", cell: (row) => name(row[4].at(-1)?.[1] || "(none)") },
      {
        title: "Changes",
        width: "6rem",
        numeric: true,
        cell: (row) => formatCount(row[3]),
        key: (row) => row[3],
      },
      {
        title: "Since",
        width: "8rem",
        cell: (row) =>
          row[2] ? "changes often" : formatDate(timeline.epochs[row[4].at(-1)?.[0] ?? 0]),
        key: (row) => row[4].at(-1)?.[0] ?? 0,
      },
    ],
  });
  const update = () => {
    replaceSettings({ filter, changed });
    table.setRows(wanted());
  };
  const names = timelines.map((one, i): [string, string] => [
    String(i),
    `${one.machine} · ${one.platform}`,
  ]);
  element.append(
    h(
      "div",
      { class: "controls" },
      choice("Machine", String(index), names.slice(0, 500), (value) => {
        const one = timelines[Number(value)];
        if (!one) return;
        location.hash = hashOf({
          page: "environment",
          settings: { machine: one.machine, platform: one.platform },
        });
      }),
      textFilter("Filter", filter, (value) => {
        filter = value;
        update();
      }),
      choice(
        "Show",
        changed,
        [
          ["", "all fields"],
          ["yes", "fields that changed"],
        ],
        (value) => {
          changed = value;
          update();
        },
      ),
    ),
    table.element,
    h("h2", {}, "Changes"),
    history(fields, timeline.epochs, timeline.names, timeline.machine, timeline.platform),
  );
  return { title, element };
}

function history(
  fields: Field[],
  epochs: (number | null)[],
  recordings: string[],
  machine: string,
  platform: string,
): HTMLElement {
  const rows = fields.flatMap(([field, fieldClass, unsteady, , values]) =>
    unsteady
      ? []
      : values.slice(1).map(([position, to], i) => ({
          field,
          fieldClass,
          position,
          from: values[i]?.[1] ?? "",
          to,
        })),
  );
  rows.sort((a, b) => b.position - a.position || (a.field < b.field ? -1 : 1));
  return new Table<(typeof rows)[number]>({
    label: "Changes of the environment",
    rows,
    empty: "nothing ever changed",
    columns: [
      {
        title: "Night",
        width: "8rem",
        cell: (row) =>
          link(
            "run",
            { machine, platform, recording: recordings[row.position] ?? "" },
            formatDate(epochs[row.position]),
          ),
        key: (row) => row.position,
      },
      {
        title: "Part of",
        width: "6rem",
        cell: (row) => row.fieldClass,
        key: (row) => row.fieldClass,
      },
      { title: "Field", width: "2fr", cell: (row) => name(row.field), key: (row) => row.field },
      { title: "Before", width: "2fr", cell: (row) => name(row.from || "(none)") },
      { title: "After", width: "2fr", cell: (row) => name(row.to || "(none)") },
    ],
  }).element;
}
