/** What somebody typed into a form, as the command wants it. */
const MINUTE_MS = 60_000;

/** The lines that hold something, without what stands around them. */
export function lines(typed: string): string[] {
  return typed.split("\n").map((line) => line.trim()).filter(Boolean);
}

/** Minutes, or `1:30`, as ms; undefined where nothing is typed, null where it is no length. */
export function minutes(typed: string): number | null | undefined {
  if (!typed.trim()) return undefined;
  const [whole, seconds] = /^\s*(\d{1,5})(?::([0-5]\d))?\s*$/.exec(typed)?.slice(1) ?? [];
  return Number(whole ?? 0) * MINUTE_MS + Number(seconds ?? 0) * 1_000 || null;
}

/** The same as it would be typed. */
export function typedMinutes(ms: number): string {
  return ms % MINUTE_MS === 0 ? String(ms / MINUTE_MS) : `${Math.floor(ms / MINUTE_MS)}:${String(Math.round((ms % MINUTE_MS) / 1_000)).padStart(2, "0")}`;
}

/** What a field begins with: as the sheet's cue has it, else as it is by itself. Several things stand a line each. */
export function begun(start: Readonly<Record<string, unknown>> | undefined, name: string, otherwise = ""): string {
  const value = start?.[name];
  if (value === undefined || value === null) return start ? "" : otherwise;
  if (Array.isArray(value)) return value.join("\n");
  return name === "until" ? typedMinutes(Number(value)) : String(value);
}

/** The fields that say something: what was left empty is left out. */
export function said(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ""));
}
