import type { State } from "../src/line/wire";

export const NOW = Date.UTC(2026, 10, 11, 12, 14, 7);

/** A kitchen flash sale, fourteen minutes in: twenty groups, two products, a coupon dropped once. */
export function kitchen(): State {
  const groups = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => {
      const id = `g${index + 1}`;
      return [id, { id, name: `群 ${index + 1}`, tier: index < 3 ? "vip" : "fan", tags: index % 2 ? ["kitchen"] : [], members: 100 }];
    }),
  );
  return {
    show: {
      show: { id: "show", title: "厨房专场", status: "live", currency: "CNY", timezone: "Asia/Shanghai", start: NOW - 14 * 60_000, segment: "pan-intro", run: "r7", product: "pan", approved: true, version: 1, targets: { sales: 5_000_000, buyers: 400 } },
    },
    segments: {
      warmup: { id: "warmup", kind: "warmup", name: "", index: 0, lasts: 600_000, planned_start: NOW - 900_000, planned_end: NOW - 300_000, start: NOW - 900_000, end: NOW - 252_000, status: "ended" },
      "pan-intro": { id: "pan-intro", kind: "product", product: "pan", index: 1, lasts: 180_000, planned_start: NOW - 96_000, start: NOW - 48_000, end: NOW + 132_000, status: "running", run: "r7" },
      "knife-intro": { id: "knife-intro", kind: "product", product: "knife", index: 2, lasts: 180_000, planned_start: NOW + 84_000, start: NOW + 132_000, end: NOW + 312_000, status: "planned" },
    },
    cues: {
      "pan-intro.1": { id: "pan-intro.1", segment: "pan-intro", index: 1, do: "product.show", at: NOW - 48_000, fired_at: NOW - 48_000, status: "fired", run: "r8" },
      "pan-intro.2": { id: "pan-intro.2", segment: "pan-intro", index: 2, do: "link.drop", product: "pan", at: NOW + 132_000, status: "planned", groups: "all", reach: 20 },
      "pan-intro.3": { id: "pan-intro.3", segment: "pan-intro", index: 3, do: "prompt.send", to: "host", text: "券快没了", when: "coupon c20 left <= 10%", status: "planned" },
    },
    products: {
      knife: { id: "knife", name: "刀具", price: 5_900, stock: 400, url: "https://shop.example/knife" },
      pan: { id: "pan", name: "不粘锅", price: 12_900, list_price: 19_900, stock: 212, url: "https://shop.example/pan", points: ["无涂层", "免烟", "七年保", "第四点"], on_air: true, drop: "drop1" },
    },
    coupons: { c20: { id: "c20", kind: "threshold", title: "满100减20", quantity: 500, left: 439, claimed: 61, products: ["pan"], drop: "drop2", dropped_at: NOW - 60_000 } },
    links: { room: { id: "room", kind: "room", title: "直播间" } },
    drops: {
      drop1: { id: "drop1", kind: "link", what: "pan", at: NOW - 62_000, fire_at: NOW - 60_000, fired_at: NOW - 60_000, status: "fired", groups: ["g1", "g2", "g3"], run: "r2", cue: "x" },
      drop2: { id: "drop2", kind: "coupon", what: "c20", at: NOW - 32_000, fire_at: NOW - 30_000, fired_at: NOW - 30_000, status: "fired", groups: ["g1", "g2", "g10"], run: "r3", cue: "y" },
    },
    deliveries: {
      d1: { id: "d1", group: "g1", drop: "drop2", status: "sent", attempt: 1 },
      d2: { id: "d2", group: "g2", drop: "drop2", status: "failed", attempt: 1, why: "removed" },
      d3: { id: "d3", group: "g10", drop: "drop2", status: "unknown", attempt: 1 },
      d4: { id: "d4", group: "g1", drop: "drop1", status: "sent", attempt: 2 },
      d5: { id: "d5", group: "g1", drop: "drop1", status: "failed", attempt: 1 },
    },
    prompts: {},
    questions: { q1: { id: "q1", text: "能进洗碗机吗?", groups: { g3: 2 }, count: 2, at: NOW - 190_000, status: "new" } },
    groups,
    people: { "controller:li": { id: "controller:li", person: "li", role: "controller", here: true } },
    figures: { sale: { sales_paid: 3_821_000, buyers: 97, clicks: 812 } },
  };
}
