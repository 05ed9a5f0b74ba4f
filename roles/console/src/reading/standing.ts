import type { Fields } from "../line/wire";
import type { Store } from "../line/store";
import { theShow } from "./spine";

/**
 * `from` of a button command: the run or drop that is current in what its sender sees, null for none.
 * Undefined where the command carries none. The server compares; here nothing is decided.
 */
export function standing(store: Store, kind: string, fields: Fields): string | null | undefined {
  const id = (name: string): string | undefined => fields[name] as string | undefined;
  if (kind.startsWith("show.") || kind.startsWith("segment.")) return theShow(store)?.run ?? null;
  if (kind === "cue.add") return undefined;
  if (kind.startsWith("cue.")) return store.get("cues", id("cue"))?.run ?? null;
  switch (kind) {
    case "coupon.drop":
      return store.get("coupons", id("coupon"))?.drop ?? null;
    case "link.drop":
      return (fields["link"] ? store.get("links", id("link")) : store.get("products", id("product")))?.drop ?? null;
    case "checkin.open":
    case "checkin.close":
      return store.all("checkins").findLast((checkin) => checkin.open)?.id ?? null;
    case "chain.open":
      return store.all("chains").findLast((chain) => chain.status === "open" && chain.product === id("product"))?.id ?? null;
    case "chain.close":
      return store.get("chains", id("chain"))?.status === "open" ? (id("chain") ?? null) : null;
    case "draw.open":
      return store.all("draws").findLast((draw) => draw.status === "open")?.id ?? null;
    case "draw.run":
      return store.get("draws", id("draw"))?.status === "drawn" ? null : (id("draw") ?? null);
    case "poll.open":
    case "poll.close":
      return store.all("polls").findLast((poll) => poll.open)?.id ?? null;
    case "quiz.open":
    case "quiz.close":
      return store.all("quizzes").findLast((quiz) => quiz.open)?.id ?? null;
    case "survey.open":
    case "survey.close":
      return store.all("surveys").findLast((survey) => survey.open)?.id ?? null;
    case "floor.remind":
    case "floor.dismiss":
      return store.get("disturbances", id("disturbance"))?.status === "open" ? (id("disturbance") ?? null) : null;
    case "delivery.retry":
    case "delivery.hand":
      return store.get("deliveries", id("delivery"))?.attempt?.toString() ?? null;
    default:
      return undefined;
  }
}
