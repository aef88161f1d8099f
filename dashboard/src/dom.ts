// SPDX-License-Identifier: MIT
// Elements from code. Text from recordings reaches the page as text nodes only.

type Child = Node | string | number | null | undefined | false;
type Properties = Record<string, string | number | boolean | ((event: never) => void) | undefined>;

export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: (Child | Child[])[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  apply(element, properties);
  append(element, children);
  return element;
}

export function svg(tag: string, properties: Properties = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  apply(element, properties);
  append(element, children);
  return element;
}

function apply(element: Element, properties: Properties): void {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value as EventListener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

function append(element: Element, children: (Child | Child[])[]): void {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(typeof child === "number" ? String(child) : child);
  }
}

/** A name from a recording: isolated, so that its direction does not change the text around it. */
export const name = (text: string) => h("bdi", { class: "name", title: text }, text);

const tailParts = 4;

/** A case's name on two lines in a cell: what is done to which memory, and policy, recovery,
 * context and size, in which neighbouring rows differ. */
export function caseName(text: string): HTMLElement {
  const parts = text.split("/");
  if (parts.length <= tailParts) return name(text);
  const tail = parts.splice(-tailParts);
  return h(
    "bdi",
    { class: "name parted", title: text },
    h("span", { class: "front" }, parts.join("/")),
    h("span", { class: "tail" }, `/${tail.join("/")}`),
  );
}
