import { tOr } from "../i18n";
import type { Delivery, Drop, Group } from "../line/entities";
import type { Store } from "../line/store";
import { isUnreached } from "./frozen";
import { linkName } from "./spine";
import { deliveryMark, type Look } from "./states";

/** How the deliveries of one drop stand. */
export interface Tally {
  all: number;
  sent: number;
  onWay: number;
  waits: number;
  failed: number;
  unknown: number;
}

export interface BoardColumn {
  drop: Drop;
  name: string;
  tally: Tally;
  /** group id to its delivery */
  cells: Map<string, Delivery>;
}

const TROUBLE: ReadonlySet<Look> = new Set<Look>(["failed", "unknown", "held"]);

export function isTrouble(delivery: Delivery): boolean {
  return TROUBLE.has(deliveryMark(delivery.status).look);
}

export function dropsNewestFirst(store: Store): Drop[] {
  return store.all("drops").sort((a, b) => b.fire_at - a.fire_at || b.at - a.at);
}

const VERB: Readonly<Record<string, string>> = { message: "send", checkin: "open", chain: "open", draw: "open", poll: "open", quiz: "open", survey: "open", redpacket: "announce" };

export function dropName(drop: Drop, store: Store): string {
  const kind = tOr(`cue.do.${drop.kind}.${VERB[drop.kind] ?? "drop"}`, drop.kind);
  const what =
    drop.kind === "coupon" ? (store.get("coupons", drop.what)?.title ?? drop.what) : drop.what ? linkName(drop.what, store) : "";
  return [kind, drop.kind === "checkin" ? "" : what].filter(Boolean).join(" ");
}

/** The last `columns` drops with their deliveries, newest first. Of several attempts the last one counts. */
export function board(store: Store, columns: number): BoardColumn[] {
  const wanted = dropsNewestFirst(store).slice(0, columns);
  const byDrop = new Map<string, Map<string, Delivery>>(wanted.map((drop) => [drop.id, new Map()]));
  for (const delivery of store.all("deliveries")) {
    const cells = delivery.drop === undefined ? undefined : byDrop.get(delivery.drop);
    if (!cells) continue;
    const other = cells.get(delivery.group);
    if (!other || (other.attempt ?? 0) <= (delivery.attempt ?? 0)) cells.set(delivery.group, delivery);
  }
  return wanted.map((drop) => {
    const cells = byDrop.get(drop.id) ?? new Map<string, Delivery>();
    return { drop, name: dropName(drop, store), cells, tally: tally(cells.values()) };
  });
}

export function tally(deliveries: Iterable<Delivery>): Tally {
  const counted: Tally = { all: 0, sent: 0, onWay: 0, waits: 0, failed: 0, unknown: 0 };
  for (const delivery of deliveries) {
    if (delivery.status === "withdrawn") continue;
    counted.all += 1;
    const { look } = deliveryMark(delivery.status);
    if (look === "sent") counted.sent += 1;
    else if (look === "failed") counted.failed += 1;
    else if (look === "unknown") counted.unknown += 1;
    else if (look === "held") counted.waits += 1;
    else counted.onWay += 1;
  }
  return counted;
}

/** Groups with trouble in the shown drops, or that cannot be reached, first, then in the order of their ids (g2 before g10). */
export function boardRows(groups: Group[], columns: BoardColumn[], troubledOnly: boolean): Group[] {
  const troubled = new Set(groups.filter(isUnreached).map((group) => group.id));
  for (const column of columns)
    for (const delivery of column.cells.values()) if (isTrouble(delivery)) troubled.add(delivery.group);
  return groups
    .filter((group) => !troubledOnly || troubled.has(group.id))
    .sort(
      (a, b) =>
        Number(troubled.has(b.id)) - Number(troubled.has(a.id)) ||
        a.id.localeCompare(b.id, "en", { numeric: true }),
    );
}
