import type { Shelf } from "./errands";

/** What a join link's token says of itself. Read only to choose a screen; the server checks it. */
export interface Ticket {
  token: string;
  person: string;
  role: string;
  sale: string | null;
  /** ms since 1970; null where the token does not run out. */
  until: number | null;
}

const CURRENT = "dropcue.token";
const KEPT = "dropcue.kept.";

/** Reads a JWT's payload. Null where it is no JWT with a role. */
export function readTicket(token: string): Ticket | null {
  const payload = token.split(".")[1];
  if (!payload) return null;
  try {
    const base64 = payload.replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    if (typeof claims["role"] !== "string") return null;
    return {
      token,
      person: String(claims["sub"] ?? ""),
      role: claims["role"],
      sale: typeof claims["sale"] === "string" ? claims["sale"] : null,
      until: typeof claims["exp"] === "number" ? claims["exp"] * 1000 : null,
    };
  } catch {
    return null;
  }
}

/**
 * The token of this tab: from the address after `#`, else from this tab's storage, else what was kept for a sale.
 *
 * A token that comes in the address is taken out of it, so that it is not in the history, in a screenshot or in
 * what is pasted to a colleague. `several` are kept tickets between which only the person can choose.
 */
export function findTicket(
  address: Location,
  history: History,
  tab: Shelf,
  device: Shelf & { length: number; key(index: number): string | null },
  now: number,
): { ticket: Ticket | null; broken: boolean; several: Ticket[] } {
  const given = decodeURIComponent(address.hash.replace(/^#\/?/, "").replace(/^token=/, "")).trim();
  if (given) {
    history.replaceState(null, "", address.pathname + address.search);
    const ticket = readTicket(given);
    if (ticket) keepTicket(ticket, tab, device);
    return { ticket, broken: ticket === null, several: [] };
  }
  const current = readTicket(tab.getItem(CURRENT) ?? "");
  if (current) return { ticket: current, broken: false, several: [] };
  const kept: Ticket[] = [];
  for (let index = device.length - 1; index >= 0; index--) {
    const key = device.key(index);
    if (!key?.startsWith(KEPT)) continue;
    const ticket = readTicket(device.getItem(key) ?? "");
    if (ticket && (ticket.until === null || ticket.until > now)) kept.push(ticket);
    else device.removeItem(key);
  }
  const [only] = kept;
  if (only && kept.length === 1) {
    tab.setItem(CURRENT, only.token);
    return { ticket: only, broken: false, several: [] };
  }
  return { ticket: null, broken: false, several: kept };
}

export function keepTicket(ticket: Ticket, tab: Shelf, device: Shelf): void {
  tab.setItem(CURRENT, ticket.token);
  device.setItem(KEPT + (ticket.sale ?? "all"), ticket.token);
}

/** Leaves nothing of it on this machine. */
export function forgetTicket(ticket: Ticket, tab: Shelf, device: Shelf): void {
  tab.removeItem(CURRENT);
  device.removeItem(KEPT + (ticket.sale ?? "all"));
}
