import type { Question } from "../line/entities";
import type { Store } from "../line/store";

/** The trade's clock for an answer: acknowledge, warn, breach (ms). Only colours; the server keeps the record. */
export const ACKNOWLEDGE_MS = 30_000;
export const WARN_MS = 100_000;
export const BREACH_MS = 180_000;

export function isOpen(question: Question): boolean {
  return question.status === "new" || question.status === "taken" || question.status === "picked";
}

/** Those that wait for an answer, the longest wait first. */
export function queue(store: Store): Question[] {
  return store.all("questions").filter(isOpen).sort((a, b) => a.at - b.at);
}

/** Picked for the air, the last pick on top. */
export function picked(store: Store): Question[] {
  return store
    .all("questions")
    .filter((question) => question.status === "picked")
    .sort((a, b) => (b.last_at ?? b.at) - (a.last_at ?? a.at));
}

export function urgency(question: Question, now: number): "sent" | "held" | "failed" | "waiting" {
  const waits = now - question.at;
  if (waits >= BREACH_MS) return "failed";
  if (waits >= WARN_MS) return "held";
  return "waiting";
}
