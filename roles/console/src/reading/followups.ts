import type { Look } from "./states";
import type { Key } from "../i18n";
import type { Followup } from "../line/entities";
import type { Store } from "../line/store";

const DAY_MS = 86_400_000;

/** Mine first, then by rank and by who has waited longest; then what colleagues have, last who asked for none. */
export function inOrder(store: Store, me: string): Followup[] {
  const shelf = (f: Followup): number => (f.optout ? 3 : f.owner === undefined ? 1 : f.owner === me ? 0 : 2);
  return store
    .all("followups")
    .filter((f) => f.status !== "closed")
    .sort((a, b) => shelf(a) - shelf(b) || a.rank - b.rank || (a.since ?? 0) - (b.since ?? 0) || Number(a.id.slice(1)) - Number(b.id.slice(1)));
}

/** The first moment from now on when a message may go, and what keeps it until then. The server decides. */
export function mayGo(store: Store, followup: Followup, now: number): { at: number; why: "" | "every" | "after" | "quiet" } {
  const rules = { after: 600_000, every: DAY_MS, quiet: [] as [number, number][], ...store.get("service", "service")?.followups };
  let at = now;
  let why: "" | "every" | "after" | "quiet" = "";
  const waits: [number | undefined, "every" | "after"][] = [
    [followup.messaged_at === undefined ? undefined : followup.messaged_at + rules.every, "every"],
    [followup.since ? followup.since + rules.after : undefined, "after"],
  ];
  for (const [until, because] of waits) if (until !== undefined && until > at) [at, why] = [until, because];
  const night = rules.quiet.find(([from, to]) => from <= at && at < to);
  return night ? { at: night[1], why: "quiet" } : { at, why };
}

const WHO: Readonly<Record<string, { look: Look; word: Key }>> = {
  open: { look: "waiting", word: "follow.s.open" },
  taken: { look: "held", word: "follow.s.taken" },
  messaged: { look: "sent", word: "follow.s.messaged" },
  closed: { look: "none", word: "follow.s.closed" },
};

export function followupMark(followup: Followup): { look: Look; word: Key } {
  return WHO[followup.status] ?? { look: "unknown", word: "follow.s.open" };
}
