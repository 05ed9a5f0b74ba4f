import { ref } from "vue";
import { en, zh, type Key } from "./words";

export type { Key };
export type Language = "zh" | "en";
export type Values = Readonly<Record<string, string | number>>;

const WORDS: Readonly<Record<Language, Readonly<Record<Key, string>>>> = { zh, en };
const STORED = "dropcue.language";

export const language = ref<Language>("zh");

/** What was chosen before on this machine, else what the browser asks for. */
export function chooseLanguage(stored: string | null, asked: readonly string[]): Language {
  if (stored === "zh" || stored === "en") return stored;
  return (asked[0] ?? "zh").toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function setLanguage(next: Language): void {
  language.value = next;
  // The same code point has another shape in Chinese and Japanese fonts: the page must say which it is.
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // a browser that keeps nothing still shows the page
  }
}

export function startLanguage(): void {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(STORED);
  } catch {
    // as above
  }
  setLanguage(chooseLanguage(stored, navigator.languages ?? [navigator.language]));
}

/** The words of a key in the language of the page; reading it in a template follows a switch of language. */
export function t(key: Key, values: Values = {}): string {
  return fill(WORDS[language.value][key], values);
}

/** The words of a key that is put together at run time, such as a kind from the server; `other` where there is none. */
export function tOr(key: string, other: string, values: Values = {}): string {
  return key in zh ? t(key as Key, values) : other;
}

/** One of the program's own phrases, whichever language it was chosen in, in that of the page; other words as they are. */
export function inPageLanguage(words: string, phrases: readonly Key[]): string {
  const key = phrases.find((phrase) => zh[phrase] === words || en[phrase] === words);
  return key === undefined ? words : t(key);
}

/** Fills `{name}`, and `{n|one|many}` by whether n is 1. */
export function fill(words: string, values: Values): string {
  return words.replace(/\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}/g, (whole, name: string, one?: string, many?: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return one === undefined ? String(value) : String((Number(String(value).replace(/\D/g, "")) === 1 ? one : many) ?? "");
  });
}
