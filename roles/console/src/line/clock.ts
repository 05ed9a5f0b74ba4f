/** How many round trips are remembered: about a minute of pings. */
const REMEMBERED = 24;
/** Quartz in phones drifts by up to some 50 ppm; a sample's worth falls with its age by this much. */
const DRIFT = 50e-6;
/** Errors below this are slewed so that a counting display never jumps; a larger one is a step of the sale's clock. */
const STEP_MS = 1_000;
/** Slewing changes the pace by at most this share. */
const SLEW = 0.1;

interface Sample {
  local: number;
  server: number;
  rtt: number;
}

/**
 * The sale's time on this machine, from the best of several round trips.
 *
 * `local` is always a monotonic reading in ms (performance.now). The sample with the shortest round trip has the
 * smallest error (at most half of it); age is charged against it for drift. `now()` never jumps for a small
 * correction: it runs a little faster or slower until it agrees.
 */
export class SaleClock {
  private samples: Sample[] = [];
  private shown: { local: number; sale: number } | null = null;
  speed = 1;
  /** The last round trip in ms; null before the first. */
  lastRtt: number | null = null;

  constructor(private readonly monotonic: () => number = () => performance.now()) {}

  get known(): boolean {
    return this.samples.length > 0;
  }

  /** `sent` and `received` are monotonic readings around the exchange in which the server said `server`. */
  sample(sent: number, received: number, server: number, speed: number): void {
    // A clock of another speed is another clock: older samples say nothing about it.
    if (speed !== this.speed) this.samples = [];
    this.speed = speed;
    const rtt = Math.max(0, received - sent);
    const fresh = { local: (sent + received) / 2, server, rtt };
    // A rehearsal's clock may jump to its next moment. An older sample cannot outvote that.
    const told = this.estimate(fresh.local);
    if (told !== null && Math.abs(told - server) > STEP_MS * speed + rtt * speed) this.samples = [];
    this.samples.push(fresh);
    if (this.samples.length > REMEMBERED) this.samples.shift();
    this.lastRtt = rtt;
  }

  /** Sale time in ms since 1970; before the first sample the machine's own time. */
  now(): number {
    const local = this.monotonic();
    const target = this.estimate(local);
    if (target === null) return Date.now();
    if (this.shown === null) {
      this.shown = { local, sale: target };
      return target;
    }
    const passed = (local - this.shown.local) * this.speed;
    const free = this.shown.sale + passed;
    const error = target - free;
    const most = Math.abs(passed) * SLEW;
    const sale = Math.abs(error) > STEP_MS * this.speed ? target : free + Math.max(-most, Math.min(most, error));
    this.shown = { local, sale };
    return sale;
  }

  private estimate(local: number): number | null {
    let best: Sample | null = null;
    let least = Infinity;
    for (const sample of this.samples) {
      const error = sample.rtt / 2 + (local - sample.local) * DRIFT;
      if (error < least) {
        least = error;
        best = sample;
      }
    }
    return best === null ? null : best.server + (local - best.local) * this.speed;
  }
}
