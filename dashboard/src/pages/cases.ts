// SPDX-License-Identifier: MIT
// What the words in a case's name mean, and what is measured.
import { h, name } from "../dom.js";
import { formatSize } from "../format.js";
import { perturbations } from "../generated/words.js";
import type { Case, Model } from "../model.js";
import { replaceSettings, type View } from "../state.js";
import { Table } from "../table.js";
import { link, matches, type Page, textFilter } from "./parts.js";

/** docs/measurement.md has the same words. */
const words: Record<string, [word: string, meaning: string][]> = {
  Memory: [
    ["userptr", "the process's own memory, registered with the driver (hipHostRegister)"],
    ["managed", "hipMallocManaged: shared virtual memory"],
    ["system", "plain mmap or malloc; needs retry faults"],
    ["host", "hipHostMalloc; not always pinned: the memory path tells"],
    ["vram", "hipMalloc: device memory, the control that no CPU-side change reaches"],
  ],
  Backing: [
    ["anon", "anonymous base pages"],
    ["thp", "transparent huge pages"],
    ["hugetlb", "pages of hugetlbfs"],
    ["memfd", "a memfd"],
    ["shared_anon", "anonymous memory that a child shares"],
    ["file_private", "a private mapping of a file"],
    ["mthp_64KiB", "folios of that size (mTHP); the other sizes likewise"],
    ["thp_pte", "huge pages of which each base page has an entry of its own"],
    ["thp_part_unmapped", "the first halves of huge pages, base pages in place of the rest"],
    ["thp_part_shared", "the same, and a forked child has the second halves"],
  ],
  Policy: [
    ["default", "as mapped"],
    ["dontfork", "madvise(MADV_DONTFORK): a child does not get the memory"],
    ["wipeonfork", "madvise(MADV_WIPEONFORK): a child gets zeros"],
    ["shared", "a shared mapping"],
  ],
  Recovery: [
    ["preempt", "the driver stops the device's queues and restores them"],
    ["retry_fault", "the device faults and is given the new page (XNACK)"],
    ["wait_for_jobs", "the CPU's call waits until the device's jobs have finished"],
    ["application_drain", "the program waits for its own kernel before it makes the call"],
    ["application_drain_retry_fault", "the same where the device serves retry faults (XNACK)"],
    ["none", "nothing has to move: vram, gtt, pinned memory"],
  ],
  Context: [
    ["small", "little state to save when a wave is preempted"],
    ["full", "as much state as fits: registers, LDS, occupancy"],
    ["job_1ms", "kernels that end after 1 ms (5 and 20 ms likewise)"],
  ],
};

export function casesPage(model: Model, view: View): Promise<Page> {
  const element = h(
    "div",
    {},
    h("h1", {}, "Cases"),
    h(
      "p",
      {},
      "A case's name is memory / backing / perturbation / policy / recovery / context / size.",
    ),
    caseList(model, view),
    h("h2", {}, "Perturbations"),
    h(
      "dl",
      {},
      perturbations.flatMap(([word, does, evictions, hazard]) => [
        h("dt", { id: `word-${word}` }, word),
        h(
          "dd",
          {},
          `${does}. Evictions: ${evictions}.`,
          hazard ? h("strong", {}, ` Hazard on a real GPU: ${hazard}.`) : null,
        ),
      ]),
    ),
    Object.entries(words).map(([title, list]) =>
      h(
        "section",
        {},
        h("h2", {}, title),
        h(
          "dl",
          {},
          list.flatMap(([word, meaning]) => [h("dt", {}, word), h("dd", {}, meaning)]),
        ),
      ),
    ),
    h("h2", {}, "Metrics"),
    h(
      "dl",
      {},
      model.index.metrics.flatMap(([word, unit, better, meaning]) => [
        h("dt", {}, word),
        h(
          "dd",
          {},
          `${meaning} (${unit}; ${better === "none" ? "no direction is better" : `${better} is better`})`,
        ),
      ]),
    ),
    h("h2", {}, "Flags"),
    h(
      "dl",
      {},
      model.index.flags.flatMap(([word, taints, meaning]) => [
        h("dt", {}, word),
        h(
          "dd",
          {},
          `${meaning}${taints ? "; its event is left out of the unflagged summary" : ""}`,
        ),
      ]),
    ),
  );
  return Promise.resolve({ title: "Cases", element });
}

function caseList(model: Model, view: View): HTMLElement {
  const byName = new Map<string, { first: Case; machines: Set<string> }>();
  for (const of of model.cases) {
    const known = byName.get(of.name);
    if (known) known.machines.add(of.timeline.machine);
    else byName.set(of.name, { first: of, machines: new Set([of.timeline.machine]) });
  }
  type Row = { first: Case; machines: Set<string> };
  const does = new Map(perturbations.map(([word, text]) => [word, text]));
  let filter = view.settings["filter"] ?? "";
  const wanted = () => [...byName.values()].filter((row) => matches(row.first.name, filter));
  const table = new Table<Row>({
    label: "Cases",
    rows: wanted(),
    height: 320,
    columns: [
      {
        title: "Case",
        width: "3fr",
        cell: (row) => link("overview", { filter: row.first.name }, name(row.first.name)),
        key: (row) => row.first.name,
      },
      {
        title: "What happens",
        width: "3fr",
        cell: (row) => name(does.get(row.first.perturbation) ?? "not described"),
      },
      {
        title: "Size",
        width: "6rem",
        numeric: true,
        cell: (row) => formatSize(row.first.sizeBytes),
        key: (row) => row.first.sizeBytes ?? -1,
      },
      {
        title: "Machines",
        width: "6rem",
        numeric: true,
        cell: (row) => String(row.machines.size),
        key: (row) => row.machines.size,
      },
    ],
  });
  return h(
    "div",
    {},
    h(
      "div",
      { class: "controls" },
      textFilter("Filter", filter, (value) => {
        filter = value;
        replaceSettings({ filter });
        table.setRows(wanted());
      }),
    ),
    table.element,
  );
}
