import { SaleClock } from "../src/line/clock";
import { Line, type Wire } from "../src/line/connection";
import { Errands } from "../src/line/errands";
import { Store } from "../src/line/store";
import type { State, ToServer } from "../src/line/wire";

/** A socket whose other end is the test. */
export class FakeWire implements Wire {
  sent: (ToServer & Record<string, unknown>)[] = [];
  closed = false;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  /** What the other end does with a frame. */
  hears: (frame: ToServer & Record<string, unknown>) => void = () => undefined;

  send(text: string): void {
    const frame = JSON.parse(text) as ToServer & Record<string, unknown>;
    this.sent.push(frame);
    this.hears(frame);
  }
  close(): void {
    this.closed = true;
  }
  opens(): void {
    this.onopen?.(undefined as never);
  }
  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  saysText(text: string): void {
    this.onmessage?.({ data: text });
  }
  ends(code: number, reason = ""): void {
    this.onclose?.({ code, reason });
  }
  of(op: string): Record<string, unknown>[] {
    return this.sent.filter((frame) => frame.op === op);
  }
}

export interface Bench {
  wires: FakeWire[];
  line: Line;
  store: Store;
  errands: Errands;
  clock: SaleClock;
  last(): FakeWire;
  welcome(more?: Record<string, unknown>): void;
}

/** A line with fakes around it; time is vitest's. */
export function bench(options: { ahead?: boolean; sale?: string } = {}): Bench {
  const wires: FakeWire[] = [];
  const store = new Store();
  const clock = new SaleClock();
  const errands = new Errands();
  const line = new Line({
    token: "TOKEN",
    ahead: options.ahead ?? false,
    ...(options.sale ? { sale: options.sale } : {}),
    store,
    clock,
    errands,
    random: () => 0,
    open: () => {
      const wire = new FakeWire();
      wires.push(wire);
      return wire;
    },
  });
  const last = (): FakeWire => {
    const wire = wires[wires.length - 1];
    if (!wire) throw new Error("no wire was opened");
    return wire;
  };
  return {
    wires,
    line,
    store,
    errands,
    clock,
    last,
    welcome(more = {}) {
      last().opens();
      last().says({ op: "welcome", sale: "s1", role: "controller", name: "li", now: 1_000_000, speed: 1, position: "P1", recovered: false, state: {} as State, ...more });
    },
  };
}

export function token(claims: Record<string, unknown>): string {
  const part = (value: unknown): string =>
    btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value)))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  return `${part({ alg: "HS256" })}.${part(claims)}.sig`;
}
