import { ref } from "vue";

export type Theme = "dark" | "light";

const STORED = "dropcue.theme";

/** Dark unless somebody chose light: the studio is dark, and that is where it matters. */
export const theme = ref<Theme>("dark");

export function setTheme(next: Theme): void {
  theme.value = next;
  document.documentElement.dataset["theme"] = next;
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // a browser that keeps nothing still shows the page
  }
}

export function startTheme(): void {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(STORED);
  } catch {
    // as above
  }
  setTheme(stored === "light" ? "light" : "dark");
}
