import { describe, expect, it } from "vitest";
import { setLanguage } from "../src/i18n";
import { duration, minorUnits, money, timeOfCue, timeOfDay } from "../src/reading/format";
import { NOW } from "./fixture";

describe("time in words", () => {
  it("is short, and whole seconds", () => {
    expect(duration(132_000)).toBe("2:12");
    expect(duration(999)).toBe("0:00");
    expect(duration(3_723_000)).toBe("1:02:03");
    expect(duration(-5)).toBe("0:00");
  });
  it("rounds time left up, so that 0:00 means over", () => {
    expect(duration(1, "up")).toBe("0:01");
    expect(duration(0, "up")).toBe("0:00");
  });
  it("counts days where nobody counts minutes", () => {
    setLanguage("en");
    expect(duration(97 * 3_600_000)).toBe("4 d 1 h");
    setLanguage("zh");
    expect(duration(97 * 3_600_000)).toBe("4 天 1 时");
  });
  it("is the time of day where the sale is, not where the screen is", () => {
    expect(timeOfDay(NOW, "Asia/Shanghai")).toBe("20:14:07");
    expect(timeOfDay(NOW, "Europe/London", false)).toBe("12:14");
    expect(timeOfDay(NOW, "No/Where")).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(timeOfDay(Date.UTC(2026, 0, 1, 16), "Asia/Shanghai")).toBe("00:00:00");
  });
  it("shows a cue's seconds only where they say something", () => {
    expect(timeOfCue(NOW, "Asia/Shanghai")).toBe("20:14:07");
    expect(timeOfCue(NOW - 7_000, "Asia/Shanghai")).toBe("20:14");
  });
});

describe("money", () => {
  it("is shown from whole minor units, with a fraction only where there is one", () => {
    expect(money(12_900, "CNY", "zh")).toBe("¥129");
    expect(money(4_990, "CNY", "en")).toBe("¥49.90");
    expect(money(3_821_000, "CNY", "zh")).toBe("¥38,210");
    expect(money(1_500, "JPY", "en")).toContain("1,500");
  });
  it("is read from what was typed without floating point", () => {
    expect(minorUnits("129")).toBe(12_900);
    expect(minorUnits(" 0.29 ")).toBe(29);
    expect(minorUnits("1.1")).toBe(110);
    expect(minorUnits("12", 0)).toBe(12);
    for (const typed of ["", "-1", "1.234", "1e3", "abc", "1.5.2"]) expect(minorUnits(typed)).toBeNull();
    expect(minorUnits("1.5", 0)).toBeNull();
  });
});
