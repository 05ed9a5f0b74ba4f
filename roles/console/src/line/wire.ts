/** What goes over the websocket, frame by frame. Times are whole ms of the sale's clock. */

export type Fields = Record<string, unknown>;

/** One thing of the state as the server sends it; null, empty and default fields may be absent. */
export type Entity = Readonly<Fields> & { readonly id?: string };

export type Changes = Readonly<Record<string, Readonly<Record<string, Entity | null>>>>;
export type State = Readonly<Record<string, Readonly<Record<string, Entity>>>>;

export interface SaleEvent {
  seq: number;
  at: number;
  by: string;
  kind: string;
  [field: string]: unknown;
}

export interface Hello {
  op: "hello";
  token: string;
  sale?: string;
  position?: string;
  ahead?: boolean;
}

export interface Welcome {
  op: "welcome";
  sale: string;
  role: string;
  name: string;
  now: number;
  speed: number;
  position: string;
  recovered: boolean;
  state?: State;
}

export interface Done {
  op: "done";
  id: string;
  position?: string;
  result?: Fields;
}

export interface Refused {
  op: "refused";
  id: string | null;
  code: string;
  message: string;
  details?: Fields;
}

export interface Bye {
  op: "bye";
  code: number | string;
  message: string;
  retry: boolean;
  /** When to come back, where the service has said so: a moment of one's own among thousands. */
  retry_ms?: number;
}

export type FromServer =
  | Welcome
  | Done
  | Refused
  | Bye
  | { op: "pong"; sent: number; now: number; speed: number }
  | { op: "events"; position: string; events: SaleEvent[]; changes: Changes }
  | { op: "snapshot"; position: string; state: State };

export type ToServer =
  | Hello
  | { op: "ping"; sent: number }
  | ({ op: "do"; id: string; kind: string } & Fields);

/** Close codes from 4100 to 4199 say: do not come back. Everything else is worth another try. */
export function endsForGood(code: number): boolean {
  return code >= 4100 && code <= 4199;
}
