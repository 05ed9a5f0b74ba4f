/** What a difference says, in the words and figures of a screen. */
import { language, t, tOr } from "../i18n";
import type { Show } from "../line/entities";
import type { Change } from "../line/sheets";
import { count, dayOf, duration, money, timeOfCue } from "./format";

const MOMENTS: ReadonlySet<string> = new Set(["at", "start", "end"]);
const LENGTHS: ReadonlySet<string> = new Set(["lasts", "lead", "again_after", "valid_ms"]);
const MONEY: ReadonlySet<string> = new Set(["price", "list_price", "over", "off"]);
const LONG = 60; // characters: beyond it the beginning tells enough

export function fieldName(name: string): string {
  return tOr(`field.${name}`, name);
}

/** `20:13 → 20:15`: one field, as it is and as it would be. */
export function change(name: string, { from, to }: Change, show: Show | undefined): string {
  const [was, is] = [value(name, from, show), value(name, to, show)];
  if (!MOMENTS.has(name) || typeof from !== "number" || typeof to !== "number") return `${was} → ${is}`;
  const [day, other] = [dayOf(from, show?.timezone), dayOf(to, show?.timezone)];
  return day === other ? `${was} → ${is}` : `${day} ${was} → ${other} ${is}`;
}

export function value(name: string, held: unknown, show: Show | undefined): string {
  if (held === null || held === undefined || held === "" || (Array.isArray(held) && held.length === 0)) return "–";
  if (typeof held === "number") {
    if (MOMENTS.has(name)) return timeOfCue(held, show?.timezone);
    if (LENGTHS.has(name)) return duration(held);
    if (MONEY.has(name)) return money(held, show?.currency, language.value);
    return count(held);
  }
  if (typeof held === "boolean") return t(held ? "sheet.yes" : "sheet.no");
  const text = typeof held === "string" ? held : Array.isArray(held) && held.every((each) => typeof each === "string") ? held.join(" / ") : JSON.stringify(held);
  return text.length > LONG ? `${text.slice(0, LONG - 1)}…` : text;
}
