import { language } from "../i18n";
import type { Prompt, Said } from "../line/entities";
import type { Store } from "../line/store";
import { cueWords } from "./spine";

/** In the page's language where the service itself says it; a person's own words as they wrote them. */
export function saidWords(said: Said): string {
  return said[language.value] ?? said.text ?? "";
}

/** What the service says of a cue begins with what the cue does. */
export function promptWords(prompt: Prompt, store: Store): string {
  const cue = prompt[language.value] === undefined ? undefined : store.get("cues", prompt.cue ?? undefined);
  return [cue && cueWords(cue, store), saidWords(prompt)].filter(Boolean).join(": ");
}
