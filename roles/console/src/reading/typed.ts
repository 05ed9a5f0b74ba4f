import { minorUnits } from "./format";

/** What somebody typed into a form, as the command wants it. */
const MINUTE_MS = 60_000;

/** The lines that hold something, without what stands around them. */
export function lines(typed: string): string[] {
  return typed.split("\n").map((line) => line.trim()).filter(Boolean);
}

/** Whole minutes as ms; undefined where nothing is typed, null where it is no length. */
export function minutes(typed: string): number | null | undefined {
  if (!typed.trim()) return undefined;
  const whole = minorUnits(typed, 0);
  return whole ? whole * MINUTE_MS : null;
}

/** The fields that say something: what was left empty is left out. */
export function said(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ""));
}
