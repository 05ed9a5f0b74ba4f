/** When the last group would have a drop, asked over HTTP before it is fired; the server alone reckons it. */
import { HttpProblem } from "./http";
import type { Fields } from "./wire";

export interface Limit {
  count: number;
  per_ms: number;
}

/** Credentials of one kind, and the groups that are reached by them. Times are ms. */
export interface Lane {
  platform: string;
  limits?: Limit[];
  group_limits?: Limit[];
  credentials: number;
  groups: number;
}

export interface Forecast {
  at: number;
  last_at?: number | null;
  /** Groups whose relay has told its windows; of the others nothing is known. */
  told?: number;
  groups?: number;
  waiting?: number;
  expired?: number;
  lanes?: Lane[];
}

export async function fetchForecast(sale: string, token: string, asked: Fields): Promise<Forecast> {
  const response = await fetch(`/api/sales/${encodeURIComponent(sale)}/forecast`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(asked),
    cache: "no-store",
  });
  if (!response.ok) throw new HttpProblem(response.status, "", "");
  return (await response.json()) as Forecast;
}
