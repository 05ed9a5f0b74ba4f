/** What a difference says, in the words and figures of a screen. */
import { language, t, tOr } from "../i18n";
import type { Show } from "../line/entities";
import type { Change } from "../line/sheets";
import { count, dayOf, duration, money, timeOfCue, timeOfDay } from "./format";

const MOMENTS: ReadonlySet<string> = new Set(["at", "start", "end", "opens_at", "closes_at"]);
const LENGTHS: ReadonlySet<string> = new Set([
  "lasts", "lead", "again_after", "valid_ms", "followup.after", "followup.every", "followup.lease", "service.acknowledge", "service.warn", "service.breach",
  "service.lease", "cheer.within", "pacing.same_content", "attribution.window", "posters.remind", "floor.per",
]);
const MONEY: ReadonlySet<string> = new Set(["price", "list_price", "over", "off", "targets.sales"]);
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
  if (name === "followup.quiet") return hours(held, show);
  if (typeof held === "boolean") return t(held ? "sheet.yes" : "sheet.no");
  const text = typeof held === "string" ? held : Array.isArray(held) ? held.map((each) => named(each, show)).join(" / ") : named(held, show);
  return text.length > LONG ? `${text.slice(0, LONG - 1)}…` : text;
}

/** Quiet hours: of one night, which stands for all. */
function hours(held: unknown, show: Show | undefined): string {
  const clock = (at: number): string => timeOfDay(at, show?.timezone, false);
  return (held as [number, number][]).map(([from, to]) => `${clock(from)}–${clock(to)}`).join(" / ");
}

/** One of a list: people, phrases and golden hours by what they are called; else each field of it. */
function named(each: unknown, show: Show | undefined): string {
  if (typeof each !== "object" || each === null) return String(each);
  const one = each as { person?: string; role?: string; name?: string; title?: string; text?: string; id?: string; lasts?: number; per?: number; most?: number; at?: { offset?: number; instant?: number } };
  if (one.person) return `${one.person} ${tOr(`role.${one.role}`, one.role ?? "")}`;
  if (one.at && one.lasts !== undefined) return `${one.at.instant ? timeOfDay(one.at.instant, show?.timezone, false) : duration(one.at.offset ?? 0)} +${duration(one.lasts)}`;
  if (one.per !== undefined) return `${one.most} / ${duration(one.per)}`;
  const fields = Object.entries(each).filter(([, held]) => held !== null && held !== undefined);
  return one.title || one.name || one.text || one.id || fields.map(([name, held]) => `${fieldName(name)} ${value(name, held, show)}`).join(", ");
}
