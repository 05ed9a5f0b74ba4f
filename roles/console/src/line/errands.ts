import { shallowReactive } from "vue";
import type { Done, Fields, Refused, ToServer } from "./wire";

export type Answer = Done | Refused;

/** A command on its way: waiting until the server has said `done` or `refused`. */
export interface Errand {
  readonly id: string;
  readonly kind: string;
  readonly fields: Fields;
  readonly at: number;
  sent: boolean;
}

/** Where unanswered commands outlive a reload of the page. */
export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** When the server is too busy and does not say for how long. */
const BUSY_RETRY_MS = 1_000;
const SHELF_KEY = "dropcue.errands";

/**
 * The commands of this console.
 *
 * Each has an id that is used once. Until it is answered it stays in `open` and is sent again, with the same id and
 * the same body, after every reconnect: the server counts it once. `busy` is not an answer; it is asked again.
 */
export class Errands {
  readonly open = shallowReactive(new Map<string, Errand>());
  private waiting = new Map<string, (answer: Answer) => void>();
  private transmit: ((frame: ToServer) => void) | null = null;
  private counter = 0;
  private readonly prefix: string;

  constructor(
    private readonly onRefused: (errand: Errand, refused: Refused) => void = () => undefined,
    private readonly shelf: Shelf | null = null,
    private readonly later: (ms: number, run: () => void) => void = (ms, run) => void setTimeout(run, ms),
    private readonly clock: () => number = () => Date.now(),
  ) {
    this.prefix = freshPrefix();
    for (const errand of this.kept()) this.open.set(errand.id, errand);
  }

  /** Resolves with the answer, however long the line is down. */
  send(kind: string, fields: Fields = {}): Promise<Answer> {
    this.counter += 1;
    const errand: Errand = { id: `${this.prefix}-${this.counter}`, kind, fields, at: this.clock(), sent: false };
    this.open.set(errand.id, errand);
    const answered = new Promise<Answer>((resolve) => this.waiting.set(errand.id, resolve));
    this.keep();
    this.put(errand);
    return answered;
  }

  /** The line is up: everything that has no answer goes out again. */
  lineUp(transmit: (frame: ToServer) => void): void {
    this.transmit = transmit;
    for (const errand of this.open.values()) this.put(errand);
  }

  lineDown(): void {
    this.transmit = null;
  }

  answer(answer: Answer): void {
    if (answer.id === null) return;
    const errand = this.open.get(answer.id);
    if (!errand) return;
    // `capped` without `retry_ms` is about somebody else: a member who was written to today is not asked for again and again.
    const again = answer.op === "refused" && (answer.code === "busy" || (answer.code === "capped" && answer.details?.["retry_ms"] !== undefined));
    if (again) {
      const wait = Number(answer.details?.["retry_ms"] ?? BUSY_RETRY_MS);
      this.later(Number.isFinite(wait) ? wait : BUSY_RETRY_MS, () => {
        if (this.open.has(errand.id)) this.put(errand);
      });
      return;
    }
    this.open.delete(errand.id);
    this.keep();
    if (answer.op === "refused") this.onRefused(errand, answer);
    this.waiting.get(errand.id)?.(answer);
    this.waiting.delete(errand.id);
  }

  /** Whether such a command is on its way; `fields` need only name what tells it apart. */
  pending(kind: string, fields: Fields = {}): boolean {
    for (const errand of this.open.values())
      if (errand.kind === kind && Object.entries(fields).every(([name, value]) => errand.fields[name] === value))
        return true;
    return false;
  }

  /** Forget all of it: another sale, another person. */
  clear(): void {
    this.open.clear();
    this.waiting.clear();
    this.keep();
  }

  private put(errand: Errand): void {
    if (!this.transmit) return;
    errand.sent = true;
    this.transmit({ op: "do", id: errand.id, kind: errand.kind, ...errand.fields });
  }

  private keep(): void {
    if (!this.shelf) return;
    if (this.open.size === 0) this.shelf.removeItem(SHELF_KEY);
    else this.shelf.setItem(SHELF_KEY, JSON.stringify([...this.open.values()]));
  }

  private kept(): Errand[] {
    try {
      const found: unknown = JSON.parse(this.shelf?.getItem(SHELF_KEY) ?? "[]");
      return Array.isArray(found) ? (found as Errand[]) : [];
    } catch {
      return []; // what another version left there is no command of ours
    }
  }
}

/** crypto.randomUUID is missing where the page is served without TLS on a local network; this is not. */
function freshPrefix(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return `c${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
