import { tOr } from "../i18n";
import type { Cue, Product, Segment, Show } from "../line/entities";
import type { Store } from "../line/store";

/** Where the show stands: what runs, how much of it is left, what comes and how far it is from the plan. */
export interface Spine {
  running: Segment | null;
  /** ms until the running segment's end; negative is over. Stands still while the show is paused. */
  left: number | null;
  /** 0 to 1, for the bar. */
  passed: number;
  next: Segment | null;
  nextAt: number | null;
  /** Later (positive) or earlier than in the plan, in ms. A rehearsal begins when it likes: there it counts from its own start. */
  drift: number;
}

export function theShow(store: Store): Show | undefined {
  return store.all("show")[0];
}

export function segmentsInOrder(store: Store): Segment[] {
  return store.all("segments").sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
}

export function segmentName(segment: Segment, store: Store): string {
  const product = store.get("products", segment.product)?.name;
  return segment.name || product || tOr(`kind.${segment.kind}`, segment.id);
}

export function spine(store: Store, now: number): Spine {
  const show = theShow(store);
  const segments = segmentsInOrder(store);
  const running = store.get("segments", show?.segment) ?? null;
  // While the show is paused its anchors are the old ones: what was left then is left now.
  const at = show?.status === "paused" && show.paused_at !== undefined ? show.paused_at : now;
  const end = running?.end ?? (running?.start !== undefined ? running.start + running.lasts : undefined);
  const left = end === undefined ? null : end - at;
  const length = running?.start !== undefined && end !== undefined ? end - running.start : (running?.lasts ?? 0);
  const over = show?.status === "ended" || show?.status === "closed";
  const next = over ? null : (segments.find((s) => s.status === "planned" && (s.index ?? 0) > (running?.index ?? -1)) ?? null);
  const nextAt = next?.start ?? next?.planned_start ?? null;
  const off = (segment: Segment | null | undefined): number =>
    segment?.start !== undefined && segment.planned_start !== undefined ? segment.start - segment.planned_start : 0;
  const opened = show?.start;
  const first = show?.rehearsal && opened !== undefined ? segments.find((s) => (s.start ?? 0) >= opened) : null;
  // What stands at a clock time has not moved with the start.
  const drift = off(next) === 0 ? 0 : off(next) - off(first);
  return {
    running,
    left,
    passed: left === null || length <= 0 ? 0 : Math.min(1, Math.max(0, 1 - left / length)),
    next,
    nextAt,
    drift,
  };
}

/** Products in the order in which the show reaches them, then those that it does not. */
export function productsInOrder(store: Store): Product[] {
  const rank = new Map<string, number>();
  for (const segment of segmentsInOrder(store))
    if (segment.product && !rank.has(segment.product)) rank.set(segment.product, rank.size);
  return store.all("products").sort((a, b) => (rank.get(a.id) ?? 1e6) - (rank.get(b.id) ?? 1e6));
}

/**
 * The cues of each segment in order of time; those without a time (conditions) come last.
 * A cue by hand belongs to no segment in the plan: it stands with the one in which it happened.
 */
export function cuesBySegment(store: Store): Map<string, Cue[]> {
  const map = new Map<string, Cue[]>();
  const segments = segmentsInOrder(store);
  for (const cue of store.all("cues")) {
    const moment = momentOf(cue) ?? Infinity;
    const key = cue.segment ?? (segments.findLast((s) => (s.start ?? Infinity) <= moment) ?? segments[0])?.id ?? "";
    const list = map.get(key);
    if (list) list.push(cue);
    else map.set(key, [cue]);
  }
  for (const list of map.values())
    list.sort((a, b) => (momentOf(a) ?? Infinity) - (momentOf(b) ?? Infinity) || (a.index ?? 0) - (b.index ?? 0));
  return map;
}

export function momentOf(cue: Cue): number | null {
  return cue.fired_at ?? cue.fire_at ?? cue.at ?? cue.planned_at ?? null;
}

/** The next cue that comes by its time: the one that a press of GO is about unless another is selected. */
export function nextCue(store: Store): Cue | null {
  let best: Cue | null = null;
  for (const cue of store.all("cues")) {
    if (cue.status !== "planned" || cue.at == null) continue;
    if (best === null || cue.at < (best.at ?? Infinity) || (cue.at === best.at && (cue.index ?? 0) < (best.index ?? 0)))
      best = cue;
  }
  return best;
}

/** Cues that a person must decide about, the one that lapses first on top. */
export function waitingCues(store: Store): Cue[] {
  return store
    .all("cues")
    .filter((cue) => cue.status === "waiting" || cue.status === "held")
    .sort((a, b) => (a.waiting_until ?? momentOf(a) ?? Infinity) - (b.waiting_until ?? momentOf(b) ?? Infinity));
}

/** What a cue is, in words: `上链接 不粘锅`. */
export function cueWords(cue: Cue, store: Store): string {
  const kind = tOr(`cue.do.${cue.do}`, cue.do);
  return [kind, cueObject(cue, store)].filter(Boolean).join(" ");
}

/** What a round asks that this cue has opened. */
function openedBy(cue: Cue, store: Store): string | undefined {
  if (!["poll.open", "quiz.open", "survey.open"].includes(cue.do)) return undefined;
  const drops = new Set(store.all("drops").filter((drop) => drop.cue === cue.id).map((drop) => drop.id));
  const asked = [...store.all("polls"), ...store.all("quizzes")].find((round) => drops.has(round.drop ?? ""))?.question;
  return asked ?? store.all("surveys").find((survey) => drops.has(survey.drop ?? ""))?.title;
}

export function cueObject(cue: Cue, store: Store): string {
  const asked = cue.form?.["question"] ?? cue.form?.["title"];
  if (asked) return String(asked);
  const opened = openedBy(cue, store);
  if (opened) return opened;
  if (cue.coupon) return store.get("coupons", cue.coupon)?.title ?? cue.coupon;
  if (cue.link) return linkName(cue.link, store);
  if (cue.product) return store.get("products", cue.product)?.name ?? cue.product;
  if (cue.do === "link.drop" || cue.do === "product.show") {
    const product = store.get("products", store.get("segments", cue.segment)?.product);
    if (product) return product.name;
  }
  // A text has places that are filled in for each group: nobody reads `{prizes}`.
  return (cue.text ?? "").replace(/\{[^}]*\}/g, "…") || String(cue.form?.["series"] ?? "");
}

export function linkName(id: string, store: Store): string {
  const link = store.get("links", id);
  return link?.title || (link && tOr(`link.${link.kind}`, link.kind)) || store.get("products", id)?.name || id;
}
