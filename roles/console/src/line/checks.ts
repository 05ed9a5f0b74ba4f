/** What the checks say of a text before it is sent: asked over HTTP while somebody writes; the server alone knows the rules. */
import { HttpProblem } from "./http";
import type { Fields } from "./wire";

export type Severity = "block" | "warn" | "inform";

/** One finding. `at` counts code points, as the server does, and not UTF-16 units. */
export interface Found {
  rule: string;
  severity: Severity;
  term: string;
  message: string;
  zh: string;
  at?: [number, number];
}

export async function fetchFound(sale: string, token: string, asked: Fields): Promise<Found[]> {
  const response = await fetch(`/api/sales/${encodeURIComponent(sale)}/check`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(asked),
    cache: "no-store",
  });
  if (!response.ok) throw new HttpProblem(response.status, "", "");
  return (((await response.json()) as Record<string, unknown>)["findings"] ?? []) as Found[];
}

/** A part of a text, and what was found in it. */
export interface Piece {
  text: string;
  severity?: Severity;
}

/** The text cut where something was found. Where two findings overlap, the graver one is shown. */
export function pieces(text: string, found: readonly Found[]): Piece[] {
  const signs = Array.from(text);
  const order: readonly Severity[] = ["inform", "warn", "block"];
  const worst: (Severity | undefined)[] = signs.map(() => undefined);
  for (const each of found) {
    if (!each.at) continue;
    for (let i = Math.max(0, each.at[0]); i < Math.min(signs.length, each.at[1]); i += 1) {
      const stands = worst[i];
      if (stands === undefined || order.indexOf(each.severity) > order.indexOf(stands)) worst[i] = each.severity;
    }
  }
  const out: Piece[] = [];
  signs.forEach((sign, i) => {
    const last = out[out.length - 1];
    const severity = worst[i];
    if (last && last.severity === severity) last.text += sign;
    else out.push(severity === undefined ? { text: sign } : { text: sign, severity });
  });
  return out;
}

/** The rules that a sender has to overrule by name, each once. */
export function blocking(found: readonly Found[]): string[] {
  return [...new Set(found.filter((each) => each.severity === "block").map((each) => each.rule))];
}
