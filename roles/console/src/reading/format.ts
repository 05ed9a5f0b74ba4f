import { language, type Language } from "../i18n";

/** `2:12`, `1:02:03`; whole seconds, never negative. Rounds up where time is left, so that 0:00 means over. */
export function duration(ms: number, round: "up" | "down" = "down"): string {
  const seconds = Math.max(0, round === "up" ? Math.ceil(ms / 1000) : Math.floor(ms / 1000));
  const s = String(seconds % 60).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${s}`;
  const hours = Math.floor(minutes / 60);
  // From two days on nobody counts minutes, and a countdown of 97 hours says nothing.
  if (hours >= 48) {
    const days = Math.floor(hours / 24);
    return language.value === "zh" ? `${days} 天 ${hours % 24} 时` : `${days} d ${hours % 24} h`;
  }
  return `${hours}:${String(minutes % 60).padStart(2, "0")}:${s}`;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** The time of day in the sale's zone: `20:14:07`, or `20:14` where seconds say nothing. */
export function timeOfDay(at: number, zone: string | undefined, seconds = true): string {
  const key = `${zone ?? ""}|${seconds}`;
  let clock = clocks.get(key);
  if (!clock) {
    const parts: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(seconds ? { second: "2-digit" } : {}) };
    try {
      clock = new Intl.DateTimeFormat("en-GB", { ...parts, ...(zone ? { timeZone: zone } : {}) });
    } catch {
      clock = new Intl.DateTimeFormat("en-GB", parts); // a zone that this browser does not know
    }
    clocks.set(key, clock);
  }
  return clock.format(at);
}

/** The day in the sale's zone: `2026-11-12`. */
export function dayOf(at: number, zone: string | undefined): string {
  const key = `${zone ?? ""}|day`;
  let clock = clocks.get(key);
  if (!clock) {
    const parts: Intl.DateTimeFormatOptions = { year: "numeric", month: "2-digit", day: "2-digit" };
    try {
      clock = new Intl.DateTimeFormat("sv-SE", { ...parts, ...(zone ? { timeZone: zone } : {}) });
    } catch {
      clock = new Intl.DateTimeFormat("sv-SE", parts);
    }
    clocks.set(key, clock);
  }
  return clock.format(at);
}

/** The day for people: `12/1周二`, `Tue, 12/1`. */
export function dayWords(at: number, zone: string | undefined, language: Language): string {
  const key = `${zone ?? ""}|${language}|words`;
  let clock = clocks.get(key);
  if (!clock) {
    const parts: Intl.DateTimeFormatOptions = { month: "numeric", day: "numeric", weekday: "short" };
    try {
      clock = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-US", { ...parts, ...(zone ? { timeZone: zone } : {}) });
    } catch {
      clock = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-US", parts);
    }
    clocks.set(key, clock);
  }
  return clock.format(at);
}

/** As short as the cue needs: `20:13`, with seconds only where they are not zero. */
export function timeOfCue(at: number, zone: string | undefined): string {
  return timeOfDay(at, zone, Math.round(at / 1000) % 60 !== 0);
}

const monies = new Map<string, { format: Intl.NumberFormat; minor: number }>();

/** `¥129`, `¥129.50`: from whole minor units; a fraction is shown only where there is one. */
export function money(minorUnits: number, currency: string | undefined, language: Language): string {
  const code = currency || "CNY";
  const key = `${code}|${language}`;
  let entry = monies.get(key);
  if (!entry) {
    const format = new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en-GB", {
      style: "currency",
      currency: code,
      currencyDisplay: "narrowSymbol",
    });
    entry = { format, minor: format.resolvedOptions().maximumFractionDigits ?? 2 };
    monies.set(key, entry);
  }
  const words = entry.format.format(minorUnits / 10 ** entry.minor);
  return entry.minor > 0 && minorUnits % 10 ** entry.minor === 0 ? words.replace(/[.,]0+$/, "") : words;
}

/** What somebody typed as an amount, in minor units; null where it is none. No floating point on the way. */
export function minorUnits(typed: string, decimals = 2): number | null {
  const match = /^\s*(\d{1,9})(?:[.](\d*))?\s*$/.exec(typed);
  if (!match) return null;
  const fraction = match[2] ?? "";
  if (fraction.length > decimals) return null;
  return Number(match[1]) * 10 ** decimals + Number(fraction.padEnd(decimals, "0") || "0");
}

export function decimalsOf(currency: string | undefined): number {
  money(0, currency, "zh");
  return monies.get(`${currency || "CNY"}|zh`)?.minor ?? 2;
}

const counts = new Intl.NumberFormat("en-GB");

/** `3,412`: a thousands separator in both languages. */
export function count(value: number): string {
  return counts.format(value);
}
