// SPDX-License-Identifier: MIT
// Colours of charts, from the style sheet's variables, and the choice of light or dark.

const key = "notifier-theme";
const listeners = new Set<() => void>();

export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function stored(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // some browsers keep nothing for file://
  }
}

export function isDark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function startTheme(): void {
  const chosen = stored();
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset["theme"] = chosen;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", notify);
}

export function toggleTheme(): void {
  const wanted = isDark() ? "light" : "dark";
  document.documentElement.dataset["theme"] = wanted;
  try {
    localStorage.setItem(key, wanted);
  } catch {
    // the choice lasts until the page is closed
  }
  notify();
}

/** Charts are painted, not styled: they are drawn anew when the theme changes. */
export const onThemeChange = (listener: () => void) => listeners.add(listener);
export const forgetThemeListeners = () => listeners.clear();
function notify(): void {
  for (const listener of listeners) listener();
}
