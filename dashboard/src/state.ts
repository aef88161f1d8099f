// SPDX-License-Identifier: MIT
// The page and its settings, as readable text in the URL: #series?machine=a&case=b/c&metric=stall_ns

export interface View {
  page: string;
  settings: Record<string, string>;
}

/** Keeps slashes, commas and blanks readable; everything that would break the text is escaped. */
function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/%2F/g, "/")
    .replace(/%2C/g, ",")
    .replace(/%3A/g, ":")
    .replace(/%20/g, "+");
}
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, " "));
  } catch {
    return text;
  }
}

export function parseView(hash: string): View {
  const text = hash.replace(/^#/, "");
  const mark = text.indexOf("?");
  const page = decode(mark < 0 ? text : text.slice(0, mark)) || "overview";
  const settings: Record<string, string> = {};
  for (const part of (mark < 0 ? "" : text.slice(mark + 1)).split("&")) {
    const equals = part.indexOf("=");
    if (equals > 0) settings[decode(part.slice(0, equals))] = decode(part.slice(equals + 1));
  }
  return { page, settings };
}

export function hashOf(view: View): string {
  const parts = Object.entries(view.settings)
    .filter(([, value]) => value !== "")
    .map(([key, value]) => `${encode(key)}=${encode(value)}`);
  return `#${encode(view.page)}${parts.length > 0 ? `?${parts.join("&")}` : ""}`;
}

export const currentView = () => parseView(location.hash);

/** Changes settings of the page at hand without a new page and without an entry in the history. */
export function replaceSettings(changes: Record<string, string>): void {
  const view = currentView();
  history.replaceState(null, "", hashOf({ ...view, settings: { ...view.settings, ...changes } }));
}
