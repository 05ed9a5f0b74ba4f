import { beforeEach, describe, expect, it } from "vitest";
import { setLanguage } from "../src/i18n";
import type { Show } from "../src/line/entities";
import { change, fieldName, value } from "../src/reading/difference";

const show = { id: "show", title: "", status: "live", currency: "CNY", timezone: "Asia/Shanghai" } as Show;
const EIGHT = Date.UTC(2026, 10, 11, 12);

describe("what a difference says of a field", () => {
  beforeEach(() => setLanguage("en"));

  it("shows a moment at the sale's clock, and the day where it is another", () => {
    expect(change("at", { from: EIGHT, to: EIGHT + 90_000 }, show)).toBe("20:00 → 20:01:30");
    expect(change("start", { from: EIGHT, to: EIGHT + 86_400_000 }, show)).toBe("2026-11-11 20:00 → 2026-11-12 20:00");
  });

  it("shows the settings of a sheet in words, and none of them as JSON", () => {
    const night = [[EIGHT + 7_200_000, EIGHT + 43_200_000]];
    expect(change("followup.quiet", { from: night, to: [] }, show)).toBe("22:00–08:00 → –");
    expect(fieldName("followup.quiet")).toBe("follow-up: quiet hours");
    expect(value("followup.every", 86_400_000, show)).toBe("24:00:00");
    expect(value("team", [{ person: "li", role: "controller" }, { person: "mei", role: "cheer", groups: "all" }], show)).toBe("li Controller / mei Cheer");
    expect(value("phrases", [{ id: "a", title: "发货" }, { id: "b", title: "", text: "七天无理由" }], show)).toBe("发货 / 七天无理由");
    expect(value("golden", [{ at: { base: "show", offset: 0 }, lasts: 3_600_000 }, { at: { base: "clock", instant: EIGHT }, lasts: 1_800_000 }], show)).toBe("0:00 +1:00:00 / 20:00 +30:00");
    expect(value("pacing.caps", { vip: { per: 3_600_000, most: 3 } }, show)).toBe("vip 3 / 1:00:00");
    expect(value("unlocks", { price: 9900 }, show)).toBe("price ¥99");
    expect(value("prizes", ["保温杯", { name: "锅", quantity: 2 }, { coupon: "c20" }], show)).toBe("保温杯 / 锅 / coupon c20");
    expect(value("checks.exceptions", ["老第一家"], show)).toBe("老第一家");
  });

  it("shows money as money, lengths as lengths, and nothing as nothing", () => {
    expect(change("price", { from: 12900, to: 9950 }, show)).toBe("¥129 → ¥99.50");
    expect(change("lasts", { from: 180_000, to: 360_000 }, show)).toBe("3:00 → 6:00");
    expect(change("confirm", { from: null, to: "controller" }, show)).toBe("– → controller");
    expect(value("points", ["无涂层", "免烟"], show)).toBe("无涂层 / 免烟");
    expect(value("text", "字".repeat(200), show)).toHaveLength(60);
  });
});
