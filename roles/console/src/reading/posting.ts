import type { Delivery } from "../line/entities";
import type { Store } from "../line/store";
import type { Errands } from "../line/errands";

/** What a poster has to post, what others of their groups have, and what became of the rest. */
export interface Posting {
  /** Mine, the first to be posted first. */
  waiting: Delivery[];
  /** Of my groups, with another poster or left to a person by a machine. */
  others: Delivery[];
  /** Taken back a moment ago: it must not be posted any more. */
  withdrawn: Delivery[];
  /** Posted, could not be posted, or too late; the newest first. */
  done: Delivery[];
  /** Said on this phone, and not yet heard by the service. */
  unheard: Set<string>;
}

/** So long a withdrawal stays on the screen if nobody says that it was seen. */
const WITHDRAWN_MS = 600_000;
const DONE_KEPT = 20;

export function posting(store: Store, errands: Errands, me: string, now: number, seen: ReadonlySet<string>): Posting {
  const found: Posting = { waiting: [], others: [], withdrawn: [], done: [], unheard: new Set() };
  for (const errand of errands.open.values()) if (errand.kind === "delivery.report") found.unheard.add(String(errand.fields["delivery"]));
  for (const delivery of store.all("deliveries")) {
    if (delivery.relay !== me && !saidByMe(delivery, me)) {
      if (delivery.status === "awaiting") found.others.push(delivery);
    } else if (delivery.status === "awaiting" || delivery.status === "requested") {
      (found.unheard.has(delivery.id) ? found.done : found.waiting).push(delivery);
    } else if (delivery.status === "withdrawn") {
      if (now - (delivery.recalled_at ?? 0) < WITHDRAWN_MS && !seen.has(attemptOf(delivery)) && !found.unheard.has(delivery.id)) found.withdrawn.push(delivery);
      else found.done.push(delivery);
    } else if (delivery.status !== "held") found.done.push(delivery);
  }
  const first = (a: Delivery, b: Delivery): number => dueAt(a) - dueAt(b) || (a.priority ?? 0) - (b.priority ?? 0) || numberOf(a) - numberOf(b);
  found.waiting.sort(first);
  found.others.sort(first);
  found.withdrawn.sort(first);
  found.done.sort((a, b) => lastOf(b) - lastOf(a) || numberOf(b) - numberOf(a));
  found.done.splice(DONE_KEPT);
  return found;
}

/** Whether I said that I posted it, though another had it from then on. */
function saidByMe(delivery: Delivery, me: string): boolean {
  return delivery.status === "sent" && (delivery.sent_by === me || (delivery.further ?? []).some((each) => each.relay === me));
}
/** Others who say that they posted it too. */
export function othersWho(delivery: Delivery, me: string): { who: string; at: number }[] {
  const said = [{ who: delivery.sent_by ?? "", at: delivery.sent_at }, ...(delivery.further ?? []).map((each) => ({ who: each.relay, at: each.sent_at }))];
  return said.filter((each): each is { who: string; at: number } => each.at !== undefined && each.who !== "" && each.who !== me);
}
/** Everything that is shown for it. */
export function proofsOf(delivery: Delivery): string[] {
  return [delivery.proof, ...(delivery.further ?? []).map((each) => each.proof)].filter((proof): proof is string => !!proof);
}

export function dueAt(delivery: Delivery): number {
  return delivery.fire_at ?? 0;
}
/** A text that was rendered anew is another attempt: what was copied before is old. */
export function attemptOf(delivery: Delivery): string {
  return `${delivery.id}.${delivery.attempt ?? 1}`;
}
/** What is copied: the words, and whatever address does not stand in them already, whole. */
export function wordsOf(delivery: Delivery): string {
  const { text = "", link, coupon, mention, video } = delivery.content ?? {};
  const beside = [link, coupon, video].filter((address): address is string => !!address && !text.includes(address));
  return [mention && !text.includes(mention) ? `${mention} ${text}` : text, ...beside].join("\n");
}
function lastOf(delivery: Delivery): number {
  return delivery.sent_at ?? delivery.recalled_at ?? delivery.fire_at ?? 0;
}
function numberOf(delivery: Delivery): number {
  return Number(delivery.id.slice(1));
}
