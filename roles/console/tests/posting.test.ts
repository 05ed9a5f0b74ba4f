import { describe, expect, it } from "vitest";
import type { Delivery } from "../src/line/entities";
import { Errands } from "../src/line/errands";
import { Store } from "../src/line/store";
import { othersWho, posting, proofsOf, wordsOf } from "../src/reading/posting";

const NOW = 1_800_000_000_000;

function given(...deliveries: (Partial<Delivery> & { id: string })[]): Store {
  const store = new Store();
  const whole = deliveries.map((delivery) => [delivery.id, { group: "g1", relay: "qun", status: "awaiting", fire_at: NOW, ...delivery }] as const);
  store.replace({ deliveries: Object.fromEntries(whole) });
  return store;
}
const ids = (deliveries: Delivery[]): string[] => deliveries.map((delivery) => delivery.id);

describe("what a poster has to post", () => {
  it("comes by its time, links before chat at the same moment", () => {
    const store = given({ id: "d1", fire_at: NOW + 60_000 }, { id: "d2", priority: 5 }, { id: "d10", priority: 1 });
    expect(ids(posting(store, new Errands(), "qun", NOW, new Set()).waiting)).toEqual(["d10", "d2", "d1"]);
  });

  it("what another poster has is apart, and only while it waits", () => {
    const store = given({ id: "d1", relay: "hui" }, { id: "d2", relay: "hui", status: "unknown" });
    const found = posting(store, new Errands(), "qun", NOW, new Set());
    expect([ids(found.waiting), ids(found.others), ids(found.done)]).toEqual([[], ["d1"], []]);
  });

  it("what I said I posted stays mine though another had it from then on, with who else posted it and all that is shown", () => {
    const further = [{ relay: "hui", at: NOW + 9, sent_at: NOW + 8, proof: "two" }, { relay: "qun", at: NOW + 9, proof: "three" }];
    const store = given({ id: "d1", relay: "hui", status: "sent", sent_by: "qun", sent_at: NOW, proof: "one", further }, { id: "d2", relay: "hui", status: "sent", sent_by: "hui" });
    const [mine] = posting(store, new Errands(), "qun", NOW, new Set()).done;
    expect(mine?.id).toBe("d1");
    expect(othersWho(mine!, "qun")).toEqual([{ who: "hui", at: NOW + 8 }]);
    expect(proofsOf(mine!)).toEqual(["one", "two", "three"]);
  });

  it("what was said on this phone waits for the line and not for the person", () => {
    const errands = new Errands();
    void errands.send("delivery.report", { delivery: "d1", attempt: 1, outcome: "sent" });
    const found = posting(given({ id: "d1" }, { id: "d2" }), errands, "qun", NOW, new Set());
    expect([ids(found.waiting), ids(found.done), [...found.unheard]]).toEqual([["d2"], ["d1"], ["d1"]]);
  });

  it("what is taken back stays on the screen until it was seen, by attempt", () => {
    const store = given({ id: "d1", status: "withdrawn", attempt: 2, recalled_at: NOW - 1_000 });
    expect(ids(posting(store, new Errands(), "qun", NOW, new Set(["d1.1"])).withdrawn)).toEqual(["d1"]);
    expect(ids(posting(store, new Errands(), "qun", NOW, new Set(["d1.2"])).withdrawn)).toEqual([]);
    expect(ids(posting(store, new Errands(), "qun", NOW + 3_600_000, new Set()).withdrawn)).toEqual([]);
  });
});

describe("what is copied", () => {
  it("has its address whole, once", () => {
    const link = "https://live.example/l/abc";
    expect(wordsOf({ id: "d1", group: "g1", status: "awaiting", content: { text: `来 ${link}`, link } })).toBe(`来 ${link}`);
    expect(wordsOf({ id: "d1", group: "g1", status: "awaiting", content: { text: "来", link, mention: "@所有人" } })).toBe(`@所有人 来\n${link}`);
  });
});
