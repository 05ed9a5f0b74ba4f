import type { Look } from "./states";
import type { Key } from "../i18n";
import type { Question, Service } from "../line/entities";
import type { Store } from "../line/store";

/** The trade's clocks for an answer, where the sale has not said its own yet (ms). */
const USUAL = { acknowledge: 30_000, warn: 100_000, breach: 180_000, lease: 60_000 };

export function rules(store: Store): Service | undefined {
  return store.get("service", "service");
}

export function clocks(store: Store): typeof USUAL {
  return { ...USUAL, ...rules(store)?.questions };
}

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

/** How long it has waited, as a look and a word: only what is seen; the server keeps the record. */
export function waiting(question: Question, now: number, clock: typeof USUAL): { look: Look; word: Key } {
  const waits = now - question.at;
  if (waits >= clock.breach) return { look: "failed", word: "ask.clock.breached" };
  if (waits >= clock.warn) return { look: "held", word: "ask.clock.warned" };
  if (waits >= clock.acknowledge && question.acknowledged_at === undefined) return { look: "announced", word: "ask.clock.unacknowledged" };
  return { look: "waiting", word: question.acknowledged_at === undefined ? "ask.clock.new" : "ask.clock.fine" };
}

export function urgency(question: Question, now: number): Look {
  return waiting(question, now, USUAL).look;
}
