// SPDX-License-Identifier: MIT
// A table that draws only the rows in sight, so that ten thousand machines cost no more than ten.
import { h } from "./dom.js";

export interface Column<Row> {
  title: string;
  /** What the cell shows. */
  cell: (row: Row) => Node | string;
  /** What the column sorts by; without it the title is no button. */
  key?: (row: Row) => string | number;
  /** A CSS grid track. */
  width: string;
  numeric?: boolean;
}

export interface TableOptions<Row> {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  /** Pixels; the table scrolls when it has more rows. */
  height?: number;
  sort?: { column: number; descending: boolean };
  onSort?: (column: number, descending: boolean) => void;
  empty?: string;
}

const rowHeight = 30;
const spareRows = 4;

export class Table<Row> {
  readonly element: HTMLElement;
  private readonly body: HTMLElement;
  private readonly header: HTMLElement;
  private readonly viewport: HTMLElement;
  private shown: Row[] = [];
  private sort: { column: number; descending: boolean } | null;
  private drawn = "";

  constructor(private readonly options: TableOptions<Row>) {
    this.sort = options.sort ?? null;
    this.header = h("div", { role: "row", class: "row head" });
    this.body = h("div", { class: "rows", role: "presentation" });
    this.viewport = h("div", { class: "viewport", role: "rowgroup" }, this.body);
    this.viewport.style.maxHeight = `${options.height ?? 420}px`;
    this.element = h(
      "div",
      { class: "table", role: "table", "aria-label": options.label },
      h("div", { role: "rowgroup" }, this.header),
      this.viewport,
    );
    this.element.style.setProperty("--tracks", options.columns.map((c) => c.width).join(" "));
    this.viewport.addEventListener("scroll", () => this.draw());
    this.viewport.addEventListener("keydown", (event) => this.moveFocus(event));
    this.setRows(options.rows);
  }

  setRows(rows: Row[]): void {
    this.shown = [...rows];
    this.applySort();
  }

  private applySort(): void {
    const key = this.sort && this.options.columns[this.sort.column]?.key;
    if (key) {
      const sign = this.sort?.descending ? -1 : 1;
      this.shown.sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        return (x < y ? -1 : x > y ? 1 : 0) * sign;
      });
    }
    this.drawHeader();
    const count = this.shown.length;
    this.body.style.height = `${Math.max(count, 1) * rowHeight}px`;
    this.element.setAttribute("aria-rowcount", String(count + 1));
    // Only what scrolls takes the keyboard's focus.
    const scrolls = count * rowHeight > (this.options.height ?? 420);
    if (scrolls) this.viewport.setAttribute("tabindex", "0");
    else this.viewport.removeAttribute("tabindex");
    this.drawn = "";
    this.draw();
  }

  private drawHeader(): void {
    this.header.replaceChildren(
      ...this.options.columns.map((column, i) => {
        const sorted = this.sort?.column === i;
        const arrow = sorted ? (this.sort?.descending ? " ↓" : " ↑") : "";
        const title = column.key
          ? h("button", { type: "button", click: () => this.sortBy(i) }, column.title + arrow)
          : h("span", {}, column.title);
        const order = this.sort?.descending ? "descending" : "ascending";
        return h(
          "div",
          {
            role: "columnheader",
            class: column.numeric ? "cell numeric" : "cell",
            "aria-sort": sorted ? order : undefined,
          },
          title,
        );
      }),
    );
  }

  private sortBy(column: number): void {
    const descending = this.sort?.column === column ? !this.sort.descending : false;
    this.sort = { column, descending };
    this.applySort();
    this.options.onSort?.(column, descending);
    this.header.querySelectorAll("button")[column]?.focus();
  }

  private draw(): void {
    const height = this.options.height ?? 420;
    const first = Math.max(0, Math.floor(this.viewport.scrollTop / rowHeight) - spareRows);
    const last = Math.min(this.shown.length, first + Math.ceil(height / rowHeight) + 2 * spareRows);
    const range = `${first}-${last}`;
    if (range === this.drawn) return;
    this.drawn = range;
    if (this.shown.length === 0) {
      const text = h("div", { role: "cell", class: "cell" }, this.options.empty ?? "nothing");
      this.body.replaceChildren(h("div", { role: "row", class: "row" }, text));
      return;
    }
    this.body.replaceChildren(
      ...this.shown.slice(first, last).map((row, i) => this.drawRow(row, first + i)),
    );
  }

  private drawRow(row: Row, index: number): HTMLElement {
    const element = h("div", { role: "row", class: "row", "aria-rowindex": index + 2 });
    element.style.top = `${index * rowHeight}px`;
    element.append(
      ...this.options.columns.map((column) =>
        h("div", { role: "cell", class: column.numeric ? "cell numeric" : "cell" }, [
          column.cell(row),
        ]),
      ),
    );
    return element;
  }

  /** Arrow keys go from link to link, row by row. */
  private moveFocus(event: KeyboardEvent): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const row = (event.target as Element).closest<HTMLElement>("[aria-rowindex]");
    if (step === 0 || !row) return;
    event.preventDefault();
    const wanted = Number(row.getAttribute("aria-rowindex")) + step;
    this.viewport.scrollTop = Math.min(
      Math.max(this.viewport.scrollTop, (wanted - 1) * rowHeight - this.viewport.clientHeight),
      (wanted - 2) * rowHeight,
    );
    this.draw();
    this.body
      .querySelector<HTMLElement>(
        `[aria-rowindex="${wanted}"] a, [aria-rowindex="${wanted}"] button`,
      )
      ?.focus();
  }
}

/** The table behind a chart. */
export function tableBehind<Row>(options: TableOptions<Row>): HTMLElement {
  const details = h("details", {}, h("summary", {}, `Table: ${options.label}`));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) {
      details.append(new Table(options).element);
    }
  });
  return details;
}
