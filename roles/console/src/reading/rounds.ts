import type { Checkin, Cue, Poll, Quiz, Survey } from "../line/entities";
import type { Store } from "../line/store";

/** A round that members take part in once: what is open, and for a while what has just ended. */
export type Round = { kind: "poll"; one: Poll } | { kind: "quiz"; one: Quiz } | { kind: "survey"; one: Survey } | { kind: "checkin"; one: Checkin };

/** How long the end of a round stays in view. */
const STAYS_MS = 5 * 60_000;

export function rounds(store: Store, now: number): Round[] {
  return [
    ...store.all("polls").map((one): Round => ({ kind: "poll", one })),
    ...store.all("quizzes").map((one): Round => ({ kind: "quiz", one })),
    ...store.all("surveys").map((one): Round => ({ kind: "survey", one })),
    ...store.all("checkins").map((one): Round => ({ kind: "checkin", one })),
  ]
    .filter(({ one }) => one.open !== false || now - (one.closed_at ?? 0) < STAYS_MS)
    .sort((a, b) => Number(b.one.open !== false) - Number(a.one.open !== false) || b.one.at - a.one.at);
}

/** The sheet's cues that are still to do this, the next first. */
export function planned(store: Store, kind: string): Cue[] {
  return store
    .all("cues")
    .filter((cue) => cue.do === kind && cue.status === "planned" && cue.form !== undefined)
    .sort((a, b) => (a.at ?? Infinity) - (b.at ?? Infinity));
}
