import { shallowReactive } from "vue";
import { waitBefore } from "./backoff";
import type { SaleClock } from "./clock";
import type { Errands } from "./errands";
import type { Store } from "./store";
import { endsForGood, type Bye, type FromServer, type SaleEvent, type ToServer } from "./wire";

/** `joining`: never was up. `open`: up. `lost`: was up, is coming back. `ended`: will not come back by itself. */
export type LinePhase = "joining" | "open" | "lost" | "ended";

export interface LineStatus {
  phase: LinePhase;
  /** The server has not answered a ping in time; the line may be dead and soon counts as lost. */
  slow: boolean;
  /** Sale time at which the server was heard last; null where it never was. */
  heardAt: number | null;
  rtt: number | null;
  attempt: number;
  role: string | null;
  name: string | null;
  sale: string | null;
  end: { code: number | string; message: string } | null;
}

/** What the browser's WebSocket gives and this needs of it. */
export interface Wire {
  send(text: string): void;
  close(code?: number): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
}

export interface LineOptions {
  token: string;
  sale?: string;
  ahead: boolean;
  store: Store;
  clock: SaleClock;
  errands: Errands;
  open: () => Wire;
  monotonic?: () => number;
  random?: () => number;
  onEvents?: (events: SaleEvent[]) => void;
}

/** A few quick pings first, so that the clock is good within a second; then a steady pace. */
const QUICK_PINGS = 5;
const QUICK_PING_MS = 150;
const PING_MS = 2_500;
const SLOW_AFTER_MS = 1_500;
/** Longer than a hiccup of mobile data, shorter than anybody trusts a frozen screen. */
const DEAD_AFTER_MS = 6_000;
/** A line that is closed again within this time counts as another failed try. */
const STABLE_MS = 5_000;

/**
 * One console's line to the server: hello, resume, clock, commands, and coming back.
 *
 * After a drop it says where it was (`position`) and gets what it missed, or a snapshot. State and position always
 * move together. It gives up only where the server says that coming back is of no use.
 */
export class Line {
  readonly status = shallowReactive<LineStatus>({
    phase: "joining",
    slow: false,
    heardAt: null,
    rtt: null,
    attempt: 0,
    role: null,
    name: null,
    sale: null,
    end: null,
  });
  private wire: Wire | null = null;
  private position: string | undefined;
  private helloAt = 0;
  private stableAt = 0;
  private pings = 0;
  private unanswered = new Map<number, number>();
  private pingTimer: ReturnType<typeof setTimeout> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private lastBye: Bye | null = null;
  private readonly monotonic: () => number;
  private readonly random: () => number;

  constructor(private readonly options: LineOptions) {
    this.monotonic = options.monotonic ?? (() => performance.now());
    this.random = options.random ?? Math.random;
  }

  connect(): void {
    clearTimeout(this.retryTimer);
    this.drop();
    this.lastBye = null;
    const wire = this.options.open();
    this.wire = wire;
    // The handshake itself may hang in a dead network: it has the same time as a ping.
    this.watch(wire, DEAD_AFTER_MS);
    wire.onopen = () => {
      this.helloAt = this.monotonic();
      const { token, sale, ahead } = this.options;
      this.put({
        op: "hello",
        token,
        ...(sale ? { sale } : {}),
        ...(this.position ? { position: this.position } : {}),
        ...(ahead ? { ahead } : {}),
      });
    };
    wire.onmessage = (event) => this.hear(event.data);
    wire.onclose = (event) => this.closed(event.code, event.reason);
  }

  /** The network or the person is back: do not sit out the rest of the wait. */
  hurry(): void {
    if (this.status.phase === "lost" || this.status.phase === "joining") {
      if (this.wire && this.helloAt) return;
      this.connect();
    } else if (this.status.phase === "open") this.ping();
  }

  /** Leaves for good; the screens stay as they were. */
  leave(): void {
    clearTimeout(this.retryTimer);
    this.drop();
    this.status.phase = "ended";
  }

  private hear(data: unknown): void {
    this.status.slow = false;
    let message: FromServer;
    try {
      message = JSON.parse(String(data)) as FromServer;
      this.take(message);
      this.status.heardAt = this.options.clock.now();
    } catch {
      // Half a change applied would be a wrong picture: start from a snapshot instead.
      this.position = undefined;
      this.closed(4000, "unreadable frame");
    }
  }

  private take(message: FromServer): void {
    const { store, clock, errands } = this.options;
    switch (message.op) {
      case "welcome": {
        if (message.state) store.replace(message.state);
        this.position = message.position;
        clock.sample(this.helloAt, this.monotonic(), message.now, message.speed);
        Object.assign(this.status, { phase: "open", role: message.role, name: message.name, sale: message.sale });
        this.stableAt = this.monotonic() + STABLE_MS;
        this.unanswered.clear();
        this.pings = 0;
        this.ping();
        errands.lineUp((frame) => this.put(frame));
        break;
      }
      case "events":
        store.apply(message.changes ?? {});
        this.position = message.position;
        this.options.onEvents?.(message.events ?? []);
        break;
      case "snapshot":
        store.replace(message.state);
        this.position = message.position;
        break;
      case "pong": {
        const sent = this.unanswered.get(message.sent);
        this.unanswered.clear(); // older pings are answered by this one as well
        if (sent !== undefined) {
          clock.sample(sent, this.monotonic(), message.now, message.speed);
          this.status.rtt = clock.lastRtt;
        }
        if (this.monotonic() > this.stableAt) this.status.attempt = 0;
        break;
      }
      case "done":
      case "refused":
        errands.answer(message);
        break;
      case "bye":
        this.lastBye = message;
        break;
    }
  }

  private ping(): void {
    clearTimeout(this.pingTimer);
    if (this.status.phase !== "open" || !this.wire) return;
    const now = this.monotonic();
    const oldest = Math.min(...this.unanswered.values());
    // Measured from an unanswered ping, not from the last frame: a background tab's timers sleep for a minute.
    if (now - oldest > DEAD_AFTER_MS) return this.closed(4000, "no answer");
    this.status.slow = now - oldest > SLOW_AFTER_MS;
    let sent = Math.round(now);
    while (this.unanswered.has(sent)) sent += 1;
    this.unanswered.set(sent, now);
    this.put({ op: "ping", sent });
    this.pings += 1;
    this.pingTimer = setTimeout(() => this.ping(), this.pings < QUICK_PINGS ? QUICK_PING_MS : PING_MS);
  }

  private watch(wire: Wire, ms: number): void {
    setTimeout(() => {
      if (this.wire === wire && this.status.phase !== "open") this.closed(4000, "no welcome");
    }, ms);
  }

  private closed(code: number, reason: string): void {
    const bye = this.lastBye;
    this.drop();
    this.options.errands.lineDown();
    const byeCode = typeof bye?.code === "number" ? bye.code : code;
    if (endsForGood(code) || endsForGood(byeCode) || bye?.retry === false) {
      this.status.end = { code: bye?.code ?? code, message: bye?.message || reason };
      this.status.phase = "ended";
      return;
    }
    if (this.status.phase === "open") this.status.phase = "lost";
    this.status.slow = false;
    const said = bye?.retry_ms;
    const wait = typeof said === "number" && said >= 0 ? said : waitBefore(this.status.attempt, this.random);
    this.status.attempt += 1;
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.connect(), wait);
  }

  private drop(): void {
    clearTimeout(this.pingTimer);
    const wire = this.wire;
    this.wire = null;
    this.helloAt = 0;
    if (!wire) return;
    wire.onopen = wire.onmessage = wire.onclose = null;
    try {
      wire.close(1000);
    } catch {
      // a socket that cannot be closed is gone already
    }
  }

  private put(frame: ToServer): void {
    try {
      this.wire?.send(JSON.stringify(frame));
    } catch {
      // not open any more: its close event follows, and what has no answer is sent again
    }
  }
}
