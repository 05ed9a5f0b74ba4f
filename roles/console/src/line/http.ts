/** The few things that are asked over HTTP: who may press what, which sales there are, whether all is ready. */

export interface SaleSummary {
  sale: string;
  title: string;
  kind?: string;
  status: string;
  start?: number;
  timezone?: string;
}

/** Command kind to the full names of the roles that may give it. */
export type Permissions = Readonly<Record<string, readonly string[]>>;

export class HttpProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

async function get(path: string, token: string): Promise<Record<string, unknown>> {
  const response = await fetch(path, { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" });
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (!response.ok)
    throw new HttpProblem(response.status, String(body["code"] ?? ""), String(body["detail"] ?? body["title"] ?? ""));
  return body;
}

export async function fetchPermissions(token: string): Promise<Permissions> {
  return ((await get("/api/permissions", token))["commands"] ?? {}) as Permissions;
}

export async function fetchSales(token: string): Promise<SaleSummary[]> {
  return ((await get("/api/sales", token))["sales"] ?? []) as SaleSummary[];
}

/** Why the server does not let this token in: its status for this sale, or null where it cannot be asked. */
export async function statusOfSale(sale: string, token: string): Promise<number | null> {
  try {
    await get(`/api/sales/${encodeURIComponent(sale)}`, token);
    return 200;
  } catch (problem) {
    return problem instanceof HttpProblem ? problem.status : null;
  }
}

/** What keeps the show from going, in both languages. */
export interface NoGo {
  what: string;
  why: string;
  zh?: string;
}

export interface Readiness {
  go: boolean;
  noGos: NoGo[];
}

/** Go or no-go. */
export async function fetchReadiness(sale: string, token: string): Promise<Readiness> {
  const body = await get(`/api/sales/${encodeURIComponent(sale)}/ready`, token);
  const checks = (Array.isArray(body["checks"]) ? body["checks"] : []) as (NoGo & { ok: boolean })[];
  return { go: body["go"] === true, noGos: checks.filter((check) => !check.ok) };
}
