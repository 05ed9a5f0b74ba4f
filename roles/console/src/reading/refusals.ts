import { language, t, tOr } from "../i18n";
import type { Refused } from "../line/wire";
import { fieldName } from "./difference";
import { timeOfDay } from "./format";

/** Why something was refused, in the words of the page, with what the server says of rule, field or time. */
export function refusalWords(refused: Refused, zone: string | undefined): string {
  return [tOr(`refused.${refused.code}`, t("refused.other")), details(refused, zone)].filter(Boolean).join(" ");
}

/** Of these the page's own words say all that there is to know; what else the server says of them is English. */
const SAID: ReadonlySet<string> = new Set(["stale", "forbidden", "unknown", "exhausted", "already", "capped", "busy"]);

/** What the server says of it, for who reads English, or where nothing else says it. */
export function serverWords(refused: Refused): string {
  return language.value === "zh" && SAID.has(refused.code) ? "" : (refused.message ?? "");
}

function details(refused: Refused, zone: string | undefined): string {
  const { rules, field, until } = refused.details ?? {};
  if (refused.code === "capped" && typeof until === "number") return t("refused.until", { time: timeOfDay(until, zone, false) });
  if (Array.isArray(rules)) return t("refused.rules", { rules: rules.map(ruleWords).join(", ") });
  if (typeof field === "string") return t("refused.field", { field: fieldName(field) });
  return "";
}

function ruleWords(rule: unknown): string {
  return typeof rule === "string" ? rule : String((rule as { rule?: string; id?: string }).rule ?? (rule as { id?: string }).id ?? "");
}
