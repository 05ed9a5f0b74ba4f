import { describe, expect, it } from "vitest";
import { waitBefore } from "../src/line/backoff";

describe("the wait before coming back", () => {
  it("grows with each failed try up to a bound that a show can bear", () => {
    const waits = [0, 1, 2, 3, 4, 5, 6, 50].map((attempt) => waitBefore(attempt, () => 1));
    expect(waits).toEqual([300, 600, 1_200, 2_400, 4_800, 8_000, 8_000, 8_000]);
  });

  it("spreads a crowd: half of each wait is random", () => {
    expect(waitBefore(3, () => 0)).toBe(1_200);
    expect(waitBefore(3, () => 0.5)).toBe(1_800);
  });
});
