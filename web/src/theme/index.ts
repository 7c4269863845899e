import { ref, watchEffect } from "vue";
import "./element";
import "./tokens.css";
import "./base.css";
import "./rows.css";

export type Theme = "system" | "light" | "dark";
const kept = "earshot.theme";

function first(): Theme {
  try {
    const value = localStorage.getItem(kept);
    if (value === "light" || value === "dark") return value;
  } catch {
    // Storage may be forbidden; the system's choice serves.
  }
  return "system";
}

export const theme = ref<Theme>(first());
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = ref(systemDark.matches);
systemDark.addEventListener("change", (e) => {
  systemIsDark.value = e.matches;
});

/** Whether the page is dark now. */
export const dark = ref(false);

watchEffect(() => {
  dark.value = theme.value === "dark" || (theme.value === "system" && systemIsDark.value);
  document.documentElement.classList.toggle("dark", dark.value);
});

export function setTheme(value: Theme): void {
  theme.value = value;
  try {
    localStorage.setItem(kept, value);
  } catch {
    // Not remembered, then.
  }
}
