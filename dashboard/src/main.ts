// SPDX-License-Identifier: MIT
// Shell of the page: navigation, theme, and which page the URL asks for.
import "./style.css";
import "./charts/charts.css";
import { type IndexDocument, isReport, load } from "./data.js";
import { h } from "./dom.js";
import { Model } from "./model.js";
import { casesPage } from "./pages/cases.js";
import { comparePage } from "./pages/compare.js";
import { environmentPage } from "./pages/environment.js";
import { overviewPage } from "./pages/overview.js";
import type { Page } from "./pages/parts.js";
import { runPage } from "./pages/run.js";
import { scalingPage } from "./pages/scaling.js";
import { seriesPage } from "./pages/series.js";
import { currentView, hashOf, type View } from "./state.js";
import { forgetThemeListeners, startTheme, toggleTheme } from "./theme.js";

const pages: Record<string, (model: Model, view: View) => Promise<Page>> = {
  overview: overviewPage,
  series: seriesPage,
  run: runPage,
  compare: comparePage,
  scaling: scalingPage,
  environment: environmentPage,
  cases: casesPage,
};
const inMenu = isReport()
  ? ["run", "scaling", "environment", "cases"]
  : ["overview", "compare", "scaling", "environment", "cases"];

const main = h("main", { id: "main", tabindex: "-1" });
const menu = h("nav", { "aria-label": "Pages" });

function drawMenu(page: string): void {
  menu.replaceChildren(
    ...inMenu.map((one) =>
      h(
        "a",
        {
          href: one === "run" ? "#" : hashOf({ page: one, settings: {} }),
          "aria-current": one === page ? "page" : undefined,
        },
        one === "run" ? "report" : one,
      ),
    ),
  );
}

function frame(model: Model): HTMLElement {
  return h(
    "div",
    { class: "frame" },
    h("a", { class: "skip", href: "#main", click: skip }, "Skip to content"),
    h(
      "header",
      {},
      h("strong", { class: "brand" }, "notifier-bench"),
      menu,
      h("button", { type: "button", click: toggleTheme, class: "theme" }, "Light or dark"),
    ),
    model.index.synthetic
      ? h(
          "p",
          { class: "banner", role: "note" },
          "SYNTHETIC DATA: no machine measured this. For tests and benchmarks of the page only.",
        )
      : null,
    main,
  );
}

function skip(event: Event): void {
  event.preventDefault();
  main.focus();
}

/** A report opens on its one recording. */
function reportView(model: Model): View {
  const timeline = model.index.timelines[0];
  const { machine = "", platform = "", names = [] } = timeline ?? {};
  return { page: "run", settings: { machine, platform, recording: names[0] ?? "" } };
}

let drawing = 0;

async function show(model: Model): Promise<void> {
  const turn = ++drawing;
  const view = isReport() && location.hash.length < 2 ? reportView(model) : currentView();
  const make = pages[view.page] ?? overviewPage;
  drawMenu(view.page);
  main.setAttribute("aria-busy", "true");
  forgetThemeListeners();
  let page: Page;
  try {
    page = await make(model, view);
  } catch (error) {
    page = { title: "Error", element: h("p", { class: "note bad" }, String(error)) };
  }
  if (turn !== drawing) return; // the user has gone on meanwhile
  const moved = main.childElementCount > 0;
  main.replaceChildren(page.element);
  document.title = `${page.title} – notifier-bench`;
  page.shown?.();
  main.removeAttribute("aria-busy");
  main.dataset["page"] = view.page;
  if (moved) window.scrollTo(0, 0);
}

async function start(): Promise<void> {
  startTheme();
  const place = document.getElementById("app");
  if (!place) return;
  try {
    const model = new Model(await load<IndexDocument>("index"));
    place.replaceChildren(frame(model));
    window.addEventListener("hashchange", () => void show(model));
    await show(model);
  } catch (error) {
    place.replaceChildren(h("p", { class: "note bad" }, `This site has no data: ${String(error)}`));
  }
}

void start();
