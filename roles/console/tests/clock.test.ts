import { describe, expect, it } from "vitest";
import { SaleClock } from "../src/line/clock";

function clockAt(): { clock: SaleClock; at(ms: number): void } {
  let local = 0;
  const clock = new SaleClock(() => local);
  return { clock, at: (ms) => (local = ms) };
}

describe("the sale's clock", () => {
  it("takes the round trip that took least, because its error is at most half of it", () => {
    const { clock, at } = clockAt();
    at(1_000);
    clock.sample(0, 1_000, 100_900, 1); // slow: off by 400
    clock.sample(1_000, 1_010, 101_005, 1); // quick and exact: the server says 100 000 more
    clock.sample(1_010, 1_510, 101_060, 1); // slow again
    at(1_510);
    expect(clock.now()).toBeCloseTo(101_510, 0);
    expect(clock.lastRtt).toBe(500);
  });

  it("slews small corrections instead of jumping, and never runs backwards", () => {
    const { clock, at } = clockAt();
    clock.sample(0, 400, 50_400, 1); // says local + 50 200
    at(400);
    const before = clock.now();
    expect(before).toBe(50_600);
    clock.sample(400, 404, 50_402, 1); // better: local + 50 000, so the clock is 200 ahead
    let shown = before;
    for (let ms = 500; ms <= 4_000; ms += 100) {
      at(ms);
      const next = clock.now();
      expect(next - shown).toBeGreaterThanOrEqual(89);
      expect(next - shown).toBeLessThanOrEqual(111);
      shown = next;
    }
    expect(shown).toBeCloseTo(54_000, 0);
  });

  it("follows a rehearsal's speed and its jumps at once", () => {
    const { clock, at } = clockAt();
    clock.sample(0, 10, 1_000_000, 20);
    at(1_005);
    expect(clock.now()).toBeCloseTo(1_020_000, -1);
    clock.sample(1_005, 1_015, 9_000_000, 20);
    at(1_015);
    expect(clock.now()).toBeCloseTo(9_000_100, -1);
  });

  it("an old sample loses to a fresh one that is nearly as good, for clocks drift", () => {
    const { clock, at } = clockAt();
    clock.sample(0, 10, 5, 1);
    clock.sample(3_600_000, 3_600_020, 3_600_110, 1); // an hour on, 100 ms of drift, 10 ms more of round trip
    at(3_600_020);
    expect(clock.now()).toBeCloseTo(3_600_120, 0);
  });
});
