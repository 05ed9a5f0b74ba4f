import { beforeEach, describe, expect, it } from "vitest";
import { setLanguage } from "../src/i18n";
import type { Show } from "../src/line/entities";
import { change, value } from "../src/reading/difference";

const show = { id: "show", title: "", status: "live", currency: "CNY", timezone: "Asia/Shanghai" } as Show;
const EIGHT = Date.UTC(2026, 10, 11, 12);

describe("what a difference says of a field", () => {
  beforeEach(() => setLanguage("en"));

  it("shows a moment at the sale's clock, and the day where it is another", () => {
    expect(change("at", { from: EIGHT, to: EIGHT + 90_000 }, show)).toBe("20:00 → 20:01:30");
    expect(change("start", { from: EIGHT, to: EIGHT + 86_400_000 }, show)).toBe("2026-11-11 20:00 → 2026-11-12 20:00");
  });

  it("shows money as money, lengths as lengths, and nothing as nothing", () => {
    expect(change("price", { from: 12900, to: 9950 }, show)).toBe("¥129 → ¥99.50");
    expect(change("lasts", { from: 180_000, to: 360_000 }, show)).toBe("3:00 → 6:00");
    expect(change("confirm", { from: null, to: "controller" }, show)).toBe("– → controller");
    expect(value("points", ["无涂层", "免烟"], show)).toBe("无涂层 / 免烟");
    expect(value("text", "字".repeat(200), show)).toHaveLength(60);
  });
});
