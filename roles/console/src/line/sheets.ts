/** The sale's sheet over HTTP: as a file, and another one in its place, which is told before it is done. */
import { HttpProblem } from "./http";

export interface Finding {
  severity: "error" | "block" | "warn" | "inform";
  rule: string;
  where: string;
  line: number | null;
  message: string;
  /** The same in Chinese. */
  zh?: string;
}

export interface Change {
  from: unknown;
  to: unknown;
}

export interface CueChange {
  cue: string;
  segment: string | null;
  do: string;
  change: "new" | "moved" | "changed" | "dropped";
  at: number | null;
  changes: Record<string, Change>;
  at_once: "goes" | "waits" | "skipped" | null;
}

export interface SegmentChange {
  segment: string;
  name: string;
  change: "new" | "moved" | "changed" | "dropped";
  on_air: boolean;
  changes: Record<string, Change>;
}

export interface ThingChange {
  topic: string;
  id: string;
  name: string;
  change: "new" | "changed" | "left_out";
  on_air: boolean;
  changes: Record<string, Change>;
}

export interface Difference {
  version: number;
  approved: boolean;
  stays: { segments: number; cues: number; announced: string[] };
  cues: CueChange[];
  segments: SegmentChange[];
  things: ThingChange[];
  settings: Record<string, Change>;
  withdrawn: { cue: string; do: string; fire_at: number | null; groups: string[]; again_at: number | null }[];
  rendered: string[];
  corrections: { product: string; what: string; text: string; groups: string[] }[];
  ran: string[];
  set_off: string[];
}

/** What the server makes of a file: what is wrong with it, and what it would change where it can be taken. */
export interface Tried {
  findings: Finding[];
  difference: Difference | null;
  version: number | null;
  /** Why it cannot be taken as things stand, though it can be read. */
  refused: string | null;
}

/** Checks that are overruled for the sheet, by name and with a reason. */
export interface Override {
  rules: string[];
  reason: string;
}

/** A header holds ASCII alone: everything else is escaped, as JSON may. */
function overruling(override: Override | null): Record<string, string> {
  if (!override) return {};
  return { Override: JSON.stringify(override).replace(/[^\x20-\x7e]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`) };
}

const path = (sale: string): string => `/api/sales/${encodeURIComponent(sale)}/sheet`;
const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

async function put(sale: string, token: string, file: Blob, query: string, more: Record<string, string>): Promise<Tried> {
  const headers = { ...bearer(token), "Content-Type": "application/octet-stream", ...more };
  const response = await fetch(path(sale) + query, { method: "PUT", headers, body: file });
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const details = (body["details"] ?? {}) as Record<string, unknown>;
  if (response.ok)
    return {
      findings: (body["findings"] ?? []) as Finding[],
      difference: (body["difference"] ?? null) as Difference | null,
      version: Number(body["version"]),
      refused: null,
    };
  const said = String(body["detail"] ?? body["title"] ?? response.status);
  if (Array.isArray(details["findings"])) return { findings: details["findings"] as Finding[], difference: null, version: null, refused: null };
  if (response.status === 413 || response.status === 422) return { findings: [], difference: null, version: null, refused: said };
  throw new HttpProblem(response.status, String(body["code"] ?? ""), said);
}

/** Says what is wrong with the file, and what it would change where nothing stops it; nothing is changed. */
export async function tryFile(sale: string, token: string, file: Blob, override: Override | null = null): Promise<Tried> {
  if (override) return put(sale, token, file, "?dry=1", overruling(override));
  // What cannot be used is an answer here, and no failed request.
  const response = await fetch("/api/sheets/check", { method: "POST", headers: { ...bearer(token), "Content-Type": "application/octet-stream" }, body: file });
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (!response.ok) throw new HttpProblem(response.status, String(body["code"] ?? ""), String(body["detail"] ?? body["title"] ?? response.status));
  if (body["usable"] !== true) return { findings: (body["findings"] ?? []) as Finding[], difference: null, version: null, refused: null };
  return put(sale, token, file, "?dry=1", {});
}

/** Puts it in place of that version. Throws `stale` where somebody else was quicker. */
export function replaceWith(sale: string, token: string, file: Blob, version: number, override: Override | null): Promise<Tried> {
  return put(sale, token, file, "", { "If-Match": String(version), ...overruling(override) });
}

/** The sheet as it stands, as a workbook. */
export async function fetchWorkbook(sale: string, token: string): Promise<{ name: string; file: Blob }> {
  const response = await fetch(`${path(sale)}?format=xlsx`, { headers: bearer(token), cache: "no-store" });
  if (!response.ok) throw new HttpProblem(response.status, "", response.statusText);
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? `${sale}.xlsx`;
  return { name, file: await response.blob() };
}
